// A Kafka cluster and its schema registry, as every command reaches them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { topologies } from '../api/catalogue.ts';
import { BadConfig, type KafkaSettings } from '../runtime/config.ts';
import { Unrecoverable } from '../runtime/errors.ts';
import { KafkaLog, type KafkaLogOptions } from '../runtime/kafka/kafka-log.ts';
import type { TopicSpec } from '../runtime/log.ts';
import { observedRegistry } from '../runtime/observed-registry.ts';
import { type Observer, unobserved } from '../runtime/observer.ts';
import { Serde } from '../runtime/serde.ts';
import { confluentRegistry, RegistryRefused, RegistryUnavailable } from '../schemas/confluent-registry.ts';
import type { Policy } from '../schemas/policy.ts';
import type { SchemaRegistry } from '../schemas/registry.ts';
import { allTopics, DEAD_LETTERS } from '../schemas/topics.ts';
import { BadInput, RunFailed } from './errors.ts';
import { partitionProblems } from './topics/co-partitioning.ts';

export const DEFAULT_PARTITIONS = 4;
const REGISTRY_WAIT = 30_000;
const REGISTRY_RETRY = 1000;
const MIGRATE = 'or stop every instance, and move the records to topics made anew';

/** Every topic's full name, the dead letters' too. */
export const topicNames: readonly string[] = [...allTopics.map((t) => t.topic), DEAD_LETTERS];

export interface Cluster {
  readonly log: KafkaLog;
  readonly registry: SchemaRegistry;
  /** Open for every topic. */
  readonly serde: Serde;
  /** The brokers, for people. */
  readonly name: string;
  close(): Promise<void>;
}

export interface ClusterHooks extends Pick<KafkaLogOptions, 'onRestoring' | 'onRestored'> {
  /** Is told when the registry fails. */
  readonly observer?: Observer;
}

/**
 * Connects, learns which of our topics exist, and registers their schemas; a registry that doesn't answer is waited for, half
 * a minute. `folder`: the instance's, which holds the state unless the settings name another place. Throws `BadConfig` for
 * settings that can't work and `RunFailed` when the cluster or the registry can't be reached or refuses us.
 */
export async function openCluster(
  settings: KafkaSettings,
  logger: Logger,
  folder = '.beckon',
  { observer = unobserved, ...hooks }: ClusterHooks = {},
): Promise<Cluster> {
  const { brokers, app, replication, sessionTimeout, sasl } = settings;
  if (settings.registry === undefined) {
    const mend =
      'set it to the address of a schema registry (http://registry:8081), or unset KAFKA_BROKERS to run embedded';
    throw new BadConfig(`environment variable SCHEMA_REGISTRY_URL: is needed on Kafka: ${mend}`);
  }
  const log = await KafkaLog.open({
    brokers,
    clientId: app,
    app,
    stateDir: settings.stateDir ?? join(folder, 'state'),
    logger,
    ...hooks,
    ...(settings.tls === undefined ? {} : { ssl: tlsOf(settings.tls) }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(replication === undefined ? {} : { replication }),
    ...(sessionTimeout === undefined ? {} : { sessionTimeout }),
  }).catch((error: unknown) => {
    // What will not pass says itself what to do.
    const mend = error instanceof Unrecoverable ? '' : '; check KAFKA_BROKERS, KAFKA_TLS and KAFKA_SASL_MECHANISM';
    throw new RunFailed(`${messageOf(error)}${mend}`, { cause: error });
  });
  const registry = observedRegistry(confluentRegistry(settings.registry), observer);
  const serde = new Serde(registry);
  try {
    await log.existing(topicNames);
    await openSerde(serde, logger);
  } catch (error) {
    await log.close();
    throw error;
  }
  return { log, registry, serde, name: brokers.join(','), close: () => log.close() };
}

export interface TopicPlan {
  /** Of topics that are missing; undefined: as their co-partitioned peers have it, else 4. */
  readonly partitions: number | undefined;
  /** Its retention is that of the topics that are missing. */
  readonly policy: Policy;
  /** Topics that hold records; undefined: it is not known, so all may. */
  readonly filled?: ReadonlySet<string> | undefined;
  /** As commands name the cluster. */
  readonly brokers?: string;
}

/**
 * Creates the topics that are missing. Throws `BadInput` where an existing one has a number of partitions that breaks
 * co-partitioning, or another one than is asked for: nothing is created then.
 */
export async function createTopics(log: KafkaLog, plan: TopicPlan): Promise<readonly TopicSpec[]> {
  const specs = planTopics(await log.existing(topicNames), plan);
  await log.createTopics(specs);
  return specs;
}

/** Every topic as it is or shall be. Throws `BadInput`, as `createTopics`. */
export function planTopics(
  existing: ReadonlyMap<string, number>,
  { partitions: wanted, policy, filled, brokers = '…' }: TopicPlan,
): readonly TopicSpec[] {
  const refuseMismatch = (counts: ReadonlyMap<string, number>): void => {
    const problems = partitionProblems({ counts, filled, brokers });
    if (problems.length > 0) throw new BadInput(...problems);
  };
  refuseMismatch(existing);
  for (const [topic, count] of existing) {
    if (wanted === undefined || count === wanted || topic === DEAD_LETTERS) continue;
    throw new BadInput(`the topic ${topic} has ${count} partitions, not ${wanted}: ask for ${count}, ${MIGRATE}`);
  }
  const inputs = topologies.map(({ inputs }) => inputs.map(({ topic }) => existing.get(topic.topic)));
  const [users, campaigns] = inputs.map((counts) => counts.find((count) => count !== undefined));
  const common = users ?? wanted ?? DEFAULT_PARTITIONS;
  const typed = allTopics.map(({ topic, name, keyed, cleanup }): TopicSpec => {
    const retentionMs = Object.hasOwn(policy.retentionMs, name) ? policy.retentionMs[name] : undefined;
    const partitions = existing.get(topic) ?? (keyed === 'user' ? common : (campaigns ?? common));
    return { topic, partitions, cleanup, ...(retentionMs === undefined ? {} : { retentionMs }) };
  });
  // A dead letter goes to the partition of the number that it came from.
  const most = Math.max(...typed.map(({ partitions }) => partitions));
  const letters = existing.get(DEAD_LETTERS) ?? most;
  refuseMismatch(
    new Map([...typed.map(({ topic, partitions }) => [topic, partitions] as const), [DEAD_LETTERS, letters]]),
  );
  return [...typed, { topic: DEAD_LETTERS, partitions: letters, cleanup: 'delete' }];
}

/** Throws `RunFailed` that names what is missing, for commands that create no topics. */
export async function requireTopics(log: KafkaLog, names: readonly string[] = topicNames): Promise<void> {
  const existing = await log.existing(names);
  const missing = names.filter((name) => !existing.has(name));
  if (missing.length > 0)
    throw new RunFailed(`the cluster has no topic ${missing.join(', ')}; run \`beckon topics create\` first`);
}

async function openSerde(serde: Serde, logger: Logger): Promise<void> {
  const until = performance.now() + REGISTRY_WAIT;
  for (;;) {
    try {
      return await serde.open(allTopics);
    } catch (error) {
      if (error instanceof RegistryRefused) throw new RunFailed(error.message, { cause: error });
      if (!(error instanceof RegistryUnavailable)) throw error;
      if (performance.now() > until)
        throw new RunFailed(`${error.message}; check SCHEMA_REGISTRY_URL`, { cause: error });
      logger.warn(`${error.message}, trying again`);
      await delay(REGISTRY_RETRY);
    }
  }
}

function tlsOf(files: NonNullable<KafkaSettings['tls']>): true | { ca?: string[]; cert?: string; key?: string } {
  const read = (variable: string, file: string | undefined): string | undefined => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new BadInput(`environment variable ${variable}: ${file} can't be read (${code}); name a PEM file`);
    }
  };
  const ca = read('KAFKA_TLS_CA', files.ca);
  const cert = read('KAFKA_TLS_CERT', files.cert);
  const key = read('KAFKA_TLS_KEY', files.key);
  if (ca === undefined && cert === undefined) return true;
  return {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
