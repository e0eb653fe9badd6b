// A real Kafka broker for tests: the one that BECKON_TEST_KAFKA names, one in a container, or one from jars (KRaft, one node,
// data in tmp).
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dockerHostname, startContainer } from './docker.ts';
import { kafkaJars, missing, once } from './jars.ts';
import { freePorts, Jvm } from './jvm.ts';
import { scratch, shared } from './shared.ts';
import { lacking, sourceOf } from './source.ts';

/** A broker of tests is small, and lives too briefly for the second compiler to pay. */
const BRIEF = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
/** As Kafka's own start script has it: the serial collector's pauses alone would be a third of the latencies measured. */
const LONG_LIVED = [
  ...['-Xmx1g', '-Xms1g', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...['-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent'],
];
/** Any valid id does: the broker is alone and new. */
const CLUSTER_ID = 'YmVja29uLXRlc3QtY2x1cw';

/** What every broker of tests has. */
const SETTINGS: Readonly<Record<string, string | number>> = {
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
};

export interface KafkaServer {
  /** `host:port` of each. */
  readonly brokers: readonly string[];
  /** The file it logs to; undefined when it is not ours. */
  readonly log?: string;
}

/** A broker that one test has for itself, to do harm to. */
export interface OwnKafka extends KafkaServer {
  /** `host:port` of its controller. */
  readonly controller: string;
  /** `host:port` of the further listeners, by their names. */
  readonly listeners: Readonly<Record<string, string>>;
  /** Stops it, gently or with `kill -9`, and starts it again on the same ports and data. */
  /** `meanwhile` is called while it is away. */
  restart(signal?: 'SIGTERM' | 'SIGKILL', meanwhile?: () => void): Promise<void>;
  kill9(): Promise<void>;
  /** Starts it again after `kill9`. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

export interface OwnKafkaOptions {
  /** In addition to the ones that every broker of tests has, or in their place. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further listeners by name (capital letters), beside the open one. */
  readonly listeners?: Readonly<Record<string, 'PLAINTEXT' | 'SASL_PLAINTEXT' | 'SASL_SSL' | 'SSL'>>;
  /** Where clients of a further listener are sent (`host:port`), if not to itself: a proxy in front of it. */
  readonly advertised?: Readonly<Record<string, string>>;
  /** Passwords of users of SCRAM, by name. */
  readonly users?: Readonly<Record<string, string>>;
  /** Levels of the cluster's features, by name, in place of the newest that the broker knows. */
  readonly features?: Readonly<Record<string, number>>;
  /** It is a second broker of this one's cluster. */
  readonly joins?: OwnKafka;
  /** For measurements: the JVM compiles and collects garbage as it does in production. */
  readonly longLived?: boolean;
}

/** What is left out where there is no broker. */
export const NO_KAFKA =
  'left out: the tests on a Kafka broker (set BECKON_TEST_KAFKA, run Docker, or install Java 17 and Maven)';

/** Undefined when a broker can be had; else what is missing. */
export function whyNoKafka(): Promise<string | undefined> {
  return lacking(process.env.BECKON_TEST_KAFKA);
}

/** Undefined when a broker of one's own can be had, which comes from jars alone; else what is missing. */
export const whyNoOwnKafka = missing;

/** The broker that the test files of a run share; undefined where none can be had. Use names of your own on it. */
export async function startKafka(): Promise<KafkaServer | undefined> {
  const address = process.env.BECKON_TEST_KAFKA;
  const source = await sourceOf(address);
  if (source === 'address') return { brokers: (address as string).split(',') };
  if (source === undefined) return undefined;
  return shared('kafka', async (folder, owner) => {
    if (source === 'docker') return contained(folder, owner);
    const { jvm, server } = await broker(folder, owner, {});
    await jvm.start();
    return server;
  });
}

/** A broker for the caller alone; undefined where Java or Maven are missing. */
export async function startOwnKafka(options: OwnKafkaOptions = {}): Promise<OwnKafka | undefined> {
  if (missing() !== undefined) return undefined;
  const folder = scratch('kafka-own');
  const { jvm, server } = await broker(folder, process.pid, options);
  await jvm.start();
  return {
    ...server,
    restart: async (signal, meanwhile) => {
      await jvm.stop(signal);
      meanwhile?.();
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

async function contained(folder: string, owner: number): Promise<KafkaServer> {
  const [port] = (await freePorts(1)) as [number];
  const address = `${dockerHostname()}:${port}`;
  const properties: Record<string, string | number> = {
    ...SETTINGS,
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': '1@localhost:9093',
    listeners: `PLAINTEXT://:${port},CONTROLLER://localhost:9093`,
    'advertised.listeners': `PLAINTEXT://${address}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
  };
  // The image takes settings so named.
  const environment = Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      `KAFKA_${name.toUpperCase().replaceAll('.', '_')}`,
      String(value),
    ]),
  );
  await startContainer('kafka', { folder, owner, port, environment });
  return { brokers: [address] };
}

interface Made {
  readonly jvm: Jvm;
  readonly server: Pick<OwnKafka, 'brokers' | 'listeners' | 'controller'> & { readonly log: string };
}

async function broker(folder: string, owner: number, options: OwnKafkaOptions): Promise<Made> {
  return brokerWith(await classArchive(), folder, owner, options);
}

/** Classes as the JVM has them in memory, which it need not load and check again: a start takes a third of the time. */
async function classArchive(): Promise<string> {
  const jars = await kafkaJars();
  const name = 'classes.jsa';
  const made = await once(`${jars.slice(jars.lastIndexOf('/') + 1)}-classes`, async (folder) => {
    const scrap = scratch('kafka-classes');
    const { jvm } = await brokerWith(`-XX:ArchiveClassesAtExit=${join(folder, name)}`, scrap, process.pid, {});
    await jvm.start();
    await jvm.stop();
    rmSync(scrap, { recursive: true, force: true });
  });
  return `-XX:SharedArchiveFile=${join(made, name)}`;
}

async function brokerWith(
  archive: string,
  folder: string,
  owner: number,
  {
    settings = {},
    listeners = {},
    advertised = {},
    users = {},
    features = {},
    joins,
    longLived = false,
  }: OwnKafkaOptions,
): Promise<Made> {
  const jars = join(await kafkaJars(), '*');
  const names = Object.keys(listeners);
  const [port, own, ...ports] = (await freePorts(2 + names.length)) as [number, number, ...number[]];
  const controller = joins?.controller ?? `127.0.0.1:${own}`;
  const open = [`PLAINTEXT://127.0.0.1:${port}`, ...names.map((name, i) => `${name}://127.0.0.1:${ports[i]}`)];
  const shown = names.map((name, i) => `${name}://${advertised[name] ?? `127.0.0.1:${ports[i]}`}`);
  const protocols = [
    'PLAINTEXT:PLAINTEXT',
    'CONTROLLER:PLAINTEXT',
    ...names.map((name) => `${name}:${listeners[name]}`),
  ];
  const properties: Record<string, string | number> = {
    'process.roles': joins === undefined ? 'broker,controller' : 'broker',
    'node.id': joins === undefined ? 1 : 2,
    'controller.quorum.voters': `1@${controller}`,
    listeners: joins === undefined ? [...open, `CONTROLLER://${controller}`].join(',') : open.join(','),
    'advertised.listeners': [`PLAINTEXT://127.0.0.1:${port}`, ...shown].join(','),
    'listener.security.protocol.map': protocols.join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'data'),
    ...SETTINGS,
    ...settings,
  };
  const file = join(folder, 'server.properties');
  mkdirSync(folder, { recursive: true });
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(file, lines.join(''));
  const jvmArgs = [...(longLived ? LONG_LIVED : [...BRIEF, archive]), '-cp', jars];
  const scram = Object.entries(users).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((m) => ['--add-scram', `${m}=[name=${name},password=${password}]`]),
  );
  const levels = Object.entries(features).flatMap(([name, level]) => ['--feature', `${name}=${level}`]);
  const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file, ...scram, ...levels];
  const formatArgs = jvmArgs.filter((arg) => !arg.startsWith('-XX:Archive'));
  const formatted = spawnSync('java', [...formatArgs, ...format], { encoding: 'utf8' });
  if (formatted.status !== 0) throw new Error(`the broker's folder can't be formatted:\n${formatted.stderr}`);
  const jvm = new Jvm({
    name: 'kafka',
    folder,
    owner,
    args: [...jvmArgs, 'kafka.Kafka', file],
    ready: (log) => log.includes('Kafka Server started'),
  });
  const addresses = Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`]));
  return { jvm, server: { brokers: [`127.0.0.1:${port}`], controller, listeners: addresses, log: jvm.log } };
}
