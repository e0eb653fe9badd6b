// A place in a partition from which somebody reads on: the records at hand, and where the next fetch goes on.
import type { LogRecord, TopicPartition } from '../log.ts';
import type { FetchedPartition } from './protocol/fetch-response.ts';

/** Records fetched ahead of a reader that follows; past it the cursor is left alone until they are read. */
const AHEAD_RECORDS = 4096;

export class Cursor implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** The offset the next fetch asks for. */
  next: number;
  /** The last stable offset that a broker told; -1: none yet. */
  stable = -1;
  /** When a broker last said that nothing follows `next` (ms of the process's clock). */
  endSeenAt = Number.NEGATIVE_INFINITY;
  readAt = 0;
  /** A fetch of several partitions brought nothing, though there is more: it must be asked for alone. */
  alone = false;
  /** Fetches that failed in a row. */
  failures = 0;
  #start: number;
  #records: readonly LogRecord[] = [];
  /** Offsets from the start up to here hold nothing any more: only a reader at the start may pass over them. */
  #gapEnd = 0;

  constructor({ topic, partition }: TopicPartition, offset: number) {
    this.topic = topic;
    this.partition = partition;
    this.next = offset;
    this.#start = offset;
  }

  /** Whether a reader at the offset can read on here without a gap or a fetch of the same again. */
  covers(offset: number): boolean {
    return this.#start <= offset && offset <= this.next && (offset >= this.#gapEnd || offset === this.#start);
  }

  /** Nothing follows, as far as was told. */
  get atEnd(): boolean {
    return this.next >= this.stable && this.stable >= 0;
  }

  /** Too much waits to be read. */
  get full(): boolean {
    return this.#records.length >= AHEAD_RECORDS;
  }

  /** A reader is at the offset. What lies before is of use to readers that are behind, as long as it is not much. */
  visit(offset: number, at: number): void {
    this.readAt = at;
    const read = firstAtOrAfter(this.#records, offset);
    if (read < AHEAD_RECORDS / 2) return;
    this.#records = this.#records.slice(read);
    this.#start = offset;
  }

  /** Passes over offsets that hold nothing any more: a reader at them goes on behind. */
  skipTo(offset: number): void {
    this.next = offset;
    this.#gapEnd = offset;
  }

  /** Goes back or ahead. */
  seek(offset: number): void {
    this.#start = offset;
    this.next = offset;
    this.#records = [];
    this.stable = -1;
    this.endSeenAt = Number.NEGATIVE_INFINITY;
    this.alone = false;
    this.#gapEnd = 0;
  }

  /** Takes what was fetched from `next`; `keep`: after what is at hand, which may be unread, else in its place. */
  put(
    { records, next, stable }: Pick<FetchedPartition, 'records' | 'next' | 'stable'>,
    keep: boolean,
    at: number,
  ): void {
    if (keep) this.#records = records.length === 0 ? this.#records : [...this.#records, ...records];
    else {
      // Behind the last record at hand there is nothing but markers: a reader of it goes on here, and where nothing is at hand
      // a reader at the start does, however many pieces that takes.
      const last = this.#records[this.#records.length - 1];
      if (last !== undefined && this.next !== this.#gapEnd) this.#start = last.offset + 1;
      this.#records = records;
    }
    this.next = next;
    this.stable = stable;
    this.failures = 0;
    if (this.atEnd) this.endSeenAt = at;
  }

  /** Records at hand at or after the offset: at most `limit`, and no more after `maxBytes`, but one at least. */
  take(offset: number, limit: number, maxBytes: number): readonly LogRecord[] {
    const from = firstAtOrAfter(this.#records, offset);
    let to = from;
    for (let bytes = 0; to < this.#records.length && to - from < limit; to++) {
      const { key, value } = this.#records[to] as LogRecord;
      if (bytes > 0 && bytes >= maxBytes) break;
      bytes += (key?.length ?? 0) + (value?.length ?? 0) + 1;
    }
    return this.#records.slice(from, to);
  }

  has(offset: number): boolean {
    const last = this.#records[this.#records.length - 1];
    return last !== undefined && last.offset >= offset;
  }
}

function firstAtOrAfter(records: readonly LogRecord[], offset: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((records[middle] as LogRecord).offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
