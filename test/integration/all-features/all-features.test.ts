// Every feature at once: an embedded instance gives what simulate gives, though it is restarted and pace is away for hours.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { Publisher } from '../../../api/publisher.ts';
import { readTopic } from '../../../api/reader.ts';
import { startInstance } from '../../../cli/instance.ts';
import { runSimulation } from '../../../cli/simulation.ts';
import { jsonForm } from '../../../schemas/json-form.ts';
import type { Policy } from '../../../schemas/policy.ts';
import {
  consents,
  decisions,
  events,
  profiles,
  receipts,
  sendRequests,
  sends,
  sessions,
  signals,
  type Topic,
} from '../../../schemas/topics.ts';
import type { Receipt, SendCommand } from '../../../schemas/types.ts';
import { campaigns, policyWith } from './definitions.ts';
import { answersTo, beginOf, type People, people, SLICES, UNTIL } from './people.ts';

/** Outcomes may be told again where pace was away, under the same id. */
const OUTPUTS: readonly Topic<unknown>[] = [sessions, signals, decisions, sends];
const MOST_ROUNDS = 20;

type Instance = Awaited<ReturnType<typeof startInstance>>;

function write<T>(folder: string, topic: Topic<T>, values: readonly T[]): string {
  const file = join(folder, `${topic.name}.ndjson`);
  const form = jsonForm(topic);
  writeFileSync(file, values.map((value) => `${form.write(value)}\n`).join(''));
  return file;
}

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean);

/** Simulates until the receipts answer exactly the messages that are sent with them. */
async function simulated(folder: string, all: People, policy: Policy): Promise<readonly Receipt[]> {
  const inputs = {
    events: write(folder, events, all.events),
    profiles: write(folder, profiles, all.profiles),
    consents: write(folder, consents, all.consents),
    sendRequests: write(folder, sendRequests, all.sendRequests),
  };
  const out = join(folder, 'out');
  let known: readonly Receipt[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const given = write(folder, receipts, known);
    await runSimulation({ ...inputs, receipts: given, campaigns, policy, until: UNTIL, out });
    const sent = linesOf(join(out, 'sends.ndjson')).map(
      (line) => jsonForm(sends).read(JSON.parse(line)) as SendCommand,
    );
    const answers = answersTo(sent);
    if (JSON.stringify(answers) === JSON.stringify(known)) return known;
    known = answers;
  }
  throw new Error('the receipts never came to answer what was sent');
}

/** An embedded instance that is published to, and waited for. */
class Embedded {
  readonly #start: (topologies: readonly ('engage' | 'pace')[]) => Promise<Instance>;
  #instance: Instance | undefined;

  constructor(dir: string, policy: Policy, partitions: number) {
    const settings = { dir, campaigns, policy, time: 'events', partitions, host: '127.0.0.1', port: 0 } as const;
    const sinks = { delivery: 'file', clickhouse: 'embedded', logger: pino({ level: 'silent' }) } as const;
    const onFailure = (error: unknown): void => {
      throw error;
    };
    this.#start = (topologies) => startInstance({ ...settings, ...sinks, topologies, onFailure });
  }

  get instance(): Instance {
    if (this.#instance === undefined) throw new Error('it is not running');
    return this.#instance;
  }

  async restart(topologies: readonly ('engage' | 'pace')[]): Promise<void> {
    await this.stop();
    this.#instance = await this.#start(topologies);
    await this.#quiet();
  }

  async stop(): Promise<void> {
    await this.#instance?.stop();
    this.#instance = undefined;
  }

  async publish<T>(topic: Topic<T>, values: readonly T[]): Promise<void> {
    if (values.length === 0) return;
    const { log, serde } = this.instance;
    await new Publisher(log, serde).publish(topic, values);
    await this.#quiet();
  }

  async advance(to: number): Promise<void> {
    const { log, serde } = this.instance;
    await new Publisher(log, serde).advance(to);
    await this.#quiet();
  }

  #quiet(): Promise<void> {
    return expect.poll(() => this.instance.worker.quiet, { timeout: 60_000, interval: 3 }).toBe(true);
  }
}

/** Publishes events and send-requests in order of time, each run of one topic after the one before was processed. */
async function publishStreams(embedded: Embedded, all: People, from: number, to: number): Promise<void> {
  const merged = [
    ...within(all.events, (e) => e.occurredAt, from, to).map((event) => ({ at: event.occurredAt, event })),
    ...within(all.sendRequests, (r) => r.requestedAt, from, to).map((request) => ({
      at: request.requestedAt,
      request,
    })),
  ].sort((a, b) => a.at - b.at);
  for (let begin = 0, end = 0; begin < merged.length; begin = end) {
    const isEvent = (i: number): boolean => 'event' in (merged[i] as object);
    while (end < merged.length && isEvent(end) === isEvent(begin)) end++;
    const run = merged.slice(begin, end);
    if (isEvent(begin)) {
      await embedded.publish(
        events,
        run.flatMap((one) => ('event' in one ? [one.event] : [])),
      );
    } else {
      await embedded.publish(
        sendRequests,
        run.flatMap((one) => ('request' in one ? [one.request] : [])),
      );
    }
  }
}

function within<T>(all: readonly T[], time: (value: T) => number, from: number, to: number): readonly T[] {
  return all.filter((value) => time(value) >= from && time(value) < to);
}

test.each([
  { hold: undefined, partitions: 1 },
  { hold: '20m', partitions: 3 },
])('hold $hold, $partitions partitions: the records that simulate gives', { timeout: 120_000 }, async (options) => {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-all-features-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const policy = policyWith(options.hold);
  const all = people();
  const answers = await simulated(folder, all, policy);
  expect(answers.filter(({ hop }) => hop > 0).length).toBeGreaterThan(20);

  const embedded = new Embedded(join(folder, 'instance'), policy, options.partitions);
  onTestFinished(() => embedded.stop());
  await embedded.restart(['engage', 'pace']);
  for (let slice = -1; slice < SLICES; slice++) {
    const [from, to] = [slice < 0 ? 0 : beginOf(slice), beginOf(slice + 1)];
    if (slice % 4 === 1) await embedded.restart(['engage']);
    if (slice % 4 === 2) await embedded.restart(['engage', 'pace']);
    await embedded.publish(
      profiles,
      within(all.profiles, (p) => p.updatedAt, from, to),
    );
    await embedded.publish(
      consents,
      within(all.consents, (c) => c.changedAt, from, to),
    );
    await publishStreams(embedded, all, from, to);
    // Time begins with the first event or request, for all partitions at once.
    const first = Math.min(all.events[0]?.occurredAt ?? to, all.sendRequests[0]?.requestedAt ?? to);
    await embedded.advance(slice < 0 ? first : to);
    await embedded.publish(
      receipts,
      within(answers, (r) => r.occurredAt, from, to),
    );
  }
  const { log, serde } = embedded.instance;
  for (const topic of OUTPUTS) {
    const form = jsonForm(topic);
    const lines: string[] = [];
    for await (const batch of readTopic(log, serde, topic)) lines.push(...batch.map((value) => form.write(value)));
    const expected = linesOf(join(folder, 'out', `${topic.name}.ndjson`)).sort();
    expect(expected.length, topic.name).toBeGreaterThan(100);
    expect(lines.length, topic.name).toBe(expected.length);
    lines.sort();
    expect(lines.filter((line, i) => line !== expected[i]).slice(0, 3), topic.name).toEqual([]);
  }
});
