// Fetch requests, decoded: committed records from an offset on, and where the readable part ends.
import type { Broker, FetchedPartition } from 'kafkajs/src/broker/index.js';
import type Cluster from 'kafkajs/src/cluster/index.js';
import type { LogRecord, TopicPartition } from '../log.ts';
import { mayPass, retrying } from './client.ts';
import { Leaders } from './leaders.ts';

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

export interface Fetched extends FetchAt {
  /** Committed records at or after the offset asked for. */
  readonly records: readonly LogRecord[];
  /** The offset to go on from: after the last record, marker or aborted record that came. */
  readonly next: number;
  /** The last stable offset: readers get no further for now. */
  readonly stable: number;
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
  async fetch(leader: string, wanted: readonly FetchAt[], maxWait: number): Promise<readonly Fetched[]> {
    const broker = await this.#cluster.findBroker({ nodeId: leader });
    const offsets = new Map<string, Map<number, number>>();
    for (const { topic, partition, offset } of wanted) {
      const partitions = offsets.get(topic);
      if (partitions === undefined) offsets.set(topic, new Map([[partition, offset]]));
      else partitions.set(partition, offset);
    }
    const { responses } = await broker.fetch({
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
    return responses.flatMap(({ topicName: topic, partitions }) =>
      partitions.map((fetched) => {
        const { partition } = fetched;
        return decode({ topic, partition, offset: offsets.get(topic)?.get(partition) ?? 0 }, fetched);
      }),
    );
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

function decode(at: FetchAt, { messages, abortedTransactions, lastStableOffset }: FetchedPartition): Fetched {
  // The broker lists them in the order in which they ended; readers meet them in the order in which they began.
  const aborted = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, first: Number(firstOffset) }))
    .sort((a, b) => a.first - b.first);
  const aborting = new Set<string>();
  let begun = 0;
  const records: LogRecord[] = [];
  for (const message of messages) {
    const offset = Number(message.offset);
    const { producerId, inTransaction } = message.batchContext;
    for (let next = aborted[begun]; next !== undefined && next.first <= offset; next = aborted[begun]) {
      aborting.add(next.producerId);
      begun++;
    }
    if (message.isControlRecord) {
      if (isAbort(message.key)) aborting.delete(producerId);
      continue;
    }
    // A batch comes whole, with what lies before the offset asked for.
    if (offset < at.offset || (inTransaction && aborting.has(producerId))) continue;
    const { key, value } = message;
    records.push({ offset, timestamp: Number(message.timestamp), key, value, headers: textHeaders(message.headers) });
  }
  const batch = messages[messages.length - 1]?.batchContext;
  // After the batch, not after its last record: compaction may have taken the rest of it.
  const next = batch === undefined ? at.offset : Number(batch.firstOffset) + batch.lastOffsetDelta + 1;
  return { ...at, records, next: Math.max(at.offset, next), stable: Number(lastStableOffset) };
}

/** A marker's key is its version and its type, two bytes each; type 0 is an abort. */
function isAbort(key: Buffer | null): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

function textHeaders(headers: Record<string, Buffer | Buffer[] | null>): Readonly<Record<string, string>> {
  let text: Record<string, string> | undefined;
  for (const name in headers) {
    const value = headers[name];
    const first = Array.isArray(value) ? value[0] : value;
    text ??= {};
    text[name] = first?.toString('utf8') ?? '';
  }
  return text ?? NO_HEADERS;
}
