// pace is away while the load goes on: thousands of users wait for its word, each with all that is asked behind, and once it is
// back everything is as if it had never been away.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { population } from '../../../cli/demo/population.ts';
import { runSimulation } from '../../../cli/simulation.ts';
import { type Campaign, parseCampaign } from '../../../schemas/campaign.ts';
import { jsonForm } from '../../../schemas/json-form.ts';
import { parsePolicy } from '../../../schemas/policy.ts';
import type { Parsed } from '../../../schemas/problems.ts';
import { candidates, consents, events, profiles, type Topic, verdicts } from '../../../schemas/topics.ts';
import type { UserEvent } from '../../../schemas/types.ts';
import { expectSimulated, OUTPUTS } from '../compared.ts';
import { FROM, type Ground, openGround, UNTIL } from './ground.ts';
import { environment, InstanceProcess } from './instance.ts';
import { Probe } from './probe.ts';

const TIMEOUT = 240_000;
/** How long (ms) the load goes on without pace; 0: as long as it takes to be published. */
const AWAY = Number(process.env.BECKON_TEST_PACE_AWAY ?? 0);
const PIECE = 500;
/** The part of the events that come before pace leaves. */
const BEFORE = 0.1;
const LEAST_WAITING = 3000;

/** Budgets are roomy: who gets the last of one that binds follows the order in which candidates reach pace. */
const campaigns: readonly Campaign[] = Object.entries({
  greeting: {
    trigger: { event: 'app_open' },
    channels: ['push', 'whatsapp', 'email', 'sms'],
    dedupe: { window: '12h' },
    budget: { total: 10_000_000, daily: 1_000_000 },
    conversion: { event: 'savings_deposit', within: '1d', value: 'amount' },
  },
  'after-session': {
    trigger: { session: 'closed' },
    priority: 70,
    channels: ['email', 'push'],
    schedule: { quietHours: '21:00-08:00', expiresAfter: '36h' },
    budget: { total: 10_000_000, from: '2026-01-01', to: '2026-12-01', pacing: 'even' },
  },
  'no-budget': {
    trigger: { event: 'product_view' },
    priority: 60,
    channels: ['whatsapp'],
    dedupe: { window: '24h' },
    conversion: { event: 'add_to_cart', within: '2d', value: 'price' },
  },
  silent: {
    trigger: { signal: 'inactive', after: '3d' },
    channels: ['sms'],
    holdout: '10%',
    budget: { total: 10_000_000, perChannel: { sms: 5_000_000 } },
    conversion: { event: 'app_open', within: '5d' },
  },
}).map(([id, file]) => taken(parseCampaign({ id, content: { text: 'Hello.' }, ...file })));
/** Caps bind, so that it shows who was sent first. */
const policy = taken(parsePolicy({ caps: [{ max: 2, window: '1d' }] }));

function taken<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Error(JSON.stringify(parsed.problems));
}

const opened = await openGround();
const ground = opened as Ground;
afterAll(() => opened?.close());

function write<T>(folder: string, topic: Topic<T>, values: readonly T[]): string {
  const file = join(folder, `${topic.name}.ndjson`);
  const form = jsonForm(topic);
  writeFileSync(file, values.map((value) => `${form.write(value)}\n`).join(''));
  return file;
}

test.skipIf(opened === undefined)(
  'what waits for pace is decided as simulate decides it',
  { timeout: TIMEOUT + AWAY },
  async () => {
    const folder = join(ground.folder, 'pace-away');
    mkdirSync(folder, { recursive: true });
    const made = population({ users: 8000, days: 2, from: FROM });
    // Later ones would have to be published between events to be known in time.
    const people = { ...made, consents: made.consents.filter(({ changedAt }) => changedAt < FROM) };
    const out = join(folder, 'out');
    const inputs = {
      events: write(folder, events, people.events),
      profiles: write(folder, profiles, people.profiles),
      consents: write(folder, consents, people.consents),
    };
    await runSimulation({ ...inputs, campaigns, policy, until: UNTIL, out });

    const cluster = await ground.emptied('pace-away');
    const probe = await Probe.open(cluster, folder, { partitions: 4, campaigns, policy });
    onTestFinished(() => probe.close());
    const start = (topologies: string): InstanceProcess =>
      new InstanceProcess(join(folder, topologies), environment(cluster), ['--topology', topologies]);
    const stop = async (instance: InstanceProcess): Promise<void> => {
      expect(await instance.kill('SIGTERM'), instance.log).toEqual({ code: 0, signal: null });
    };
    const publish = async (all: readonly UserEvent[], ms: number): Promise<void> => {
      const pause = (ms * PIECE) / all.length;
      for (let at = 0; at < all.length; at += PIECE) {
        await probe.publisher.publish(events, all.slice(at, at + PIECE));
        if (pause > 0) await delay(pause);
      }
    };

    const worker = start('engage,deliver');
    let pacer = start('pace');
    await Promise.all([worker.ready, pacer.ready]);
    await probe.publisher.publish(profiles, people.profiles);
    await probe.publisher.publish(consents, people.consents);
    await probe.atRest([worker, pacer], ['engage', 'pace', 'deliver']);

    const left = Math.floor(people.events.length * BEFORE);
    await publish(people.events.slice(0, left), 0);
    await probe.atRest([worker, pacer], ['engage', 'pace', 'deliver']);
    await stop(pacer);
    await publish(people.events.slice(left), AWAY);
    await probe.atRest([worker], ['engage', 'deliver']);
    const asked = (await probe.read(candidates)).filter(({ kind }) => kind === 'reserve').length;
    const answered = (await probe.read(verdicts)).length;
    expect(asked - answered, 'users who wait').toBeGreaterThan(LEAST_WAITING);
    expect(answered, 'answers').toBeGreaterThan(0);

    pacer = start('pace');
    await pacer.ready;
    await probe.atRest([worker, pacer], ['engage', 'pace', 'deliver']);
    await probe.publisher.advance(UNTIL);
    await probe.atRest([worker, pacer], ['engage', 'pace', 'deliver']);
    expect((await probe.read(verdicts)).length, 'answers').toBeGreaterThan(asked);
    for (const instance of [worker, pacer]) await stop(instance);
    for (const topic of OUTPUTS) expectSimulated(out, topic, await probe.read(topic));
  },
);
