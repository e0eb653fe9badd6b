// Reads partitions backwards: the newest records first, so that what is recent costs little, however long the log is.
import { setImmediate as turn } from 'node:timers/promises';
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

export interface Place<T> {
  readonly log: Log;
  readonly serde: Serde;
  readonly topic: Topic<T>;
}

export interface Bounds {
  /** Only records before this offset; absent: all that are there now. */
  readonly before?: number | undefined;
  /** Nothing before a record of this time (epoch ms) is looked for. */
  readonly since?: number | undefined;
  readonly mostScanned?: number;
}

/** What was found among some thousand records. */
export interface Window<T> {
  /** Newest first. */
  readonly found: readonly Found<T>[];
  /** The offset before which the next window ends; undefined: nothing older is kept, or looked for. */
  readonly next: number | undefined;
}

/** Window after window, the newest first, until the bounds are reached. Only records that are `interesting` are decoded. */
export async function* windowsBack<T>(
  { log, serde, topic }: Place<T>,
  partition: number,
  interesting: (record: LogRecord) => boolean,
  { before, since, mostScanned = MOST_SCANNED }: Bounds = {},
): AsyncGenerator<Window<T>> {
  const input = { topic: topic.topic, partition };
  const end = await log.endOffset(input);
  let at = Math.min(before ?? end, end);
  const last = Math.max(0, at - mostScanned);
  while (at > last) {
    const from = Math.max(last, at - WINDOW);
    const { records, isFirst } = await readWindow(log, input, from, at);
    const wanted = records.filter(interesting);
    await serde.learn(wanted);
    const found = wanted.reverse().flatMap((record) => {
      const decoded = serde.decode(topic as Topic<unknown>, record);
      return 'value' in decoded ? [{ offset: record.offset, value: decoded.value as T }] : [];
    });
    const isOld = since !== undefined && records.length > 0 && records.every(({ timestamp }) => timestamp < since);
    yield { found, next: isFirst || isOld ? undefined : from };
    if (isFirst || isOld) return;
    at = from;
    // A long scan holds nobody up.
    await turn();
  }
}

export interface ScanOptions<T> extends Place<T>, Bounds {
  /** Of the records, such as `tenantId/userId`. */
  readonly key: string;
  /** So many are enough. */
  readonly limit: number;
  readonly wanted: (value: T) => boolean;
}

/** A key's records, newest first. It looks at a bounded number of records, so it may find fewer than there are: see `next`. */
export async function scanBack<T>({ key, limit, wanted, ...options }: ScanOptions<T>): Promise<Window<T>> {
  const keyBytes = Buffer.from(key);
  const partition = partitionOf(key, options.log.partitions(options.topic.topic));
  const all: Found<T>[] = [];
  let end: number | undefined;
  for await (const { found, next } of windowsBack(
    options,
    partition,
    (r) => r.key?.equals(keyBytes) === true,
    options,
  )) {
    for (const one of found) {
      if (!wanted(one.value)) continue;
      all.push(one);
      if (all.length === limit) return { found: all, next: one.offset === 0 ? undefined : one.offset };
    }
    end = next;
  }
  return { found: all, next: end };
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
