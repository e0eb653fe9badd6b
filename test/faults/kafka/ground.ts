// What instances stand on: a broker that is theirs alone, a registry, and a proxy before each for every instance.
import { pino } from 'pino';
import { type Cluster, createTopics, openCluster } from '../../../cli/cluster.ts';
import { definitionRecords } from '../../../cli/files/definition-records.ts';
import { campaigns as campaignsTopic } from '../../../schemas/topics.ts';
import { freePorts } from '../../servers/jvm.ts';
import { type OwnKafka, startOwnKafka } from '../../servers/kafka.ts';
import { startRegistry } from '../../servers/registry.ts';
import { TcpProxy } from './proxy.ts';
import type { Scene } from './scenes.ts';

/** Begins the names of the consumer groups, changelogs and transactional ids. */
export const APP = 'faults';
export const PARTITIONS = 4;
/** The most instances that run side by side. */
export const SLOTS = 4;
/** ms. Short, so that the tasks of a killed instance are not without an owner for long. */
export const SESSION_TIMEOUT = 3000;

export class Ground {
  readonly kafka: OwnKafka;
  /** Before the registry. */
  readonly registry: TcpProxy;
  /** Before the broker, one for every instance. */
  readonly proxies: readonly TcpProxy[];
  /** The harness's own way to the broker and the registry, past the proxies. */
  readonly cluster: Cluster;
  readonly scene: Scene;
  readonly #registryUrl: URL;

  private constructor(parts: {
    readonly kafka: OwnKafka;
    readonly registry: TcpProxy;
    readonly registryUrl: URL;
    readonly proxies: readonly TcpProxy[];
    readonly cluster: Cluster;
    readonly scene: Scene;
  }) {
    this.kafka = parts.kafka;
    this.registry = parts.registry;
    this.proxies = parts.proxies;
    this.cluster = parts.cluster;
    this.scene = parts.scene;
    this.#registryUrl = parts.registryUrl;
  }

  /** With every topic made, and campaigns and policy published. Undefined where a broker or registry can't be had. */
  static async open(scene: Scene): Promise<Ground | undefined> {
    const ports = await freePorts(SLOTS + 1);
    const names = Array.from({ length: SLOTS }, (_, i) => `SLOT${i}`);
    const [registryServer, kafka] = await Promise.all([
      startRegistry(),
      startOwnKafka({
        listeners: Object.fromEntries(names.map((name) => [name, 'PLAINTEXT' as const])),
        advertised: Object.fromEntries(names.map((name, i) => [name, `127.0.0.1:${ports[i]}`])),
        settings: { 'group.min.session.timeout.ms': '1000' },
      }),
    ]);
    if (registryServer === undefined || kafka === undefined) {
      await kafka?.stop();
      return undefined;
    }
    const proxies = await Promise.all(
      names.map((name, i) => TcpProxy.open(ports[i] as number, portOf(kafka.listeners[name]), true)),
    );
    const registryUrl = new URL(registryServer.url);
    const registry = await TcpProxy.open(ports[SLOTS] as number, Number(registryUrl.port), false);
    const cluster = await openCluster(
      {
        brokers: kafka.brokers,
        app: APP,
        stateDir: undefined,
        replication: 1,
        tls: undefined,
        sasl: undefined,
        sessionTimeout: undefined,
        registry: { url: registryServer.url },
      },
      pino({ level: 'silent' }),
    );
    await createTopics(cluster.log, { partitions: PARTITIONS, policy: scene.policy });
    const records = definitionRecords(scene.campaigns, scene.policy);
    await cluster.log.append(records.map((record) => cluster.serde.encode(campaignsTopic, record, PARTITIONS)));
    return new Ground({ kafka, registry, registryUrl, proxies, cluster, scene });
  }

  /** The environment of the instance behind a proxy. */
  environment(slot: number): Readonly<Record<string, string>> {
    const registry = new URL(this.#registryUrl);
    registry.port = String(this.registry.port);
    return {
      KAFKA_BROKERS: `127.0.0.1:${this.proxies[slot]?.port}`,
      KAFKA_SESSION_TIMEOUT: String(SESSION_TIMEOUT),
      SCHEMA_REGISTRY_URL: registry.href,
      BECKON_APP: APP,
      ...(this.scene.endpoint === undefined ? {} : { BECKON_WEBHOOK_URL: this.scene.endpoint.url }),
    };
  }

  /** The registry's address, past its proxy. */
  get registryUrl(): string {
    return this.#registryUrl.href;
  }

  async close(): Promise<void> {
    await this.cluster.close();
    await Promise.all([this.registry, ...this.proxies].map((proxy) => proxy.close()));
    await this.kafka.stop();
  }
}

function portOf(address: string | undefined): number {
  return Number(address?.split(':')[1]);
}
