// A real Kafka broker for tests: the one that KAFKA_BROKERS names, or one of our own (KRaft, one node, data in tmp).
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { haveJava, kafkaJars } from './jars.ts';
import { freePorts, Jvm } from './jvm.ts';
import { scratch, shared } from './shared.ts';

const HEAP = '-Xmx512m';
/** Any valid id does: the broker is alone and new. */
const CLUSTER_ID = 'YmVja29uLXRlc3QtY2x1cw';

export interface KafkaServer {
  /** `host:port` of each. */
  readonly brokers: readonly string[];
  /** The file it logs to; undefined when it is not ours. */
  readonly log?: string;
}

/** A broker that one test has for itself, to do harm to. */
export interface OwnKafka extends KafkaServer {
  /** Stops it, gently or with `kill -9`, and starts it again on the same ports and data. */
  restart(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  kill9(): Promise<void>;
  /** Starts it again after `kill9`. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there is no broker, in one line. */
export const NO_KAFKA = 'left out: the tests on a Kafka broker (set KAFKA_BROKERS, or install Java 17 and Maven)';

/** The broker that the test files of a run share; undefined where none can be had. Use names of your own on it. */
export async function startKafka(): Promise<KafkaServer | undefined> {
  const given = process.env.KAFKA_BROKERS;
  if (given !== undefined && given !== '') return { brokers: given.split(',') };
  if (!haveJava()) return leftOut();
  return shared('kafka', async (folder, owner) => {
    const { jvm, server } = await broker(folder, owner);
    await jvm.start();
    return server;
  });
}

/** A broker for the caller alone, with settings of its own; undefined where Java or Maven are missing. */
export async function startOwnKafka(settings: Readonly<Record<string, string>> = {}): Promise<OwnKafka | undefined> {
  if (!haveJava()) return leftOut();
  const folder = scratch('kafka-own');
  const { jvm, server } = await broker(folder, process.pid, settings);
  await jvm.start();
  return {
    ...server,
    restart: async (signal) => {
      await jvm.stop(signal);
      await jvm.start();
    },
    kill9: () => jvm.stop('SIGKILL'),
    revive: () => jvm.start(),
    stop: async () => {
      await jvm.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function leftOut(): undefined {
  process.stderr.write(`${NO_KAFKA}\n`);
  return undefined;
}

async function broker(
  folder: string,
  owner: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly jvm: Jvm; readonly server: KafkaServer & { readonly log: string } }> {
  const jars = join(await kafkaJars(), '*');
  const [port, controller] = (await freePorts(2)) as [number, number];
  const properties: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'num.partitions': 1,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // Records of tests are of any time, and none of them may go before its test has ended.
    'log.retention.ms': -1,
    'log.segment.bytes': 16 << 20,
    'log.cleaner.dedupe.buffer.size': 4 << 20,
    'offsets.load.buffer.size': 1 << 20,
    ...settings,
  };
  const file = join(folder, 'server.properties');
  mkdirSync(folder, { recursive: true });
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(file, lines.join(''));
  const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file];
  const formatted = spawnSync('java', ['-cp', jars, ...format], { encoding: 'utf8' });
  if (formatted.status !== 0) throw new Error(`the broker's folder can't be formatted:\n${formatted.stderr}`);
  const jvm = new Jvm({
    name: 'kafka',
    folder,
    owner,
    args: [HEAP, '-XX:+UseSerialGC', '-cp', jars, 'kafka.Kafka', file],
    ready: (log) => log.includes('Kafka Server started'),
  });
  return { jvm, server: { brokers: [`127.0.0.1:${port}`], log: jvm.log } };
}
