import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Publisher } from '../../api/publisher.ts';
import { readTopic } from '../../api/reader.ts';
import { population } from '../../cli/demo/population.ts';
import { loadCampaigns } from '../../cli/files/load-campaigns.ts';
import { readNdjson } from '../../cli/files/ndjson.ts';
import { type Instance, startInstance, type TopologyName } from '../../cli/instance.ts';
import { runSimulation } from '../../cli/simulation.ts';
import type { Budget } from '../../schemas/campaign/budget.ts';
import { parseDuration } from '../../schemas/durations.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { defaultPolicy } from '../../schemas/policy.ts';
import {
  candidates,
  consents,
  decisions,
  events,
  outcomes,
  profiles,
  sends,
  sessions,
  signals,
  type Topic,
  verdicts,
} from '../../schemas/topics.ts';
import { dataFiles, sortedLines, writeUsers } from './real-data.ts';

const OUTPUTS: readonly Topic<unknown>[] = [sessions, signals, decisions, sends, outcomes];
const UNTIL = Date.UTC(2027, 0, 1);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-one-engine-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Inputs {
  readonly events: string;
  readonly profiles: string;
  readonly consents: string;
}

const AMPLE = 10 ** 12;

function ample(budget: Budget): Budget {
  const unlimited = { totalMicros: budget.totalMicros && AMPLE, dailyMicros: budget.dailyMicros && AMPLE };
  return { ...budget, ...unlimited, perChannelMicros: {} };
}

/**
 * Runs the same files through simulate and through an embedded instance of one partition, and compares what they gave.
 * `paceComesLate`: everything else is done before pace is there to answer.
 */
async function compare(
  name: string,
  inputs: Inputs,
  campaignFolder: string,
  lateness: string,
  { paceComesLate = false } = {},
): Promise<{ sessions: number; signals: number }> {
  const loaded = loadCampaigns(campaignFolder).campaigns;
  expect(loaded.length).toBeGreaterThan(0);
  // Who gets the last of a budget that binds follows the order in which requests reach pace, so none binds here.
  const campaigns = loaded.map((c) => (c.budget === null ? c : { ...c, budget: ample(c.budget) }));
  const policy = { ...defaultPolicy, latenessMs: parseDuration(lateness) };
  const out = join(folder, `${name}-out`);
  const summary = await runSimulation({ ...inputs, campaigns, policy, until: UNTIL, out });
  const settings = {
    dir: join(folder, name),
    campaigns,
    policy,
    time: 'events',
    partitions: 1,
    host: '127.0.0.1',
    port: 0,
    delivery: 'file',
    clickhouse: 'embedded',
    logger: pino({ level: 'silent' }),
    onFailure: (error: unknown) => {
      throw error;
    },
  } as const;
  const start = (topologies: readonly TopologyName[]): Promise<Instance> => startInstance({ ...settings, topologies });
  let instance = await start(paceComesLate ? ['engage'] : ['engage', 'pace']);
  const settled = (): Promise<void> =>
    expect.poll(() => instance.worker.quiet, { timeout: 200_000, interval: 200 }).toBe(true);
  try {
    const publisher = new Publisher(instance.log, instance.serde);
    const files: readonly (readonly [string, Topic<unknown>])[] = [
      [inputs.profiles, profiles],
      [inputs.consents, consents],
      [inputs.events, events],
    ];
    for (const [file, topic] of files) {
      for await (const { lines } of readNdjson(file, topic))
        await publisher.publish(
          topic,
          lines.map((l) => l.value),
        );
    }
    await publisher.advance(UNTIL);
    await settled();
    if (paceComesLate) {
      expect(await recordsOf(instance, verdicts)).toBe(0);
      expect(await recordsOf(instance, candidates)).toBeGreaterThan(20);
      await instance.stop();
      instance = await start(['engage', 'pace']);
      await settled();
    }
    for (const topic of OUTPUTS) {
      const form = jsonForm(topic);
      const lines: string[] = [];
      for await (const batch of readTopic(instance.log, instance.serde, topic))
        lines.push(...batch.map((v) => form.write(v)));
      lines.sort();
      const expected = await sortedLines(join(out, `${topic.name}.ndjson`));
      expect(lines.length, topic.name).toBe(expected.length);
      expect(lines.filter((line, i) => line !== expected[i]).slice(0, 3), topic.name).toEqual([]);
    }
  } finally {
    await instance.stop();
  }
  return { sessions: summary.sessions, signals: Object.values(summary.signals).reduce((a, b) => a + b, 0) };
}

async function recordsOf(instance: Instance, topic: Topic<unknown>): Promise<number> {
  let count = 0;
  for await (const batch of readTopic(instance.log, instance.serde, topic)) count += batch.length;
  return count;
}

/** Files of a generated population. */
function generated(): Inputs {
  const people = population({ users: 150, days: 20, from: Date.UTC(2026, 0, 1) });
  const write = <T>(topic: Topic<T>, values: readonly T[]): string => {
    const file = join(folder, `${topic.name}.ndjson`);
    const form = jsonForm(topic);
    writeFileSync(file, values.map((value) => `${form.write(value)}\n`).join(''));
    return file;
  };
  const inputs = {
    events: write(events, people.events),
    profiles: write(profiles, people.profiles),
    consents: write(
      consents,
      people.consents.filter((c) => c.changedAt < Date.UTC(2026, 0, 1)),
    ),
  };
  return inputs;
}

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples', 'campaigns');

test('a generated population: the embedded instance gives what simulate gives', { timeout: 120_000 }, async () => {
  const { sessions: count } = await compare('population', generated(), EXAMPLES, '5m');
  expect(count).toBeGreaterThan(500);
});

test('and so it does where pace comes back after everything has happened', { timeout: 120_000 }, async () => {
  await compare('paused', generated(), EXAMPLES, '5m', { paceComesLate: true });
});

// Real files, where BECKON_DATA names a folder that holds them.
const data = process.env.BECKON_DATA;
for (const file of data === undefined ? [] : dataFiles) {
  test(`${file.name}: the embedded instance gives what simulate gives`, { timeout: 240_000 }, async () => {
    const path = join(data as string, `${file.name}.ndjson.gz`);
    mkdirSync(join(folder, `${file.name}-users`));
    const users = await writeUsers(path, join(folder, `${file.name}-users`));
    const campaigns = join(import.meta.dirname, 'campaigns', file.name);
    const counts = await compare(file.name, { events: path, ...users }, campaigns, file.lateness);
    expect(counts).toEqual({ sessions: file.sessions, signals: file.signals });
  });
}
