// One instance of Beckon: the log, the topologies, the sinks and the HTTP front, joined and started, and stopped in reverse.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { readTopic } from '../api/reader.ts';
import { createServer } from '../api/server.ts';
import { systemClock } from '../runtime/clock.ts';
import { EmbeddedLog } from '../runtime/embedded/embedded-log.ts';
import { embeddedRegistry } from '../runtime/embedded/schema-ids.ts';
import type { Log } from '../runtime/log.ts';
import { Serde } from '../runtime/serde.ts';
import { Worker } from '../runtime/worker.ts';
import type { Campaign } from '../schemas/campaign.ts';
import { Definitions, POLICY_ID } from '../schemas/definitions.ts';
import type { Policy } from '../schemas/policy.ts';
import { allTopics, campaigns, DEAD_LETTERS, events, keyOf } from '../schemas/topics.ts';
import type { CampaignDefinition } from '../schemas/types.ts';
import { clickhouseSink } from '../sinks/clickhouse/clickhouse.ts';
import { type Embedded, startEmbedded } from '../sinks/clickhouse/front.ts';
import { consoleProvider } from '../sinks/delivery/console.ts';
import { deliverySink } from '../sinks/delivery/delivery.ts';
import { fileProvider } from '../sinks/delivery/file.ts';
import type { Sink } from '../sinks/sink.ts';
import { engage } from '../topologies/engage.ts';
import { pace } from '../topologies/pace.ts';
import { explainFromLog } from './explain/from-log.ts';
import { definitionRecords } from './files/definition-records.ts';

/** Where a running instance says how to reach it, within its folder. */
export const INSTANCE_FILE = 'instance.json';
export const TOPOLOGIES = ['engage', 'pace', 'deliver', 'clickhouse'] as const;
export type TopologyName = (typeof TOPOLOGIES)[number];

const DEFAULT_PARTITIONS = 4;

export interface ClickhouseTarget {
  readonly url: string;
  readonly database?: string;
  readonly username?: string;
  readonly password?: string;
}

export interface InstanceOptions {
  /** Everything the instance keeps. */
  readonly dir: string;
  readonly topologies: readonly TopologyName[];
  /** Published where they differ from what is on the log; undefined: what is on the log stays. */
  readonly campaigns: readonly Campaign[] | undefined;
  readonly policy: Policy | undefined;
  readonly time: 'wall' | 'events';
  /** Undefined: as the folder has it, else 4. */
  readonly partitions: number | undefined;
  readonly host: string;
  readonly port: number;
  readonly delivery: 'console' | 'file';
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

/** Starts an instance on the embedded log. Throws when its folder is in use or something can't be opened. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { dir, logger, host, port } = options;
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const { log, serde } = await openLog(dir, options.partitions);
    closers.push(() => log.close());
    const definitions = await publishDefinitions(log, serde, options);
    const policy = definitions.policy('default', Number.MAX_SAFE_INTEGER);
    const clickhouse = options.topologies.includes('clickhouse') ? await openClickhouse(options) : undefined;
    if (clickhouse !== undefined) closers.push(clickhouse.close);

    const wants = (name: TopologyName): boolean => options.topologies.includes(name);
    const sinks: Sink[] = [];
    if (wants('deliver')) sinks.push(deliverySink(providerOf(options)));
    if (clickhouse !== undefined) sinks.push(clickhouse.sink);
    const worker = new Worker({
      log,
      serde,
      topologies: [...(wants('engage') ? [engage(definitions)] : []), ...(wants('pace') ? [pace(definitions)] : [])],
      sinks,
      globals: [{ topic: campaigns, apply: (record) => definitions.apply(record as CampaignDefinition) }],
      partitions: log.partitions(events.topic),
      lateness: policy.latenessMs,
      maxJump: policy.maxJumpMs,
      time: options.time,
      logger,
      onFailure: options.onFailure,
    });
    closers.push(() => worker.stop());
    await worker.start();

    const server = createServer({
      log,
      serde,
      worker,
      time: options.time,
      explain: (asked) => explainFromLog(log, serde, asked, options.time === 'wall' ? systemClock.now() : undefined),
    });
    closers.push(() => server.close());
    const url = await server.listen({ host, port });
    const file = join(dir, INSTANCE_FILE);
    writeFileSync(file, `${JSON.stringify({ url, pid: process.pid, clickhouse: clickhouse?.url ?? null })}\n`);
    closers.push(async () => rmSync(file, { force: true }));
    return { url, clickhouseUrl: clickhouse?.url, log, serde, worker, stop };
  } catch (error) {
    await stop();
    throw error;
  }
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

/** Publishes campaigns and policy that are new or changed as their next version, and returns what is on the log then. */
async function publishDefinitions(log: Log, serde: Serde, options: InstanceOptions): Promise<Definitions> {
  const definitions = new Definitions();
  const newest = new Map<string, CampaignDefinition>();
  for await (const records of readTopic(log, serde, campaigns)) {
    for (const record of records) {
      definitions.apply(record);
      newest.set(keyOf(record.tenantId, record.campaignId), record);
    }
  }
  const { policy, time } = options;
  const wanted = definitionRecords(
    options.campaigns ?? [],
    policy ?? definitions.policy('default', Number.MAX_SAFE_INTEGER),
  );
  for (const record of wanted) {
    const known = newest.get(campaigns.keyOf(record));
    const unasked = record.campaignId === POLICY_ID && policy === undefined && known !== undefined;
    if (unasked || known?.definition === record.definition) continue;
    const version = (known?.version ?? 0) + 1;
    // Live, a change holds from now on; where time follows old records, and for a first version, it always did.
    const effectiveFrom = known === undefined || time === 'events' ? 0 : systemClock.now();
    const next = { ...record, version, effectiveFrom };
    await log.append([serde.encode(campaigns, next, log.partitions(campaigns.topic))]);
    definitions.apply(next);
  }
  return definitions;
}

function providerOf({ delivery, dir }: InstanceOptions): Parameters<typeof deliverySink>[0] {
  return delivery === 'console'
    ? consoleProvider(process.stdout)
    : fileProvider(join(dir, 'outbox', 'messages.ndjson'));
}

async function openClickhouse(
  options: InstanceOptions,
): Promise<{ readonly url: string; readonly sink: Sink; close(): Promise<void> }> {
  const { clickhouse, clickhousePort, dir, logger } = options;
  if (clickhouse !== 'embedded') {
    return { url: clickhouse.url, sink: clickhouseSink(clickhouse), close: async () => {} };
  }
  const embedded: Embedded = await startEmbedded({
    folder: join(dir, 'clickhouse'),
    ...(clickhousePort === undefined ? {} : { port: clickhousePort }),
    onRestart: (what) => logger.warn(what),
  });
  return { url: embedded.url, sink: clickhouseSink({ url: embedded.url }), close: () => embedded.close() };
}
