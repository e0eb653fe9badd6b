import { setTimeout as delay } from 'node:timers/promises';
import fastify, { type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Log } from '../runtime/log.ts';
import { Metrics } from '../runtime/metrics.ts';
import { Readiness } from '../runtime/readiness.ts';
import { type Family, parseExposition, total } from '../runtime/testing/exposition.ts';
import { Worker } from '../runtime/worker.ts';
import { Definitions } from '../schemas/definitions.ts';
import { campaigns, events } from '../schemas/topics.ts';
import type { Sink } from '../sinks/sink.ts';
import { engage } from '../topologies/engage.ts';
import { healthOf, healthRoutes } from './health-routes.ts';
import { NDJSON } from './server.ts';
import { openLog, startInstance } from './testing/instance.ts';

const T0 = Date.parse('2026-03-02T09:00:00Z');

/** Events of some users, a second apart. */
function load(from: number, count: number, users = 50): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return JSON.stringify({
      eventId: `e${n}`,
      userId: `person${n % users}@example.org`,
      occurredAt: T0 + n * 1000,
      type: 'view',
      properties: { note: 'secret-note' },
    });
  });
  return lines.join('\n');
}

async function publish(server: FastifyInstance, payload: string): Promise<void> {
  const response = await server.inject({
    method: 'POST',
    url: '/v1/topics/events/records',
    payload,
    headers: { 'content-type': NDJSON },
  });
  expect([response.statusCode, response.json().bad]).toEqual([200, []]);
}

async function scraped(server: FastifyInstance): Promise<ReadonlyMap<string, Family>> {
  const response = await server.inject('/metrics');
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseExposition(response.body);
}

describe('metrics', () => {
  test('account for every record of a published load', async () => {
    const { server, log, settled } = await startInstance();
    const partitions = log.partitions(events.topic);
    await publish(server, load(0, 1000));
    await settled();
    // Again what is known, something far behind the watermark, and what isn't Avro.
    const old = JSON.stringify({ eventId: 'old', userId: 'u', occurredAt: T0 - 86_400_000, type: 'view' });
    const known = load(990, 10);
    await publish(server, [known, old].join('\n'));
    const garbage = Array.from({ length: partitions }, (_, partition) => {
      return { topic: events.topic, partition, timestamp: T0, key: Buffer.from('default/u'), value: Buffer.from('?') };
    });
    await log.append(garbage);
    await settled();

    const families = await scraped(server);
    const sum = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
      total(families, name, { topology: 'engage', ...labels });
    expect(sum('beckon_records_processed_total')).toBe(1000);
    expect(sum('beckon_records_duplicate_total')).toBe(10);
    expect(sum('beckon_records_late_total')).toBe(1);
    expect(sum('beckon_dead_letters_total', { code: 'not-avro' })).toBe(partitions);
    let ends = 0;
    for (let partition = 0; partition < partitions; partition++)
      ends += await log.endOffset({ topic: events.topic, partition });
    const fates = ['records_processed', 'records_late', 'records_duplicate', 'dead_letters'];
    expect(fates.reduce((all, name) => all + sum(`beckon_${name}_total`), 0)).toBe(ends);
    expect(sum('beckon_tasks')).toBe(partitions);
    expect(sum('beckon_rebalances_total')).toBe(1);
    expect(sum('beckon_lag_records', { topic: 'events' })).toBe(0);
    expect(sum('beckon_restoring')).toBe(0);
    expect(sum('beckon_pending_timers')).toBeGreaterThan(0);
    expect(sum('beckon_commits_total')).toBeGreaterThan(0);
    const histogram = families.get('beckon_commit_duration_seconds');
    const count = histogram?.samples.find((s) => s.name.endsWith('_count') && s.labels.topology === 'engage');
    expect(count?.value).toBe(sum('beckon_commits_total'));
  });

  test('tell the delays of the process and its version, and no watermark delay where time follows the records', async () => {
    const { server } = await startInstance();
    const families = await scraped(server);
    expect(total(families, 'beckon_build_info', { version: '0.0.0' })).toBe(1);
    expect(total(families, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    expect(families.get('beckon_watermark_delay_seconds')?.samples).toEqual([]);
  });

  test('count decisions by outcome and reason', async () => {
    const definitions = new Definitions();
    const definition = JSON.stringify({
      id: 'hello',
      name: 'Hello',
      class: 'marketing',
      trigger: { event: 'view' },
      channels: ['email'],
      content: { text: 'hi' },
    });
    definitions.apply({ tenantId: 'default', campaignId: 'hello', version: 1, effectiveFrom: 0, definition });
    const { server, settled } = await startInstance(undefined, definitions);
    await publish(server, load(0, 20));
    await settled();
    const families = await scraped(server);
    expect(families.get('beckon_decisions_total')?.samples).toEqual([
      { name: 'beckon_decisions_total', labels: { outcome: 'blocked', reason: 'no-consent' }, value: 20 },
    ]);
  });

  test('hold nothing of a user, tenant or record', async () => {
    const { server, settled } = await startInstance();
    await publish(server, load(0, 200));
    await settled();
    const { body } = await server.inject('/metrics');
    expect(body).not.toMatch(/example\.org|person\d|secret-note|default/);
    const names = new Set<string>();
    for (const family of parseExposition(body).values()) {
      if (!family.name.startsWith('beckon_')) continue;
      for (const { labels } of family.samples) for (const label of Object.keys(labels)) names.add(label);
    }
    const known = ['code', 'kind', 'le', 'outcome', 'partition', 'reason', 'sink', 'topic', 'topology', 'version'];
    expect([...names].filter((name) => !known.includes(name))).toEqual([]);
  });

  test('are told without delay while the instance is busy', async () => {
    const { server, worker, settled } = await startInstance();
    for (let from = 0; from < 60_000; from += 20_000) await publish(server, load(from, 20_000, 5000));
    const waits: number[] = [];
    do {
      const begun = performance.now();
      await scraped(server);
      waits.push(performance.now() - begun);
      // A request that comes from a socket lets others have their turn before the next; one that is injected does not.
      await delay(5);
    } while (!worker.quiet);
    expect(waits.length).toBeGreaterThan(1);
    expect(Math.max(...waits)).toBeLessThan(1000);
    await settled();
    expect(total(await scraped(server), 'beckon_records_processed_total', { topology: 'engage' })).toBe(60_000);
  });
});

/** A step of the start that waits until it is let go. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open: () => void = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

describe('readiness', () => {
  test('comes with the log, the tables, the sinks, the tasks, in this order, and ends with the first sign of a stop', async () => {
    const { log, serde } = await openLog(1);
    const [tables, sink, tasks] = [gate(), gate(), gate()];
    // The log itself, only that some of its answers take as long as the test wants.
    const slow = new Proxy(log, {
      get(target, name) {
        const held: Pick<Log, 'read' | 'openTask'> = {
          read: async (input, ...rest) => {
            if (input.topic === campaigns.topic) await tables.passed;
            return target.read(input, ...rest);
          },
          openTask: async (group, partition) => {
            if (group === 'engage') await tasks.passed;
            return target.openTask(group, partition);
          },
        };
        if (name === 'read' || name === 'openTask') return held[name];
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const out: Sink = {
      name: 'out',
      consumes: [events],
      maxBatch: 10,
      open: () => sink.passed,
      write: async () => {},
      close: async () => {},
    };
    const metrics = new Metrics({ version: '0.0.0' });
    const readiness = new Readiness();
    const worker = new Worker({
      log: slow,
      serde,
      topologies: [engage(new Definitions())],
      sinks: [out],
      globals: [{ topic: campaigns, apply: () => {} }],
      lateness: 0,
      maxJump: 1,
      time: 'wall',
      logger: pino({ level: 'silent' }),
      observer: metrics,
      readiness,
      onFailure: (error) => expect.unreachable(String(error)),
    });
    metrics.watch({ log, time: 'wall', status: () => worker.status() });
    const server = fastify();
    healthRoutes(server, healthOf(metrics, readiness, worker));
    onTestFinished(() => server.close());
    const ready = async (): Promise<unknown> => {
      const response = await server.inject('/readyz');
      return [response.statusCode, response.json()];
    };
    const waits = (...waitingFor: readonly string[]) => [503, { status: 'not ready', waitingFor }];

    expect(await ready()).toEqual(waits('the log is not connected'));
    readiness.reached('log');
    const started = worker.start();
    expect(await ready()).toEqual(waits('campaigns and policy are not read yet'));
    tables.open();
    await expect.poll(ready).toEqual(waits('a sink is not open yet'));
    sink.open();
    await started;
    await expect.poll(ready).toEqual(waits('task engage.0 is being restored'));
    expect(total(await scraped(server), 'beckon_restoring', { topology: 'engage' })).toBe(1);
    tasks.open();
    await expect.poll(ready).toEqual([200, { status: 'ok' }]);
    expect(total(await scraped(server), 'beckon_restoring')).toBe(0);
    expect((await server.inject('/healthz')).json()).toEqual({ status: 'ok' });

    readiness.stopping();
    expect(await ready()).toEqual(waits('the instance is stopping'));
    await worker.stop();
    expect(await ready()).toEqual(waits('the instance is stopping'));
    expect((await server.inject('/healthz')).statusCode).toBe(200);
  });
});

test('a scrape does not wait for a log that does not answer', async () => {
  const metrics = new Metrics({ version: '0.0.0' });
  const status = {
    tasks: [
      {
        task: 'engage.3',
        phase: 'running' as const,
        streamTime: null,
        watermark: new Date(Date.now() - 5000).toISOString(),
        processed: 0,
        late: 0,
        duplicate: 0,
        deadLetters: 0,
        timersFired: 0,
        timersHeld: 7,
        positions: { events: 1 },
        atEnd: [],
        quiet: false,
      },
    ],
    sinks: [],
  };
  const silence = new Promise<number>(() => {});
  metrics.watch({ log: { endOffset: () => silence }, time: 'wall', status: () => status });
  const answer = await Promise.race([metrics.scrape(), delay(2000, undefined)]);
  const families = parseExposition(answer?.text ?? '');
  expect(families.get('beckon_lag_records')?.samples).toEqual([]);
  const of = { topology: 'engage', partition: '3' };
  expect(total(families, 'beckon_pending_timers', of)).toBe(7);
  expect(total(families, 'beckon_watermark_delay_seconds', of)).toBeCloseTo(5, 0);
});
