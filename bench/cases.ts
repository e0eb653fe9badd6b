// What is measured: one entry a case. Each runs in a process of its own (measure.ts), so that its memory and CPU are its own.
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { Publisher } from '../api/publisher.ts';
import { loadCampaigns } from '../cli/files/load-campaigns.ts';
import { readNdjson } from '../cli/files/ndjson.ts';
import type { Summary } from '../cli/files/summary.ts';
import { startInstance } from '../cli/instance.ts';
import { runSimulation } from '../cli/simulation.ts';
import { type Processor, timers } from '../processors/processor.ts';
import { Task } from '../runtime/task.ts';
import type { Campaign } from '../schemas/campaign.ts';
import { defaultPolicy } from '../schemas/policy.ts';
import { consents, decisions, events, profiles, sessions, signals } from '../schemas/topics.ts';
import type { UserEvent } from '../schemas/types.ts';
import { defineTopology, stream } from '../topologies/graph.ts';
import { campaignsOnEveryEvent, widePolicy } from './decided-events.ts';
import { runDurable } from './durable.ts';
import { DEFAULT_USERS, type Load, loadFiles } from './load.ts';

/** What a case did. */
export interface Work {
  /** What the rate counts: events read, or timers fired. */
  readonly done: number;
  /** Counts worth showing beside it, by name; each is shown a second too. */
  readonly counts?: Readonly<Record<string, number>>;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  readonly unit: 'events' | 'timers';
  /** Sizes it is measured at, where none is asked for. */
  readonly sizes: readonly number[];
  /** What has to be there before time is taken. */
  prepare(size: number, onWork?: (what: string) => void): Load | undefined;
  /** Time is taken from the start, or from when it calls `begin`. */
  run(size: number, load: Load | undefined, begin: () => void): Promise<Work>;
}

const SIZES = [100_000, 1_000_000, 3_000_000];
const CAMPAIGNS = fileURLToPath(new URL('campaigns/', import.meta.url));

const onLoad = {
  unit: 'events',
  sizes: SIZES,
  prepare: (size: number, onWork?: (what: string) => void) => loadFiles({ events: size }, onWork),
} as const;

/** Few users, so that their profiles and consents are read in no time. */
const decided = {
  unit: 'events',
  sizes: [200_000],
  prepare: (size: number, onWork?: (what: string) => void) => loadFiles({ events: size, users: size / 20 }, onWork),
} as const;

/** Ten events a user in the mean, and no fewer users than elsewhere. */
const durable = {
  unit: 'events',
  sizes: [1_000_000],
  prepare: (size: number, onWork?: (what: string) => void) =>
    loadFiles({ events: size, users: Math.max(DEFAULT_USERS, size / 10) }, onWork),
} as const;

export const cases: readonly Case[] = [
  {
    ...onLoad,
    name: 'baseline',
    title: 'read lines, JSON.parse, nothing else',
    run: async (_, load) => ({ done: await parseLines((load as Load).events) }),
  },
  {
    ...onLoad,
    name: 'simulate',
    title: 'simulate: sessions and signals',
    run: async (size, load) => ({ done: size, counts: countsOf(await simulateLoad(load as Load)) }),
  },
  {
    ...onLoad,
    name: 'campaigns',
    title: 'simulate: three campaigns',
    run: async (size, load) => ({ done: size, counts: countsOf(await simulateLoad(load as Load, threeCampaigns())) }),
  },
  {
    ...decided,
    name: 'decisions',
    title: 'simulate: a decision an event',
    run: async (size, load) => ({
      done: size,
      counts: decidedOf(await simulateLoad(load as Load, campaignsOnEveryEvent(false), widePolicy)),
    }),
  },
  {
    ...decided,
    name: 'budgeted-decisions',
    title: 'simulate: a decision with a budget an event',
    run: async (size, load) => ({
      done: size,
      counts: decidedOf(await simulateLoad(load as Load, campaignsOnEveryEvent(true), widePolicy)),
    }),
  },
  {
    ...onLoad,
    name: 'embedded',
    title: 'embedded start: three campaigns, log and state on disk',
    sizes: [100_000, 1_000_000],
    run: async (size, load) => ({ done: size, counts: await startLoad(load as Load) }),
  },
  {
    ...durable,
    name: 'durable',
    title: 'tasks with state on disk and commits',
    run: async (size, load, begin) => ({ done: size, counts: await runDurable(load as Load, [], begin) }),
  },
  {
    ...durable,
    name: 'durable-campaigns',
    title: 'tasks with state on disk and commits: three campaigns',
    run: async (size, load, begin) => ({
      done: size,
      counts: await runDurable(load as Load, loadCampaigns(CAMPAIGNS).campaigns, begin),
    }),
  },
  {
    name: 'timers',
    title: 'timers: all pending, then fired',
    unit: 'timers',
    sizes: [1_000_000],
    prepare: () => undefined,
    run: async (size) => ({ done: fireTimers(size) }),
  },
];

/** The least that anything that reads the file could do, in the same runtime. */
async function parseLines(path: string): Promise<number> {
  let done = 0;
  let rest = '';
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 16, encoding: 'utf8' })) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) {
      JSON.parse(line);
      done++;
    }
  }
  return done;
}

function threeCampaigns(): readonly Campaign[] {
  const { campaigns, problems } = loadCampaigns(CAMPAIGNS);
  if (problems.some(({ severity }) => severity === 'error'))
    throw new Error(`${CAMPAIGNS}: ${JSON.stringify(problems)}`);
  return campaigns;
}

/** Without campaigns nothing is decided. */
async function simulateLoad(load: Load, campaigns?: readonly Campaign[], policy = defaultPolicy): Promise<Summary> {
  const out = mkdtempSync(join(tmpdir(), 'beckon-bench-'));
  // After time was taken: to delete hundreds of MB is no part of a simulation.
  process.on('exit', () => rmSync(out, { recursive: true }));
  const { profiles, consents } = load;
  return runSimulation({
    events: load.events,
    policy,
    out: join(out, 'run'),
    ...(campaigns !== undefined ? { campaigns, profiles, consents } : {}),
  });
}

/** Publishes the load into an instance of this process, as fast as it is read, until everything is processed. */
async function startLoad(load: Load): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-bench-'));
  const instance = await startInstance({
    dir: folder,
    topologies: ['engage', 'pace'],
    campaigns: loadCampaigns(CAMPAIGNS).campaigns,
    policy: defaultPolicy,
    time: 'events',
    partitions: 4,
    host: '127.0.0.1',
    port: 0,
    delivery: 'file',
    clickhouse: 'embedded',
    logger: pino({ level: 'error' }),
    onFailure: (error) => {
      throw error;
    },
  });
  try {
    const publisher = new Publisher(instance.log, instance.serde);
    const files = [
      [load.profiles, profiles],
      [load.consents, consents],
      [load.events, events],
    ] as const;
    for (const [file, topic] of files) {
      for await (const { lines } of readNdjson<unknown>(file, topic)) {
        await publisher.publish(
          topic,
          lines.map((l) => l.value),
        );
      }
    }
    while (!instance.worker.quiet) await new Promise((resolve) => setTimeout(resolve, 20));
    const counts: Record<string, number> = {};
    for (const topic of [sessions, signals, decisions]) {
      counts[topic.name] = 0;
      for (let partition = 0; partition < instance.log.partitions(topic.topic); partition++) {
        counts[topic.name] =
          (counts[topic.name] ?? 0) + (await instance.log.endOffset({ topic: topic.topic, partition }));
      }
    }
    return counts;
  } finally {
    await instance.stop();
    rmSync(folder, { recursive: true });
  }
}

function countsOf({ sessions, signals, decisions }: Summary): Record<string, number> {
  const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);
  const decided = sum(decisions);
  return { sessions, signals: sum(signals), ...(decided > 0 ? { decisions: decided } : {}) };
}

/** Requests that were decided finally, and what became of them. */
function decidedOf({ campaigns, decisions, reasons }: Summary): Record<string, number> {
  const requests = Object.values(campaigns).reduce((all, campaign) => all + campaign.requests, 0);
  return { decided: requests, ...decisions, ...reasons };
}

/** Sets one timer for each of as many users, spread over a month, then fires them all. */
function fireTimers(size: number): number {
  const month = 30 * 86_400_000;
  const remind: Processor = {
    name: 'remind',
    emits: [],
    on: [
      {
        stream: events,
        handle: (event, context) => {
          const { occurredAt, eventId } = event as UserEvent;
          // A multiplier without a common factor with the month spreads the instants without drawing them.
          context.setTimer(timers.due, occurredAt + ((Number(eventId) * 1_000_003) % month));
        },
      },
    ],
    timers: [{ kind: timers.due, fire: () => {} }],
  };
  const topology = defineTopology({
    name: 'bench-timers',
    keyed: 'user',
    inputs: [stream(events)],
    globals: [],
    processors: [remind],
    outputs: [],
  });
  const task = new Task({ topology, lateness: 0 });
  const event = { tenantId: 'default', sessionId: null, occurredAt: 0, type: 'open', properties: {} };
  for (let n = 0; n < size; n++) task.process(events, { ...event, eventId: String(n), userId: `u${n}` });
  task.advance(month + 1);
  return task.fired;
}
