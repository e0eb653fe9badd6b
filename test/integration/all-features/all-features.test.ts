// Every feature at once: an embedded instance gives what simulate gives, though it is restarted and pace is away for hours.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { Publisher } from '../../../api/publisher.ts';
import { readTopic } from '../../../api/reader.ts';
import { startInstance } from '../../../cli/instance.ts';
import type { Policy } from '../../../schemas/policy.ts';
import { expectSimulated, OUTPUTS } from '../compared.ts';
import { campaigns, policyWith } from './definitions.ts';
import { people, SLICES } from './people.ts';
import { simulated } from './simulated.ts';
import { type Step, stepsOf } from './steps.ts';

type Instance = Awaited<ReturnType<typeof startInstance>>;

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

  async take(step: Step): Promise<void> {
    const { log, serde } = this.instance;
    const publisher = new Publisher(log, serde);
    if ('advance' in step) await publisher.advance(step.advance);
    else await publisher.publish(step.topic, step.values);
    await this.#quiet();
  }

  #quiet(): Promise<void> {
    return expect.poll(() => this.instance.worker.quiet, { timeout: 60_000, interval: 3 }).toBe(true);
  }
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
    const { first, last } = stepsOf(slice, all, answers);
    const away = slice % 4 === 1;
    if (away) await embedded.restart(['engage']);
    for (const step of first) await embedded.take(step);
    if (away) await embedded.restart(['engage', 'pace']);
    for (const step of last) await embedded.take(step);
  }
  const { log, serde } = embedded.instance;
  for (const topic of OUTPUTS) {
    const values: unknown[] = [];
    for await (const batch of readTopic(log, serde, topic)) values.push(...batch);
    expectSimulated(join(folder, 'out'), topic, values);
  }
});
