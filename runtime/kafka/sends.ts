// Records as a producer takes them: in sends of a size that brokers handle well, each of one batch a partition.
import type { Message } from 'kafkajs';
import type { NewRecord } from '../log.ts';
import type { Batch } from './producer.ts';

/** Encoding a send holds up everything else in the process. */
const SEND_RECORDS = 500;
/** Well below what a broker takes in one batch (1 MB). */
const SEND_BYTES = 600_000;
const RECORD_BYTES = 70;

export interface Send {
  readonly records: readonly NewRecord[];
  readonly batches: readonly Batch[];
}

export function* inSends(records: readonly NewRecord[]): Generator<Send> {
  for (let at = 0; at < records.length; ) {
    const batches = new Map<string, Batch & { readonly messages: Message[] }>();
    const from = at;
    for (let bytes = 0; at < records.length && at - from < SEND_RECORDS; at++) {
      const { topic, partition, timestamp, key, value, headers } = records[at] as NewRecord;
      bytes += (key?.length ?? 0) + (value?.length ?? 0) + RECORD_BYTES;
      if (at > from && bytes > SEND_BYTES) break;
      const message: Message = { timestamp: String(timestamp), key, value };
      if (headers !== undefined) message.headers = { ...headers };
      const batch = batches.get(`${topic}/${partition}`);
      if (batch === undefined) batches.set(`${topic}/${partition}`, { topic, partition, messages: [message] });
      else batch.messages.push(message);
    }
    yield { records: records.slice(from, at), batches: [...batches.values()] };
  }
}

/** The offsets of a send's records, in their order, from the first offset of each of its batches. */
export function offsetsOf({ records, batches }: Send, baseOffsets: readonly number[]): number[] {
  const next = new Map<string, number>(
    batches.map(({ topic, partition }, i) => [`${topic}/${partition}`, baseOffsets[i] as number] as const),
  );
  return records.map(({ topic, partition }) => {
    const key = `${topic}/${partition}`;
    const offset = next.get(key) as number;
    next.set(key, offset + 1);
    return offset;
  });
}
