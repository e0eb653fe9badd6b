// The cluster's topics: which there are, with how many partitions, and how ours are made.
import type { Admin, ITopicConfig } from 'kafkajs';
import { Unrecoverable } from '../errors.ts';
import type { TopicPartition, TopicSpec } from '../log.ts';
import { errorType, mayPass, retrying } from './client.ts';
import { refusal } from './refusals.ts';
import { CHANGELOG_CONFIG, type TopicConfig, topicConfig } from './topic-config.ts';

const ADMIN_WAIT = 30_000;

export class Topics {
  readonly #admin: Admin;
  readonly #replication: number | undefined;
  readonly #partitions = new Map<string, number>();

  /** Topics get `replication` copies, or as many as the cluster gives by default. */
  constructor(admin: Admin, replication: number | undefined) {
    this.#admin = admin;
    this.#replication = replication;
  }

  /** Creates what is missing. Throws `Unrecoverable` when one exists with another number of partitions. */
  async create(specs: readonly TopicSpec[]): Promise<void> {
    await this.#look(specs.map(({ topic }) => topic));
    await this.#make(
      specs
        .filter(({ topic }) => !this.#partitions.has(topic))
        .map((spec) => this.#spec(spec.topic, spec.partitions, topicConfig(spec))),
    );
    for (const { topic, partitions } of specs) {
      const found = this.#partitions.get(topic);
      if (found === partitions) continue;
      const mend = 'set the number that it has, or move its records to a topic of another name';
      throw new Unrecoverable(`the topic ${topic} has ${found} partitions, not ${partitions}: ${mend}`);
    }
  }

  /** The partitions of those of the topics that exist. */
  async existing(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    await this.#look(topics);
    return new Map([...this.#partitions].filter(([topic]) => topics.includes(topic)));
  }

  /** Sees to it that a changelog has a partition for every task; its partitions aren't hashed to, so it may grow. */
  async ensureChangelog(topic: string, partitions: number): Promise<void> {
    if ((this.#partitions.get(topic) ?? 0) >= partitions) return;
    await this.#look([topic]);
    if (!this.#partitions.has(topic)) await this.#make([this.#spec(topic, partitions, CHANGELOG_CONFIG)]);
    if ((this.#partitions.get(topic) ?? 0) >= partitions) return;
    await retrying(ADMIN_WAIT, isPassing, async () => {
      try {
        await this.#admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] });
      } catch (error) {
        // Another instance was faster, with as many or more.
        if (errorType(error) !== 'INVALID_PARTITIONS') throw error;
      }
      await this.#look([topic]);
      if ((this.#partitions.get(topic) ?? 0) < partitions) throw new Error(`the topic ${topic} does not grow`);
    });
  }

  /** Throws for a topic that was not created here. */
  count(topic: string): number {
    const partitions = this.#partitions.get(topic);
    if (partitions === undefined) throw new Error(`there is no topic ${topic}`);
    return partitions;
  }

  /** Throws when there is no such topic or partition. */
  check({ topic, partition }: TopicPartition): void {
    const partitions = this.count(topic);
    if (partition >= 0 && partition < partitions) return;
    throw new Error(`the topic ${topic} has ${partitions} partitions: there is no partition ${partition}`);
  }

  #spec(topic: string, numPartitions: number, config: TopicConfig): ITopicConfig {
    const spec = {
      topic,
      numPartitions,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    };
    return this.#replication === undefined ? spec : { ...spec, replicationFactor: this.#replication };
  }

  async #make(topics: ITopicConfig[]): Promise<void> {
    if (topics.length === 0) return;
    const names = topics.map(({ topic }) => topic);
    await retrying(ADMIN_WAIT, isPassing, () => this.#admin.createTopics({ topics, waitForLeaders: true })).catch(
      (error: unknown) => {
        throw refusal(error, 'topics can not be created', { right: 'Create', topics: names }) ?? error;
      },
    );
    // A broker may hear of a new topic a moment after its leader.
    await retrying(
      ADMIN_WAIT,
      () => true,
      async () => {
        await this.#look(names);
        const missing = names.find((topic) => !this.#partitions.has(topic));
        if (missing !== undefined) throw new Error(`the topic ${missing} was created and does not appear`);
      },
    );
  }

  /** Learns of those of the topics that exist. */
  async #look(topics: readonly string[]): Promise<void> {
    await retrying(ADMIN_WAIT, isPassing, async () => {
      const existing = new Set(await this.#admin.listTopics());
      const known = topics.filter((topic) => existing.has(topic));
      if (known.length === 0) return;
      const metadata = await this.#admin.fetchTopicMetadata({ topics: known });
      for (const { name, partitions } of metadata.topics) this.#partitions.set(name, partitions.length);
    });
  }
}

/** What a cluster refuses for good: rights that lack, names and replication factors that it doesn't take. */
function isPassing(error: unknown): boolean {
  return mayPass(error) && !/^(INVALID|POLICY)_/.test(errorType(error) ?? '');
}
