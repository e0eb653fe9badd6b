// Which broker leads which partition, as far as a cluster's clients know.
import type Cluster from 'kafkajs/src/cluster/index.js';
import type { TopicPartition } from '../log.ts';
import { topicError } from './protocol/metadata.ts';

export class Leaders {
  readonly #cluster: Cluster;
  readonly #topics = new Set<string>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** The id of the broker that leads a partition. Throws when none does at present. */
  async of({ topic, partition }: TopicPartition): Promise<string> {
    if (!this.#topics.has(topic)) {
      await this.#cluster.addMultipleTargetTopics([topic]);
      this.#topics.add(topic);
    }
    await this.#cluster.refreshMetadataIfNecessary();
    const find = (): string | undefined => Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]))[0];
    let leader = find();
    if (leader === undefined) {
      // The topic has grown since.
      await this.#cluster.refreshMetadata();
      leader = find();
    }
    if (leader === undefined)
      throw (
        topicError(this.#cluster, topic) ?? new Error(`no broker leads partition ${partition} of ${topic} at present`)
      );
    return leader;
  }

  /** Looks anew, over new connections where they broke. */
  async refresh(): Promise<void> {
    if (!this.#cluster.isConnected()) await this.#cluster.connect();
    await this.#cluster.refreshMetadata();
  }
}
