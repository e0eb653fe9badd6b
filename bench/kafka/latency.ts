// How long it takes from an event being due to its send command being readable for whoever reads committed records alone.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { plainTail } from '../../runtime/kafka/testing/plain-loop.ts';
import { sends } from '../../schemas/topics.ts';
import type { UserEvent } from '../../schemas/types.ts';
import { feed, fillUsers } from './fill.ts';
import { brokerUsage, type Ground } from './ground.ts';
import { InstanceProcess } from './instance.ts';
import type { LatencyCase, Options } from './options.ts';
import { progress, table } from './table.ts';

/** One event in so many is a purchase, each of another user, and asks for a message. */
const PURCHASE_EVERY = 10;
const VIEWERS = 50_000;
/** What is not readable so long (ms) after the last event was due is missing. */
const PATIENCE = 30_000;

interface Run {
  readonly title: string;
  readonly rate: number;
  /** ms, ascending. */
  readonly latencies: readonly number[];
  readonly missing: number;
  /** ms that an event was sent after it was due, at most. */
  readonly feederMs: number;
  /** A second, of the instance. */
  readonly transactions: number;
  readonly cpuShare: number;
  readonly brokerShare: number;
}

const CASES = {
  'at-once': { title: 'without a budget: engage', topologies: 'engage' },
  'with-budget': { title: 'with a budget: engage, pace, engage', topologies: 'engage,pace' },
} as const;
/** Seconds of a load before the first measurement, during which the broker's compiler is at work most of the time. */
const BROKER_WARMS_UP = 20;

export async function latency(ground: Ground, options: Options, scratch: string): Promise<string> {
  const runs: Run[] = [];
  progress('latency: the broker is warmed up');
  await measure(
    ground,
    { ...options, seconds: 1, warmUp: BROKER_WARMS_UP },
    scratch,
    'with-budget',
    options.rates[0] ?? 1000,
  );
  for (const one of options.cases) {
    const { title } = CASES[one];
    for (const rate of options.rates) {
      progress(`latency ${title}, ${rate} events/s`);
      runs.push(await measure(ground, options, scratch, one, rate));
    }
  }
  const head = ['from due to readable', 'events/s', 'sends', 'p50 ms', 'p95 ms', 'p99 ms', 'most ms', 'missing'];
  const rows = runs.map(({ title, rate, latencies, missing, feederMs, transactions, cpuShare, brokerShare }) => [
    title,
    rate,
    latencies.length,
    ...[0.5, 0.95, 0.99, 1].map((share) => quantile(latencies, share)),
    missing,
    feederMs,
    Math.round(transactions),
    `${Math.round(100 * cpuShare)} %`,
    `${Math.round(100 * brokerShare)} %`,
  ]);
  return `### Latency\n\n${table([...head, 'producer late by, most ms', 'transactions/s', 'CPU', 'broker CPU'], rows)}`;
}

async function measure(
  ground: Ground,
  { partitions, seconds, warmUp, core }: Options,
  scratch: string,
  campaigns: LatencyCase,
  rate: number,
): Promise<Run> {
  const { title, topologies } = CASES[campaigns];
  const installation = await ground.emptied(partitions);
  const events = rate * (seconds + warmUp);
  await fillUsers(installation, Math.ceil(events / PURCHASE_EVERY), Date.UTC(2026, 0, 1));
  const { app, environment } = installation;
  const folder = fileURLToPath(new URL(`campaigns/${campaigns}/`, import.meta.url));
  const instance = await InstanceProcess.start({
    dir: join(scratch, app),
    environment,
    args: ['--topology', topologies, '--time', 'wall', '--campaigns', folder],
    core,
  });
  await instance.quiet(100, 300_000);
  const readAt = new Map<string, number>();
  const stop = await plainTail(ground.brokers, sends.topic, (key) => {
    if (!readAt.has(key)) readAt.set(key, performance.now());
  });
  /** When each purchase was due, by its user's key. */
  const dueAt = new Map<string, number>();
  const commits = async (): Promise<number> => (await instance.metrics()).get('beckon_commits_total') ?? 0;
  const look = async () => ({
    own: await instance.look(),
    broker: brokerUsage(ground).cpuMs,
    commits: await commits(),
  });
  const warm = delay(warmUp * 1000).then(look);
  const { worstMs } = await feed(installation, {
    rate,
    next: (n, at) => {
      if (n >= events) return undefined;
      const buys = n % PURCHASE_EVERY === 0;
      const userId = buys ? `u${n / PURCHASE_EVERY}` : `v${(n * 7919) % VIEWERS}`;
      if (buys && n >= rate * warmUp) dueAt.set(`default/${userId}`, at - performance.timeOrigin);
      return eventOf(n, userId, buys ? 'purchase' : 'product_view', at);
    },
  });
  const [before, after] = [await warm, await look()];
  const missing = (): number => [...dueAt.keys()].filter((key) => !readAt.has(key)).length;
  for (const until = performance.now() + PATIENCE; missing() > 0 && performance.now() < until; ) await delay(100);
  await stop();
  await instance.end('SIGTERM');
  await installation.close();
  const latencies = [...dueAt].flatMap(([key, due]) => {
    const read = readAt.get(key);
    return read === undefined ? [] : [read - due];
  });
  const ms = (after.own?.at ?? Number.NaN) - (before.own?.at ?? Number.NaN);
  return {
    title,
    rate,
    latencies: latencies.sort((a, b) => a - b),
    missing: missing(),
    feederMs: worstMs,
    transactions: ((after.commits - before.commits) * 1000) / ms,
    cpuShare: ((after.own?.usage.cpuMs ?? Number.NaN) - (before.own?.usage.cpuMs ?? Number.NaN)) / ms,
    brokerShare: (after.broker - before.broker) / ms,
  };
}

/** A live event at its own time. */
export function eventOf(n: number, userId: string, type: string, at: number): UserEvent {
  const properties = { productId: `p${n % 5000}`, category: `c${n % 40}`, price: 10 + (n % 100) };
  return {
    eventId: `e${n}`,
    tenantId: 'default',
    userId,
    sessionId: null,
    occurredAt: Math.floor(at),
    type,
    properties,
  };
}

/** Of values in ascending order. */
function quantile(values: readonly number[], share: number): number | undefined {
  return values[Math.min(values.length - 1, Math.ceil(share * values.length) - 1)];
}
