// Replays records from several sources through a pipeline under virtual time.
import type { Topic } from '../schemas/topics.ts';
import type { Pipeline } from './pipeline.ts';
import type { Fate } from './task.ts';

export interface SourceRecord {
  readonly topic: Topic<unknown>;
  readonly value: unknown;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** Records in batches, in the order of their file. */
export interface Source {
  /** Where it stands among sources with a record of the same time; the lowest goes first. */
  readonly rank: number;
  /** The next batch, or undefined at the end. */
  next(): Promise<readonly SourceRecord[] | undefined>;
}

export interface SimulationOptions {
  readonly pipeline: Pipeline;
  readonly sources: readonly Source[];
  /** Epoch ms: nothing at or after it happens. Default: until nothing is pending. */
  readonly until?: number;
  readonly onFate: (record: SourceRecord, fate: Fate | 'not-reached') => void;
  /** Called every few thousand records. */
  readonly onProgress?: () => void;
}

interface Head {
  readonly source: Source;
  batch: readonly SourceRecord[];
  at: number;
  time: number;
}

const PROGRESS_EVERY = 4096;

/** Runs to the end, or to `until`. Resolves when the last timer has fired. */
export async function simulate(options: SimulationOptions): Promise<void> {
  const { pipeline, sources, until = Number.POSITIVE_INFINITY, onFate, onProgress } = options;
  let heads: Head[] = [];
  for (const source of [...sources].sort((a, b) => a.rank - b.rank)) {
    const head: Head = { source, batch: [], at: -1, time: 0 };
    if (await moveOn(head)) heads.push(head);
  }
  let done = 0;
  let newest = -1;
  while (heads.length > 0) {
    const head = earliest(heads);
    const record = head.batch[head.at] as SourceRecord;
    if (head.time >= until) break;
    // A table's record moves no time of its own, but what was due before it happens before it.
    if (head.source.rank === TABLE_RANK) pipeline.fireBefore(head.time);
    // What was due at a receipt's time happens before it too: it may answer a message of its own instant. By then it is that late.
    else if (head.source.rank === RECEIPT_RANK) {
      pipeline.fireBefore(head.time + 1);
      pipeline.reach(record.topic, head.time);
    }
    newest = head.time;
    onFate(record, pipeline.pipe(record.topic, record.value));
    if (++done % PROGRESS_EVERY === 0) onProgress?.();
    if (++head.at < head.batch.length) head.time = timeOf(head);
    else if (!(await moveOn(head))) heads = heads.filter((h) => h !== head);
  }
  for (const head of heads) {
    do {
      for (const record of head.batch.slice(head.at)) onFate(record, 'not-reached');
    } while (await moveOn(head));
  }
  // Where nothing but tables was read, time begins with the newest.
  if (newest >= 0) pipeline.begin(newest);
  const endless = until === Number.POSITIVE_INFINITY;
  while (!(endless ? pipeline.fireAll(PROGRESS_EVERY) : pipeline.fireBefore(until, PROGRESS_EVERY))) {
    onProgress?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!endless) pipeline.advance(until);
}

/** Rank of sources that hold tables; streams come after them. */
export const TABLE_RANK = 0;
/** Rank of sources that hold receipts: last, as they answer what came of the others. */
export const RECEIPT_RANK = 3;

function earliest(heads: readonly Head[]): Head {
  let first = heads[0] as Head;
  for (let i = 1; i < heads.length; i++) {
    const head = heads[i] as Head;
    if (head.time < first.time) first = head;
  }
  return first;
}

async function moveOn(head: Head): Promise<boolean> {
  for (;;) {
    const batch = await head.source.next();
    if (batch === undefined) return false;
    if (batch.length === 0) continue;
    head.batch = batch;
    head.at = 0;
    head.time = timeOf(head);
    return true;
  }
}

function timeOf({ batch, at }: Head): number {
  const { topic, value } = batch[at] as SourceRecord;
  return topic.timeOf(value);
}
