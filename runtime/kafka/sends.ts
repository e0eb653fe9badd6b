// Records as a producer takes them: in sends of a size that brokers handle well, each of one batch a partition.
import type { NewRecord } from '../log.ts';
import type { Batch, Run } from './producer.ts';
import { BATCH_HEAD, mostBytes } from './protocol/record-batch.ts';

/** Below what a broker takes in one batch unless it is told otherwise (1 MB). Producers halve it where a topic takes less. */
const BATCH_BYTES = 900_000;
/** Encoding a send holds up everything else in the process, for some ms at this size. */
const SEND_BYTES = 3 << 20;

export interface Send {
  readonly records: readonly NewRecord[];
  readonly batches: readonly Batch[];
}

interface Filling extends Batch {
  readonly records: NewRecord[];
  bytes: number;
}

export function* inSends(records: readonly NewRecord[]): Generator<Send> {
  for (let at = 0; at < records.length; ) {
    const batches: Filling[] = [];
    const byTopic = new Map<string, Filling[]>();
    const from = at;
    let last: Filling | undefined;
    for (let total = 0; at < records.length; at++) {
      const record = records[at] as NewRecord;
      const { topic, partition } = record;
      const bytes = mostBytes(record);
      if (last === undefined || last.topic !== topic || last.partition !== partition) {
        last = byTopic.get(topic)?.[partition];
      }
      const full = last !== undefined && last.bytes + bytes > BATCH_BYTES;
      if (full || (at > from && total + bytes > SEND_BYTES)) break;
      if (last === undefined) {
        last = { topic, partition, records: [], bytes: BATCH_HEAD };
        batches.push(last);
        const partitions = byTopic.get(topic) ?? [];
        partitions[partition] = last;
        byTopic.set(topic, partitions);
      }
      last.records.push(record);
      last.bytes += bytes;
      total += bytes;
    }
    yield { records: records.slice(from, at), batches };
  }
}

/** The offsets of a send's records, in their order, from where the records of each of its batches are. */
export function offsetsOf({ records, batches }: Send, written: readonly (readonly Run[])[]): number[] {
  const offsets = new Map(
    batches.map(({ topic, partition }, i) => [`${topic}/${partition}`, inTurn(written[i] ?? [])] as const),
  );
  return records.map(({ topic, partition }) => {
    const next = offsets.get(`${topic}/${partition}`)?.next();
    if (next?.done !== false) throw new Error(`a record of ${topic}/${partition} has no offset`);
    return next.value;
  });
}

function* inTurn(runs: readonly Run[]): Generator<number> {
  for (const { first, count } of runs) for (let i = 0; i < count; i++) yield first + i;
}
