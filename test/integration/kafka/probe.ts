// A test's own way to a cluster: it publishes, and knows that nothing is left to do as soon as that is so.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { Publisher } from '../../../api/publisher.ts';
import { readTopic } from '../../../api/reader.ts';
import { createTopics, type Cluster as OpenCluster, openCluster } from '../../../cli/cluster.ts';
import { definitionRecords } from '../../../cli/files/definition-records.ts';
import { readConfig } from '../../../runtime/config.ts';
import { KafkaClient } from '../../../runtime/kafka/client.ts';
import { Fetcher } from '../../../runtime/kafka/fetcher.ts';
import type { Campaign } from '../../../schemas/campaign.ts';
import type { Policy } from '../../../schemas/policy.ts';
import { campaigns as definitions, type Topic, topicNamed } from '../../../schemas/topics.ts';
import { type Cluster, environment, type InstanceProcess, type Position } from './instance.ts';

const LOOK_MS = 10;
const SETTLE_MS = 60_000;

export class Probe {
  readonly publisher: Publisher;
  readonly #cluster: OpenCluster;
  readonly #fetcher: Fetcher;

  private constructor(cluster: OpenCluster, fetcher: Fetcher) {
    this.#cluster = cluster;
    this.#fetcher = fetcher;
    this.publisher = new Publisher(cluster.log, cluster.serde);
  }

  /** Creates the topics that are missing, and publishes campaigns and policy. `folder`: for what is the test's own. */
  static async open(
    cluster: Cluster,
    folder: string,
    made: { readonly partitions: number; readonly campaigns: readonly Campaign[]; readonly policy: Policy },
  ): Promise<Probe> {
    const { kafka } = readConfig(environment(cluster));
    if (kafka === undefined) throw new Error('no brokers');
    const open = await openCluster(kafka, pino({ level: 'silent' }), join(folder, 'probe'));
    await createTopics(open.log, made);
    const fetcher = new Fetcher(new KafkaClient({ brokers: kafka.brokers, clientId: 'probe' }), undefined);
    await fetcher.connect();
    const probe = new Probe(open, fetcher);
    await probe.publisher.publish(definitions, definitionRecords(made.campaigns, made.policy));
    return probe;
  }

  /** The committed records of a topic, of each partition in their order. */
  async read<T>(topic: Topic<T>): Promise<readonly T[]> {
    const values: T[] = [];
    for await (const batch of readTopic(this.#cluster.log, this.#cluster.serde, topic)) values.push(...batch);
    return values;
  }

  /**
   * Resolves once the groups have nothing left to do: each of their tasks has one owner among the instances, is at rest, and
   * has taken all that lies on its topics by then, where no transaction is open. Who is at rest does nothing unless something
   * comes, so the groups stay as they are. Rejects after a minute.
   */
  async atRest(instances: readonly InstanceProcess[], groups: readonly string[]): Promise<void> {
    const until = performance.now() + SETTLE_MS;
    for (;;) {
      const left = await this.#left(instances, groups);
      if (left === undefined) return;
      if (performance.now() > until)
        throw new Error(`not at rest: ${left}\n${instances.map(({ log }) => log).join('\n')}`);
      await delay(LOOK_MS);
    }
  }

  async close(): Promise<void> {
    await this.#fetcher.close();
    await this.#cluster.close();
  }

  /** Something that is left to do. What lies on the topics is asked for last: what comes between would be told of there. */
  async #left(instances: readonly InstanceProcess[], groups: readonly string[]): Promise<string | undefined> {
    const statuses = await Promise.all(instances.map((instance) => instance.status()));
    const busy = statuses.findIndex(({ quiet }) => !quiet);
    if (busy >= 0) return `instance ${busy}`;
    const all: readonly Position[] = statuses.flatMap(({ tasks, sinks }) => [...tasks, ...sinks]);
    const { log } = this.#cluster;
    for (const group of groups) {
      const [first] = all.filter(({ task }) => task.startsWith(`${group}.`));
      if (first === undefined) return `nobody has a task of ${group}`;
      const topics = Object.keys(first.positions).map(topicOf);
      const partitions = log.partitions(topics[0] as string);
      for (let partition = 0; partition < partitions; partition++) {
        const owners = all.filter(({ task }) => task === `${group}.${partition}`);
        if (owners.length !== 1) return `${group}.${partition} has ${owners.length} owners`;
      }
    }
    const unread = await Promise.all(
      all.flatMap(({ task, positions }) => {
        const partition = Number(task.slice(task.lastIndexOf('.') + 1));
        return Object.entries(positions).map(async ([name, offset]) => {
          const isRead = await this.#isRead({ topic: topicOf(name), partition }, offset);
          return isRead ? undefined : `${task} has not read ${name} from ${offset} on`;
        });
      }),
    );
    return unread.find((what) => what !== undefined);
  }

  /** Whether no record lies at the offset or behind it, nor may come of an open transaction. */
  async #isRead(input: { readonly topic: string; readonly partition: number }, offset: number): Promise<boolean> {
    const { offsets } = this.#fetcher;
    const [end, stable] = await Promise.all([offsets.end(input), offsets.stable(input)]);
    if (stable < end) return false;
    // What ends a transaction has an offset, too.
    for await (const { records } of this.#fetcher.replay(input, offset, stable)) if (records.length > 0) return false;
    return true;
  }
}

function topicOf(name: string): string {
  return topicNamed(name)?.topic ?? name;
}
