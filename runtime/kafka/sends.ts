// Records as a producer takes them, in sends of a size that it handles well.
import type { Message, RecordMetadata, TopicMessages } from 'kafkajs';
import type { NewRecord } from '../log.ts';

/** A send's records are grouped by copying and put into one batch a partition: many small sends cost less than a large one. */
const SEND_RECORDS = 500;
/** Well below what a broker takes in one batch (1 MB). */
const SEND_BYTES = 600_000;
const RECORD_BYTES = 70;

/** A send, and the offset of each of its records once it is known. */
export interface Send {
  readonly records: readonly NewRecord[];
  readonly topicMessages: TopicMessages[];
}

export function* inSends(records: readonly NewRecord[]): Generator<Send> {
  for (let at = 0; at < records.length; ) {
    const byTopic = new Map<string, Message[]>();
    const from = at;
    for (let bytes = 0; at < records.length && at - from < SEND_RECORDS; at++) {
      const record = records[at] as NewRecord;
      const { topic, partition, timestamp, key, value, headers } = record;
      bytes += (key?.length ?? 0) + (value?.length ?? 0) + RECORD_BYTES;
      if (at > from && bytes > SEND_BYTES) break;
      const message: Message = { partition, timestamp: String(timestamp), key, value };
      if (headers !== undefined) message.headers = { ...headers };
      const messages = byTopic.get(topic);
      if (messages === undefined) byTopic.set(topic, [message]);
      else messages.push(message);
    }
    const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
    yield { records: records.slice(from, at), topicMessages };
  }
}

/** The offsets of a send's records, in their order. */
export function offsetsOf({ records }: Send, metadata: readonly RecordMetadata[]): number[] {
  const next = new Map<string, number>();
  for (const { topicName, partition, baseOffset } of metadata)
    next.set(`${topicName}/${partition}`, Number(baseOffset));
  return records.map(({ topic, partition }) => {
    const key = `${topic}/${partition}`;
    const offset = next.get(key) ?? Number.NaN;
    next.set(key, offset + 1);
    return offset;
  });
}
