// A real instance without a command line: the embedded log in a folder of its own, the topologies, and the HTTP front.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { expect, onTestFinished } from 'vitest';
import type { ApiSettings } from '../../runtime/config.ts';
import { EmbeddedLog } from '../../runtime/embedded/embedded-log.ts';
import { embeddedRegistry } from '../../runtime/embedded/schema-ids.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { Readiness } from '../../runtime/readiness.ts';
import { Serde } from '../../runtime/serde.ts';
import { Worker } from '../../runtime/worker.ts';
import { Definitions } from '../../schemas/definitions.ts';
import { allTopics } from '../../schemas/topics.ts';
import { engage } from '../../topologies/engage.ts';
import { pace } from '../../topologies/pace.ts';
import { decisionTally } from '../decision-tally.ts';
import { DecisionWatcher } from '../decision-watcher.ts';
import { healthOf, unreadyOf } from '../health-routes.ts';
import { apiOf } from '../public-routes.ts';
import { createServer, type ServerOptions } from '../server.ts';

export interface OpenLog {
  readonly log: EmbeddedLog;
  readonly serde: Serde;
}

/** A log with every topic, gone after the test. */
export async function openLog(partitions = 2): Promise<OpenLog> {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-api-'));
  const log = await EmbeddedLog.open(folder);
  onTestFinished(async () => {
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await log.createTopics(allTopics.map(({ topic, cleanup }) => ({ topic, cleanup, partitions })));
  const serde = new Serde(embeddedRegistry(log.meta));
  await serde.open(allTopics);
  return { log, serde };
}

export interface RunningInstance extends OpenLog {
  readonly worker: Worker;
  readonly server: FastifyInstance;
  readonly watcher: DecisionWatcher;
  readonly readiness: Readiness;
  /** Resolves when everything on the log is processed. */
  settled(): Promise<void>;
}

/** Follows event time; without campaigns unless definitions are given. */
export async function startInstance(
  explain?: ServerOptions['explain'],
  definitions = new Definitions(),
  { keys = [], rateLimit = 0, time = 'events' }: Partial<ApiSettings & Pick<ServerOptions, 'time'>> = {},
): Promise<RunningInstance> {
  const { log, serde } = await openLog();
  const failures: unknown[] = [];
  const metrics = new Metrics({ version: '0.0.0', tallies: [decisionTally] });
  const readiness = new Readiness();
  const logger = pino({ level: 'silent' });
  readiness.reached('log');
  const worker = new Worker({
    log,
    serde,
    topologies: [engage(definitions), pace(definitions)],
    sinks: [],
    globals: [],
    partitions: 2,
    lateness: 300_000,
    maxJump: 400 * 86_400_000,
    time,
    logger,
    observer: metrics,
    readiness,
    onFailure: (error) => failures.push(error),
  });
  const watcher = new DecisionWatcher({ log, serde, logger });
  metrics.watch({ log, time, status: () => worker.status(), waiting: () => watcher.waiting });
  await worker.start();
  const nothing: ServerOptions['explain'] = async () => ({ text: '', explanation: { problem: null } });
  const health = healthOf(metrics, readiness, worker);
  const server = createServer({
    log,
    serde,
    worker,
    time,
    health,
    explain: explain ?? nothing,
    api: apiOf({
      log,
      serde,
      definitions,
      watcher,
      worker,
      outcomes: async () => null,
      time,
      settings: { keys, rateLimit },
      logger,
      observer: metrics,
      version: '0.0.0',
      unready: unreadyOf(readiness, health),
    }),
  });
  onTestFinished(async () => {
    await watcher.close();
    await server.close();
    await worker.stop();
    expect(failures).toEqual([]);
  });
  const settled = (): Promise<void> => expect.poll(() => worker.quiet, { timeout: 10_000 }).toBe(true);
  return { log, serde, worker, server, watcher, readiness, settled };
}
