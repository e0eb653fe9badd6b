// What the bench runs on: a broker and a registry of its own, warm all through, with topics made anew for every run.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { type Cluster, createTopics, openCluster } from '../../cli/cluster.ts';
import { readConfig } from '../../runtime/config.ts';
import { deleteTopics } from '../../runtime/kafka/testing/delete-topics.ts';
import { defaultPolicy } from '../../schemas/policy.ts';
import { startOwnKafka, whyNoOwnKafka } from '../../test/servers/kafka.ts';
import { startRegistry, whyNoRegistry } from '../../test/servers/registry.ts';
import { type Usage, usageOf } from './usage.ts';

/** Begins the name of every installation of the bench. */
const APP = 'bench';

export interface Ground {
  readonly brokers: readonly string[];
  readonly brokerPid: number;
  /** Of an installation that was not there before, whose topics are empty. */
  emptied(partitions: number): Promise<Installation>;
  close(): Promise<void>;
}

/** Everything of one name on the cluster, and the bench's own connection to it. */
export interface Installation {
  readonly app: string;
  readonly cluster: Cluster;
  readonly partitions: number;
  readonly environment: Readonly<Record<string, string>>;
  /** The same topics, with groups and changelogs of another name. */
  again(): Promise<Installation>;
  /** Bytes of a topic's records on the broker's disk. */
  bytesOf(topic: string): number;
  close(): Promise<void>;
}

/** Throws when no broker or registry can be had. */
export async function openGround(): Promise<Ground> {
  const why = whyNoOwnKafka() ?? (await whyNoRegistry());
  if (why !== undefined) throw new Error(`a broker and a registry are needed, and ${why} is missing`);
  const [kafka, registry] = await Promise.all([
    // Compaction is held off: sizes of changelogs are what was written.
    startOwnKafka({
      longLived: true,
      settings: { 'log.cleaner.backoff.ms': '600000', 'log.segment.bytes': '268435456' },
    }),
    startRegistry(),
  ]);
  if (kafka === undefined || kafka.log === undefined || registry === undefined)
    throw new Error("a broker and a registry of the bench's own are needed: unset BECKON_TEST_KAFKA");
  const folder = dirname(kafka.log);
  const { brokers } = kafka;
  let installations = 0;
  const install = async (partitions: number): Promise<Installation> => {
    const app = `${APP}${++installations}`;
    const environment = {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registry.url,
      BECKON_APP: app,
      CLICKHOUSE_URL: '',
    };
    const settings = readConfig(environment).kafka;
    if (settings === undefined) throw new Error('no brokers');
    const cluster = await openCluster(settings, pino({ level: 'silent' }), join(folder, app));
    await createTopics(cluster.log, { partitions, policy: defaultPolicy });
    return {
      app,
      cluster,
      partitions,
      environment,
      again: () => install(partitions),
      bytesOf: (topic) => bytesOf(join(folder, 'data'), topic),
      close: () => cluster.close(),
    };
  };
  return {
    brokers,
    brokerPid: Number(readFileSync(join(folder, 'kafka.pid'), 'utf8')),
    async emptied(partitions) {
      for (const prefix of ['engagement.', APP]) await deleteTopics(brokers, prefix);
      return install(partitions);
    },
    close: () => kafka.stop(),
  };
}

export function brokerUsage({ brokerPid }: Pick<Ground, 'brokerPid'>): Usage {
  return usageOf(brokerPid) ?? { cpuMs: Number.NaN, rssMb: Number.NaN, peakMb: Number.NaN };
}

function bytesOf(data: string, topic: string): number {
  let bytes = 0;
  for (const folder of readdirSync(data)) {
    if (folder.slice(0, folder.lastIndexOf('-')) !== topic) continue;
    for (const name of readdirSync(join(data, folder))) {
      if (name.endsWith('.log')) bytes += statSync(join(data, folder, name)).size;
    }
  }
  return bytes;
}
