// Requests of committed records from an offset on, and of where the readable part begins and ends.
import type { Broker } from 'kafkajs/src/broker/index.js';
import type Cluster from 'kafkajs/src/cluster/index.js';
import fetchVersions from 'kafkajs/src/protocol/requests/fetch/index.js';
import type { TopicPartition } from '../log.ts';
import { mayPass, retrying } from './client.ts';
import { Leaders } from './leaders.ts';
import { type FetchedPartition, type FetchResponse, readFetchResponse } from './protocol/fetch-response.ts';

const FETCH = 1;
const READ_COMMITTED = 1;
const READ_UNCOMMITTED = 0;
const END = -1;
const EARLIEST = -2;
const OFFSET_WAIT = 20_000;
/** What a request brings at most, over all partitions: decoding it holds up everything else in the process. */
const REQUEST_BYTES = 4 << 20;
const PARTITION_BYTES = 1 << 20;

export interface FetchAt extends TopicPartition {
  readonly offset: number;
}

export class FetchClient {
  readonly #cluster: Cluster;
  readonly #leaders: Leaders;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#leaders = new Leaders(cluster);
  }

  connect(): Promise<void> {
    return this.#cluster.connect();
  }

  disconnect(): Promise<void> {
    return this.#cluster.disconnect();
  }

  /** The broker that leads a partition. */
  leader(input: TopicPartition): Promise<string> {
    return this.#leaders.of(input);
  }

  /** Looks anew at who leads what, over new connections where they broke. */
  refresh(): Promise<void> {
    return this.#leaders.refresh();
  }

  /** Asks a broker for what follows each offset. It answers at once when there is something, else after `maxWait` ms. */
  async fetch(leader: string, wanted: readonly FetchAt[], maxWait: number): Promise<readonly FetchedPartition[]> {
    const broker = await this.#cluster.findBroker({ nodeId: leader });
    const offsets = new Map<string, Map<number, number>>();
    for (const { topic, partition, offset } of wanted) {
      const partitions = offsets.get(topic);
      if (partitions === undefined) offsets.set(topic, new Map([[partition, offset]]));
      else partitions.set(partition, offset);
    }
    const { request, requestTimeout = maxWait } = broker.lookupRequest(
      FETCH,
      fetchVersions,
    )({
      isolationLevel: READ_COMMITTED,
      maxWaitTime: maxWait,
      minBytes: 1,
      maxBytes: REQUEST_BYTES,
      topics: [...offsets].map(([topic, partitions]) => ({
        topic,
        partitions: [...partitions].map(([partition, offset]) => ({
          partition,
          fetchOffset: String(offset),
          maxBytes: PARTITION_BYTES,
        })),
      })),
    });
    const from = ({ topic, partition }: TopicPartition): number => offsets.get(topic)?.get(partition) ?? 0;
    const response = {
      decode: async (payload: Buffer) => readFetchResponse(payload, request.apiVersion, from),
      parse: async ({ partitions }: FetchResponse) => partitions,
    };
    try {
      return await broker.connectionPool.send({ request, response, requestTimeout });
    } catch (error) {
      // As kafkajs does: the broker's other connections go with it.
      if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect();
      throw error;
    }
  }

  /** The first offset kept. */
  earliest(input: TopicPartition): Promise<number> {
    return this.#offset(input, EARLIEST, READ_COMMITTED);
  }

  /** The last stable offset: where readers of committed records end. */
  stable(input: TopicPartition): Promise<number> {
    return this.#offset(input, END, READ_COMMITTED);
  }

  /** The offset after the last record of any kind. */
  end(input: TopicPartition): Promise<number> {
    return this.#offset(input, END, READ_UNCOMMITTED);
  }

  #offset(input: TopicPartition, timestamp: number, isolationLevel: number): Promise<number> {
    const { topic, partition } = input;
    const topics = [{ topic, partitions: [{ partition, timestamp }] }];
    return retrying(OFFSET_WAIT, mayPass, async () => {
      try {
        const broker: Broker = await this.#cluster.findBroker({ nodeId: await this.leader(input) });
        const { responses } = await broker.listOffsets({ isolationLevel, topics });
        return Number(responses[0]?.partitions[0]?.offset);
      } catch (error) {
        await this.refresh().catch(() => {});
        throw error;
      }
    });
  }
}
