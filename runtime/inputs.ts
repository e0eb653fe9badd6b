// A task's inputs, read from the log and merged: tables and internal topics first, streams by the time of their records.
import type { Topic } from '../schemas/topics.ts';
import type { InputRole } from '../topologies/graph.ts';
import type { Log, LogRecord } from './log.ts';
import { type Decoded, type Place, type Serde, timeMark } from './serde.ts';

const FETCH_RECORDS = 4096;
const FETCH_BYTES = 4 << 20;
/** Of these so many are decoded at once: what is decoded long before it is processed outlives a young generation or two. */
const DECODED = 512;

export interface InputRecord {
  readonly input: TaskInput;
  readonly record: LogRecord;
  /** Epoch ms a time mark advances to; undefined for any other record. */
  readonly mark: number | undefined;
  readonly decoded: Decoded;
  /** Epoch ms by which streams are merged. */
  readonly time: number;
}

export interface TaskInput {
  readonly topic: Topic<unknown>;
  readonly role: InputRole;
  readonly partition: number;
  /** The next offset to read from the log. */
  fetchAt: number;
  /** The next offset to process, which a commit records. */
  position: number;
  /** The last fetch found nothing more. */
  atEnd: boolean;
}

export class Inputs {
  readonly all: readonly TaskInput[];
  /** Epoch ms: the latest time of a record of a stream that the last fetch brought; 0 when there is none. */
  reach = 0;
  /** What is at hand of each input, in their order. */
  readonly #buffers: readonly Buffered[];
  readonly #log: Log;
  readonly #serde: Serde;

  constructor(log: Log, serde: Serde, inputs: readonly TaskInput[]) {
    this.#log = log;
    this.#serde = serde;
    this.all = [...inputs].sort((a, b) => precedence(a.role) - precedence(b.role));
    this.#buffers = this.all.map((input) => ({
      input,
      place: placeOf(log, input),
      fetched: [],
      next: 0,
      records: [],
      at: 0,
    }));
  }

  /** Brings records to hand for every input that has none there. Resolves to the keys of what came. */
  async fetch(): Promise<readonly string[]> {
    const keys: string[] = [];
    this.reach = 0;
    for (const buffer of this.#buffers) {
      if (buffer.at < buffer.records.length) continue;
      if (buffer.next >= buffer.fetched.length) await this.#read(buffer);
      const { input, place, fetched, next } = buffer;
      buffer.records = fetched.slice(next, next + DECODED).map((record) => this.#decode(input, record, place));
      buffer.next += buffer.records.length;
      buffer.at = 0;
      for (const { mark, decoded, time } of buffer.records) {
        if (input.role === 'stream' && time > this.reach) this.reach = time;
        if (mark === undefined && 'key' in decoded) keys.push(decoded.key);
      }
    }
    return keys;
  }

  /** The next record of those at hand, without taking it. */
  peek(): InputRecord | undefined {
    let first: InputRecord | undefined;
    for (const { input, records, at } of this.#buffers) {
      const record = records[at];
      if (record === undefined) continue;
      if (input.role !== 'stream') return record;
      if (first === undefined || record.time < first.time) first = record;
    }
    return first;
  }

  /** Takes the record that `peek` gave. */
  take({ input, record }: InputRecord): void {
    for (const buffer of this.#buffers) if (buffer.input === input) buffer.at++;
    input.position = record.offset + 1;
  }

  /** Whether a stream that had nothing at hand may have more by now: then its records must be merged before others go on. */
  get mustFetch(): boolean {
    for (const { input, records, at } of this.#buffers) if (at >= records.length && !input.atEnd) return true;
    return false;
  }

  /** Every stream was asked and had nothing more. */
  get streamsAtEnd(): boolean {
    return this.#buffers.every(
      ({ input, records, at }) => input.role !== 'stream' || (input.atEnd && at >= records.length),
    );
  }

  async #read(buffer: Buffered): Promise<void> {
    const { input } = buffer;
    const { topic, partition } = input;
    const records = await this.#log.read({ topic: topic.topic, partition }, input.fetchAt, FETCH_RECORDS, FETCH_BYTES);
    input.atEnd = records.length === 0;
    await this.#serde.learn(records);
    buffer.fetched = records;
    buffer.next = 0;
    const last = records[records.length - 1];
    if (last !== undefined) input.fetchAt = last.offset + 1;
  }

  #decode(input: TaskInput, record: LogRecord, place: Place): InputRecord {
    const mark = timeMark(record);
    if (mark !== undefined) return { input, record, mark, decoded: A_MARK, time: mark };
    const decoded = this.#serde.decode(input.topic, record, place);
    const time = 'value' in decoded ? input.topic.timeOf(decoded.value) : record.timestamp;
    return { input, record, mark, decoded, time };
  }
}

interface Buffered {
  readonly input: TaskInput;
  readonly place: Place;
  /** What was read from the log. */
  fetched: readonly LogRecord[];
  /** The next of them to decode. */
  next: number;
  /** Those at hand, decoded. */
  records: readonly InputRecord[];
  /** The next of them to take. */
  at: number;
}

/** A time mark has no value, and a key that nobody asks for. */
const A_MARK: Decoded = { value: undefined, key: '' };

function placeOf(log: Log, { topic, partition }: TaskInput): Place {
  return { partition, partitions: log.partitions(topic.topic) };
}

function precedence(role: InputRole): number {
  return role === 'table' ? 0 : role === 'stream' ? 2 : 1;
}
