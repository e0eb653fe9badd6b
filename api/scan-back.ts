// Reads a partition backwards: the newest records of a key first, so that a user's last decisions cost as little as they are
// recent, however long the log is.
import type { Log, LogRecord, TopicPartition } from '../runtime/log.ts';
import { partitionOf } from '../runtime/partition.ts';
import type { Serde } from '../runtime/serde.ts';
import type { Topic } from '../schemas/topics.ts';

const WINDOW = 4096;
/** Records that one scan looks at, at most. */
export const MOST_SCANNED = 200_000;

export interface Found<T> {
  readonly offset: number;
  readonly value: T;
}

export interface Scan<T> {
  /** Newest first. */
  readonly found: readonly Found<T>[];
  /** Where to go on, as `before` of the next scan; undefined: nothing older is kept. */
  readonly next: number | undefined;
}

export interface ScanOptions<T> {
  readonly log: Log;
  readonly serde: Serde;
  readonly topic: Topic<T>;
  /** Of the records, such as `tenantId/userId`. */
  readonly key: string;
  /** Only records before this offset; absent: all that are there now. */
  readonly before?: number | undefined;
  /** So many are enough. */
  readonly limit: number;
  readonly wanted: (value: T) => boolean;
  /** Nothing before a record of this time (epoch ms) is looked for. */
  readonly since?: number | undefined;
  readonly mostScanned?: number;
}

/** A key's records, newest first. It looks at a bounded number of records, so it may find fewer than there are: see `next`. */
export async function scanBack<T>(options: ScanOptions<T>): Promise<Scan<T>> {
  const { log, serde, topic, key, before, limit, wanted, since, mostScanned = MOST_SCANNED } = options;
  const input = { topic: topic.topic, partition: partitionOf(key, log.partitions(topic.topic)) };
  const found: Found<T>[] = [];
  const keyBytes = Buffer.from(key);
  const end = await log.endOffset(input);
  let at = Math.min(before ?? end, end);
  const last = Math.max(0, at - mostScanned);
  while (at > last) {
    const from = Math.max(last, at - WINDOW);
    const { records, isFirst } = await readWindow(log, input, from, at);
    const own = records.filter((r) => r.key?.equals(keyBytes));
    await serde.learn(own);
    for (const record of own.reverse()) {
      const decoded = serde.decode(topic as Topic<unknown>, record);
      if (!('value' in decoded) || !wanted(decoded.value as T)) continue;
      found.push({ offset: record.offset, value: decoded.value as T });
      if (found.length === limit) return { found, next: record.offset === 0 ? undefined : record.offset };
    }
    if (isFirst) return { found, next: undefined };
    if (since !== undefined && records.length > 0 && records.every(({ timestamp }) => timestamp < since))
      return { found, next: undefined };
    at = from;
  }
  return { found, next: at > 0 ? at : undefined };
}

/** The records from an offset to before another that are still kept; `isFirst`: nothing before them is. */
async function readWindow(
  log: Log,
  input: TopicPartition,
  from: number,
  to: number,
): Promise<{ readonly records: readonly LogRecord[]; readonly isFirst: boolean }> {
  const records: LogRecord[] = [];
  let isFirst = from === 0;
  for (let at = from; at < to; ) {
    const batch = await log.read(input, at, to - at).catch((error: unknown) => {
      // What lay there was deleted as its time had passed: a read from 0 begins at what is kept.
      if (at !== from || from === 0 || !(error instanceof Error && error.name === 'Unrecoverable')) throw error;
      isFirst = true;
      return log.read(input, 0, to - at);
    });
    const last = batch[batch.length - 1];
    if (last === undefined) break;
    records.push(...batch.filter(({ offset }) => offset < to));
    at = last.offset + 1;
  }
  return { records, isFirst };
}
