// One instance of Beckon: the log, the topologies, the sinks and the HTTP front, joined and started, and stopped in reverse.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { groups } from '../api/catalogue.ts';
import { decisionTally } from '../api/decision-tally.ts';
import { DecisionWatcher } from '../api/decision-watcher.ts';
import { healthOf, unreadyOf } from '../api/health-routes.ts';
import { apiOf } from '../api/public-routes.ts';
import { createServer } from '../api/server.ts';
import manifest from '../package.json' with { type: 'json' };
import { systemClock } from '../runtime/clock.ts';
import type { ApiSettings, KafkaSettings } from '../runtime/config.ts';
import { EmbeddedLog } from '../runtime/embedded/embedded-log.ts';
import { embeddedRegistry } from '../runtime/embedded/schema-ids.ts';
import type { Log } from '../runtime/log.ts';
import { Metrics, type Watched } from '../runtime/metrics.ts';
import { type Observer, taskNamed } from '../runtime/observer.ts';
import { Readiness } from '../runtime/readiness.ts';
import { Serde } from '../runtime/serde.ts';
import { Worker } from '../runtime/worker.ts';
import type { Campaign } from '../schemas/campaign.ts';
import { DEFAULT_TENANT, type Definitions } from '../schemas/definitions.ts';
import { defaultPolicy, type Policy } from '../schemas/policy.ts';
import { allTopics, campaigns, DEAD_LETTERS, events } from '../schemas/topics.ts';
import type { CampaignDefinition } from '../schemas/types.ts';
import { type CampaignResults, campaignResultsReader } from '../sinks/clickhouse/campaign-results.ts';
import { clickhouseSink } from '../sinks/clickhouse/clickhouse.ts';
import { type Embedded, startEmbedded } from '../sinks/clickhouse/front.ts';
import { consoleProvider } from '../sinks/delivery/console.ts';
import { deliverySink } from '../sinks/delivery/delivery.ts';
import { fileProvider } from '../sinks/delivery/file.ts';
import type { Provider } from '../sinks/delivery/provider.ts';
import { webhookProvider } from '../sinks/delivery/webhook.ts';
import type { Sink } from '../sinks/sink.ts';
import { engage } from '../topologies/engage.ts';
import { pace } from '../topologies/pace.ts';
import { type Cluster, createTopics, DEFAULT_PARTITIONS, openCluster } from './cluster.ts';
import { newestPolicy, publishDefinitions, readDefinitions, type WantedDefinitions } from './definitions.ts';
import { dated } from './explain/explain.ts';
import { explainFromLog } from './explain/from-log.ts';

/** Where a running instance says how to reach it, within its folder. */
export const INSTANCE_FILE = 'instance.json';
export const TOPOLOGIES = ['engage', 'pace', 'deliver', 'clickhouse'] as const;
export type TopologyName = (typeof TOPOLOGIES)[number];

export interface ClickhouseTarget {
  readonly url: string;
  readonly database?: string;
  readonly username?: string;
  readonly password?: string;
}

export const DELIVERIES = ['file', 'console', 'webhook'] as const;
export type Delivery = (typeof DELIVERIES)[number];

export interface InstanceOptions {
  /** Everything the instance keeps. */
  readonly dir: string;
  /** The cluster to run on; undefined: the embedded log in `dir`. */
  readonly kafka?: KafkaSettings | undefined;
  readonly topologies: readonly TopologyName[];
  /** Whose the campaigns and the policy are; absent: the default tenant's. */
  readonly tenantId?: string;
  /**
   * Published where they differ from what is on the log; undefined: what is on the log stays. A function is asked for them with
   * the policy in force.
   */
  readonly campaigns: readonly Campaign[] | ((inForce: Policy) => readonly Campaign[]) | undefined;
  readonly policy: Policy | undefined;
  readonly time: 'wall' | 'events';
  /** Bytes that the state of all tasks may take; absent: a GiB. */
  readonly stateMemory?: number;
  /** Of topics that are missing. Undefined: as the others have it, else 4. */
  readonly partitions: number | undefined;
  readonly host: string;
  readonly port: number;
  /** Undefined: without keys, and without a limit. */
  readonly api?: ApiSettings;
  readonly delivery: Delivery;
  /** For delivery to a webhook. */
  readonly webhook?: { readonly url: string; readonly secret: string | undefined } | undefined;
  /** embedded: in the instance's folder, on `clickhousePort`. */
  readonly clickhouse: ClickhouseTarget | 'embedded';
  readonly clickhousePort?: number;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

export interface Instance {
  readonly url: string;
  readonly clickhouseUrl: string | undefined;
  readonly log: Log;
  readonly serde: Serde;
  readonly worker: Worker;
  stop(): Promise<void>;
}

/** Starts an instance. Throws when its folder is in use or something can't be opened or reached. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { dir, logger, host, port } = options;
  const closers: (() => Promise<unknown>)[] = [];
  const metrics = new Metrics({ version: manifest.version, tallies: [decisionTally] });
  const readiness = new Readiness();
  const stop = async (): Promise<void> => {
    readiness.stopping();
    const failures: unknown[] = [];
    // One that fails keeps no other from closing: what stays open would keep the process alive.
    for (const close of closers.splice(0).reverse()) await close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    mkdirSync(dir, { recursive: true });
    const { log, serde } =
      options.kafka === undefined
        ? await openLog(dir, options.partitions)
        : await onCluster(options.kafka, options, metrics);
    closers.push(() => log.close());
    readiness.reached('log');
    const known = await readDefinitions(log, serde);
    const { definitions } = known;
    await publishDefinitions(log, serde, known, wantedOf(options, definitions));
    const policy = newestPolicy(definitions);
    const clickhouse = options.topologies.includes('clickhouse') ? await openClickhouse(options) : undefined;
    if (clickhouse !== undefined) closers.push(clickhouse.close);

    const wants = (name: TopologyName): boolean => options.topologies.includes(name);
    const sinks: Sink[] = [];
    if (wants('deliver')) sinks.push(deliverySink(providerOf(options)));
    if (clickhouse !== undefined) sinks.push(clickhouse.sink);
    const worker = new Worker({
      log,
      serde,
      topologies: [engage(definitions), pace(definitions)].filter(({ name }) => wants(name as TopologyName)),
      sinks,
      groups,
      globals: [{ topic: campaigns, apply: (record) => definitions.apply(record as CampaignDefinition) }],
      lateness: policy.latenessMs,
      maxJump: policy.maxJumpMs,
      time: options.time,
      ...(options.stateMemory === undefined ? {} : { stateMemory: options.stateMemory }),
      logger,
      observer: metrics,
      readiness,
      onFailure: options.onFailure,
    });
    const watcher = new DecisionWatcher({ log, serde, logger });
    metrics.watch({
      log,
      time: options.time,
      status: () => worker.status(),
      waiting: () => watcher.waiting,
      ...stateFolders(options),
    });

    // It answers from here on, and until the last task has ended: that it isn't ready yet, or any more.
    const health = healthOf(metrics, readiness, worker);
    const server = createServer({
      log,
      serde,
      worker,
      time: options.time,
      health,
      api: apiOf({
        log,
        serde,
        definitions,
        watcher,
        worker,
        outcomes: clickhouse?.outcomes ?? (async () => null),
        time: options.time,
        settings: options.api ?? { keys: [], rateLimit: 0 },
        logger,
        observer: metrics,
        version: manifest.version,
        unready: unreadyOf(readiness, health),
      }),
      explain: async (asked) => {
        const now = options.time === 'wall' ? systemClock.now() : undefined;
        const { text, explanation } = await explainFromLog(log, serde, asked, now);
        return { text, explanation: dated(explanation) };
      },
    });
    closers.push(() => server.close());
    const url = await server.listen({ host, port });
    closers.push(() => worker.stop());
    // First of all: those who wait for a decision learn that it comes later, and from whom.
    closers.push(() => watcher.close());
    await worker.start();
    const file = join(dir, INSTANCE_FILE);
    writeFileSync(file, `${JSON.stringify({ url, pid: process.pid, clickhouse: clickhouse?.url ?? null })}\n`);
    closers.push(async () => rmSync(file, { force: true }));
    return { url, clickhouseUrl: clickhouse?.url, log, serde, worker, stop };
  } catch (error) {
    // What came first is what is to be mended.
    await stop().catch(() => {});
    throw error;
  }
}

function wantedOf(
  { tenantId = DEFAULT_TENANT, campaigns = [], policy, time }: InstanceOptions,
  definitions: Definitions,
): WantedDefinitions {
  const wanted = typeof campaigns === 'function' ? campaigns(policy ?? newestPolicy(definitions, tenantId)) : campaigns;
  return { tenantId, campaigns: wanted, policy, time };
}

/** Whether a folder holds an instance's log. */
export function holdsLog(dir: string): boolean {
  return existsSync(join(dir, 'log'));
}

/** The embedded log of a folder, with every topic in place. Throws when another process holds it. */
export async function openLog(
  dir: string,
  wanted?: number,
): Promise<{ readonly log: EmbeddedLog; readonly serde: Serde }> {
  const log = await EmbeddedLog.open(join(dir, 'log'));
  const serde = new Serde(embeddedRegistry(log.meta));
  const partitions = wanted ?? log.topics().find((t) => t.topic === events.topic)?.partitions ?? DEFAULT_PARTITIONS;
  await log.createTopics([
    ...allTopics.map((t) => ({ topic: t.topic, partitions, cleanup: t.cleanup })),
    { topic: DEAD_LETTERS, partitions, cleanup: 'delete' as const },
  ]);
  await serde.open(allTopics);
  return { log, serde };
}

/** The cluster, with every topic in place. */
async function onCluster(
  kafka: KafkaSettings,
  { dir, logger, partitions, tenantId = DEFAULT_TENANT, policy }: InstanceOptions,
  observer: Observer,
): Promise<Cluster> {
  const cluster = await openCluster(kafka, logger, dir, {
    observer,
    onRestoring: ({ task, records, left }) => observer.restoring(taskNamed(task), records, left),
    onRestored: (restored) => {
      const { task, records, ms } = restored;
      logger.info({ ...restored, ms: Math.round(ms) }, 'state restored');
      observer.restored(taskNamed(task), records, ms);
    },
  });
  try {
    const { log, serde } = cluster;
    const existing = await log.existing([campaigns.topic]);
    // A policy on the log says for how long the topics that are still missing keep their records.
    const given = tenantId === DEFAULT_TENANT ? policy : undefined;
    const known = existing.size === 0 ? undefined : newestPolicy((await readDefinitions(log, serde)).definitions);
    await createTopics(log, { partitions, policy: given ?? known ?? defaultPolicy, brokers: cluster.name });
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

/** On a cluster a task's state has a folder of its own; embedded, one database holds everything. */
function stateFolders({ kafka, dir }: InstanceOptions): Pick<Watched, 'stateFolder'> {
  if (kafka === undefined) return {};
  const states = kafka.stateDir ?? join(dir, 'state');
  return { stateFolder: ({ group, partition }) => join(states, group, String(partition)) };
}

function providerOf({ delivery, dir, webhook }: InstanceOptions): Provider {
  if (delivery === 'console') return consoleProvider(process.stdout);
  if (delivery === 'file') return fileProvider(join(dir, 'outbox', 'messages.ndjson'));
  if (webhook === undefined) throw new Error('delivery to a webhook needs its address');
  return webhookProvider({ ...webhook, now: () => systemClock.now() });
}

interface OpenClickhouse {
  readonly url: string;
  readonly sink: Sink;
  /** Of a campaign; null where it can't be asked. */
  readonly outcomes: (tenantId: string, campaignId: string) => Promise<CampaignResults | null>;
  close(): Promise<void>;
}

async function openClickhouse(options: InstanceOptions): Promise<OpenClickhouse> {
  const { clickhouse, logger } = options;
  const { target, close } =
    clickhouse === 'embedded' ? await openEmbedded(options) : { target: clickhouse, close: async () => {} };
  const results = campaignResultsReader(target);
  return {
    url: target.url,
    sink: clickhouseSink(target),
    outcomes: (tenantId, campaignId) =>
      results.of(tenantId, campaignId).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn(`the results of a campaign are not known: ${reason}`);
        return null;
      }),
    async close() {
      await results.close();
      await close();
    },
  };
}

async function openEmbedded({
  clickhousePort,
  dir,
  kafka,
  logger,
}: InstanceOptions): Promise<{ readonly target: ClickhouseTarget; close(): Promise<void> }> {
  if (kafka !== undefined)
    logger.warn('the embedded ClickHouse holds only what this instance writes; set CLICKHOUSE_URL to have all in one');
  const embedded: Embedded = await startEmbedded({
    folder: join(dir, 'clickhouse'),
    ...(clickhousePort === undefined ? {} : { port: clickhousePort }),
    onRestart: (what) => logger.warn(what),
  });
  return { target: { url: embedded.url }, close: () => embedded.close() };
}
