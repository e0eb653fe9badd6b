// What operations ask of a cluster about its topics and groups, beyond the log's own port.
import kafkajs, { type Admin } from 'kafkajs';
import { allTopics, DEAD_LETTERS } from '../../schemas/topics.ts';
import type { TopicSpec } from '../log.ts';
import { isTransient, retrying } from './client.ts';
import { PATIENCE } from './coordinators.ts';
import { CHANGELOG_CONFIG, changelogOf, consumerGroupOf, type TopicConfig, topicConfig } from './topic-config.ts';

/** The settings that we set, of whatever topic. */
const SETTINGS: ReadonlySet<string> = new Set(
  [
    CHANGELOG_CONFIG,
    ...allTopics.map(({ topic, cleanup }) => topicConfig({ topic, cleanup, partitions: 1, retentionMs: 1 })),
    topicConfig({ topic: DEAD_LETTERS, cleanup: 'delete', partitions: 1 }),
  ].flatMap((config) => Object.keys(config)),
);

/** A topic as the cluster has it. */
export interface TopicFound {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
  readonly config: TopicConfig;
}

/** A setting that is not as it should be. */
export interface Deviation {
  readonly name: string;
  readonly found: string | undefined;
  readonly wanted: string;
}

export interface OffsetRange {
  readonly partition: number;
  /** Of the first record kept. */
  readonly begin: number;
  /** After the last record; transactions' own marks take offsets too. */
  readonly end: number;
}

export class TopicAdmin {
  readonly #admin: Admin;
  readonly #app: string;

  /** On the connection of a log; `app` begins the names of groups and changelogs. */
  constructor(admin: Admin, app: string) {
    this.#admin = admin;
    this.#app = app;
  }

  changelogOf(group: string): string {
    return changelogOf(this.#app, group);
  }

  /** Those of the topics that exist. */
  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, TopicFound>> {
    const existing = new Set(await this.#admin.listTopics());
    const known = topics.filter((topic) => existing.has(topic));
    if (known.length === 0) return new Map();
    const metadata = await this.#admin.fetchTopicMetadata({ topics: known });
    const { resources } = await this.#admin.describeConfigs({
      includeSynonyms: false,
      resources: known.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: [...SETTINGS] })),
    });
    const configs = new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );
    return new Map(
      metadata.topics.map(({ name, partitions }) => [
        name,
        {
          topic: name,
          partitions: partitions.length,
          replication: Math.min(...partitions.map(({ replicas }) => replicas.length)),
          config: configs.get(name) ?? {},
        },
      ]),
    );
  }

  /** The partitions' first and last offsets. */
  async offsets(topic: string): Promise<readonly OffsetRange[]> {
    const found = await this.#admin.fetchTopicOffsets(topic);
    return found
      .map(({ partition, low, high }) => ({ partition, begin: Number(low), end: Number(high) }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** The next offset that a group's tasks read, by partition of each topic; absent where none was committed. */
  async committed(group: string, topics: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
    const groupId = consumerGroupOf(this.#app, group);
    // The first to ask a new cluster for a group has its offsets' topic made, and nobody coordinates until that is there.
    const found = await retrying(PATIENCE, isTransient, () =>
      this.#admin.fetchOffsets({ groupId, topics: [...topics] }),
    );
    return new Map(
      found.map(({ topic, partitions }) => [
        topic,
        new Map(partitions.map((p) => [p.partition, Number(p.offset)] as const).filter(([, offset]) => offset >= 0)),
      ]),
    );
  }
}

/** What of a topic's settings is not as `createTopics` would make it. */
export function deviations(found: TopicFound, spec: TopicSpec | 'changelog'): readonly Deviation[] {
  const wanted = spec === 'changelog' ? CHANGELOG_CONFIG : topicConfig(spec);
  return Object.entries(wanted)
    .filter(([name, value]) => found.config[name] !== value)
    .map(([name, value]) => ({ name, found: found.config[name], wanted: value }));
}
