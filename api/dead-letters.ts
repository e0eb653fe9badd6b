// The dead letters: what could not be taken, listed, and put back on the topics it came from.
import type { Log, LogRecord, NewRecord, TopicPartition } from '../runtime/log.ts';
import { partitionOfBytes } from '../runtime/partition.ts';
import type { Serde } from '../runtime/serde.ts';
import { jsonForm } from '../schemas/json-form.ts';
import { DEAD_LETTERS, isKeyOf, topicNamed } from '../schemas/topics.ts';
import { publishable } from './publisher.ts';

const FETCH = 500;
/** The group whose state says which dead letters went back. */
export const REPLAY_GROUP = 'replay';
/** Header of a record that went back: the place of its dead letter. */
export const REPLAYED_FROM = 'replayed-from';

export interface DeadLetterFilter {
  /** Short or full name of the topic it came from. */
  readonly topic?: string | undefined;
  readonly code?: string | undefined;
  /** Those under a key of this tenant's: values may be unreadable, and one without a key is nobody's. */
  readonly tenant?: string | undefined;
  /** Epoch ms: the least time of the record itself. */
  readonly since?: number | undefined;
  /** Its own place among the dead letters. */
  readonly place?: { readonly partition: number; readonly offset: number } | undefined;
}

export interface DeadLetter {
  readonly at: TopicPartition & { readonly offset: number };
  /** Where it came from: the topic's full name. */
  readonly from: TopicPartition & { readonly offset: number };
  readonly code: string;
  readonly message: string;
  /** Epoch ms: the record's own. */
  readonly time: number;
  readonly record: LogRecord;
}

/** A dead letter for people and programs; the value only where it was asked for. */
export interface DeadLetterLine {
  /** `partition:offset` among the dead letters. */
  readonly place: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly code: string;
  readonly message: string;
  readonly time: string;
  readonly key: string | null;
  /** In the topic's JSON form, where it can be read. */
  readonly value?: unknown;
  readonly valueBase64?: string | null;
}

/** Those that match, partition by partition, up to the end as it is when they are asked for. */
export async function* deadLetters(log: Log, filter: DeadLetterFilter): AsyncGenerator<readonly DeadLetter[]> {
  for (const partition of partitionsOf(log, filter)) yield* lettersOf(log, partition, filter);
}

/**
 * The newest by their records' own times, at most `limit`, oldest first, and how many match in all. With `serde`, the values
 * are shown.
 */
export async function listDeadLetters(
  log: Log,
  filter: DeadLetterFilter,
  limit: number,
  serde?: Serde,
): Promise<{ readonly lines: readonly DeadLetterLine[]; readonly matching: number }> {
  let newest: DeadLetter[] = [];
  let matching = 0;
  for await (const letters of deadLetters(log, filter)) {
    matching += letters.length;
    newest = [...newest, ...letters].sort((a, b) => a.time - b.time).slice(-limit);
  }
  await serde?.learn(newest.map(({ record }) => record));
  return { lines: newest.map((letter) => lineOf(letter, serde)), matching };
}

export interface Replayed {
  /** Went back now (in a dry run: would go), by topic. */
  readonly replayed: Readonly<Record<string, number>>;
  /** Went back in an earlier replay. */
  readonly already: number;
  /** Their topics are written by topologies, and none was named. */
  readonly internal: number;
  /** Of topics that the log doesn't have, or of partitions they don't have any more. */
  readonly lost: number;
}

/**
 * Appends dead letters to the topics they came from: key, value and time as they were, and a header that names the dead
 * letter. Each goes back once, whatever is killed and however often it is asked for: the records and the note that they are
 * back are one commit. A second replay at the same time takes over from the first, which throws `TaskFenced`.
 */
export async function replayDeadLetters(
  log: Log,
  filter: DeadLetterFilter,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Replayed> {
  const replayed: Record<string, number> = {};
  let [already, internal, lost] = [0, 0, 0];
  const inputs = new Set<string>(publishable.map(({ topic }) => topic));
  for (const partition of partitionsOf(log, filter)) {
    if ((await log.endOffset({ topic: DEAD_LETTERS, partition })) === 0) continue;
    const task = await log.openTask(REPLAY_GROUP, partition);
    try {
      for await (const letters of lettersOf(log, partition, filter)) {
        const outputs: NewRecord[] = [];
        const changes: { readonly key: Buffer; readonly value: Buffer }[] = [];
        for (const letter of letters) {
          const { topic } = letter.from;
          const key = noteOf(letter.at.offset);
          const to = partitionFor(log, letter);
          if (filter.topic === undefined && !inputs.has(topic)) internal++;
          else if (to === undefined) lost++;
          else if (task.store.get(key) !== undefined) already++;
          else {
            outputs.push(backTo(letter, to));
            changes.push({ key, value: Buffer.from(topic) });
            replayed[topic] = (replayed[topic] ?? 0) + 1;
          }
        }
        if (outputs.length > 0 && !dryRun) await task.commit({ outputs, offsets: [], changes });
      }
    } finally {
      await task.close();
    }
  }
  return { replayed, already, internal, lost };
}

function partitionsOf(log: Log, { place }: DeadLetterFilter): readonly number[] {
  const partitions = Array.from({ length: log.partitions(DEAD_LETTERS) }, (_, partition) => partition);
  return place === undefined ? partitions : partitions.filter((partition) => partition === place.partition);
}

async function* lettersOf(
  log: Log,
  partition: number,
  filter: DeadLetterFilter,
): AsyncGenerator<readonly DeadLetter[]> {
  const input = { topic: DEAD_LETTERS, partition };
  const end = filter.place === undefined ? await log.endOffset(input) : filter.place.offset + 1;
  for (let at = filter.place?.offset ?? 0; at < end; ) {
    const records = await log.read(input, at, FETCH);
    const last = records[records.length - 1];
    if (last === undefined) return;
    at = last.offset + 1;
    const letters = records
      .filter(({ offset }) => offset < end)
      .map((record) => letterOf(record, partition))
      .filter((letter) => matches(letter, filter));
    if (letters.length > 0) yield letters;
  }
}

function letterOf(record: LogRecord, partition: number): DeadLetter {
  const { topic = '', partition: from = '0', offset = '0', code = '', message = '', time } = record.headers;
  return {
    at: { topic: DEAD_LETTERS, partition, offset: record.offset },
    from: { topic, partition: Number(from), offset: Number(offset) },
    code,
    message,
    time: time === undefined ? record.timestamp : Number(time),
    record,
  };
}

function matches({ from, code, time, record }: DeadLetter, filter: DeadLetterFilter): boolean {
  if (filter.topic !== undefined && from.topic !== (topicNamed(filter.topic)?.topic ?? filter.topic)) return false;
  if (filter.code !== undefined && code !== filter.code) return false;
  if (filter.tenant !== undefined && !isKeyOf(filter.tenant, record.key?.toString('utf8') ?? '')) return false;
  return filter.since === undefined || time >= filter.since;
}

function lineOf({ at, from, code, message, time, record }: DeadLetter, serde: Serde | undefined): DeadLetterLine {
  const topic = topicNamed(from.topic);
  const line = {
    place: `${at.partition}:${at.offset}`,
    topic: topic?.name ?? from.topic,
    partition: from.partition,
    offset: from.offset,
    code,
    message,
    time: isoOf(time),
    key: record.key?.toString('utf8') ?? null,
  };
  if (serde === undefined) return line;
  const decoded = topic === undefined ? undefined : serde.decode(topic, record);
  if (topic === undefined || decoded === undefined || 'code' in decoded) {
    return { ...line, valueBase64: record.value?.toString('base64') ?? null };
  }
  return { ...line, value: JSON.parse(jsonForm(topic).write(decoded.value)) as unknown };
}

/** All of a dead letter as a line of JSON: where the record was and why it is there; its bytes as base64. */
export function wholeLine({ from, code, message, time, record }: DeadLetter): string {
  const { key, value } = record;
  return JSON.stringify({
    ...{ topic: from.topic, partition: from.partition, offset: from.offset, code, message, time: isoOf(time) },
    ...{ key: key?.toString('utf8') ?? null, valueBase64: value?.toString('base64') ?? null },
  });
}

/** Producers in other languages may send times that no date has. */
function isoOf(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}

/** The partition of its key, which may be another than it was in; without a key, the one it was in. */
function partitionFor(log: Log, { from, record }: DeadLetter): number | undefined {
  let partitions: number;
  try {
    partitions = log.partitions(from.topic);
  } catch {
    return undefined;
  }
  if (record.key !== null) return partitionOfBytes(record.key, partitions);
  return from.partition < partitions ? from.partition : undefined;
}

function backTo({ at, from, time, record }: DeadLetter, partition: number): NewRecord {
  return {
    topic: from.topic,
    partition,
    timestamp: time,
    key: record.key,
    value: record.value,
    headers: { [REPLAYED_FROM]: `${at.partition}:${at.offset}` },
  };
}

function noteOf(offset: number): Buffer {
  return Buffer.from(`r/${offset}`);
}
