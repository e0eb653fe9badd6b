// Produce requests: batches that are encoded already, on their way to a broker without another copy.
//
// kafkajs's own request takes messages, not batches, and copies what it encoded twice more on its way to the socket.
import type { Broker } from 'kafkajs/src/broker/index.js';
import produceVersions from 'kafkajs/src/protocol/requests/produce/index.js';
import { ByteWriter } from '../../../schemas/byte-writer.ts';
import type { TopicPartition } from '../../log.ts';
import { FlexibleReader, FlexibleWriter } from './flexible.ts';
import { protocolError } from './protocol-error.ts';
import { ask, type RequestHead } from './raw-request.ts';

export const PRODUCE = 0;
/** Every replica that is in sync has it before the broker answers. */
const ALL_REPLICAS = -1;
/** ms that the broker waits for the replicas. */
const REPLICAS_WAIT = 30_000;
const SIZE_BYTES = 4;
/** The version that makes partitions part of the transaction by itself. */
export const ADDING = 12;

/** A batch as `encodeBatch` makes it. It is sent again as it is, so nobody may write to it. */
export interface EncodedBatch extends TopicPartition {
  readonly bytes: Buffer;
}

/** What became of a batch. */
export interface Produced extends TopicPartition {
  /** Of its first record. */
  readonly offset: number;
  /** Why it was not written, by kafkajs' names of the protocol's errors. */
  readonly error: Error | undefined;
}

/** Sends batches to the broker that leads them. Throws where nobody knows what became of any. */
export async function produce(
  broker: Broker,
  transactionalId: string | null,
  batches: readonly EncodedBatch[],
): Promise<readonly Produced[]> {
  const { request, response } = broker.lookupRequest(
    PRODUCE,
    produceVersions,
  )({ acks: ALL_REPLICAS, timeout: REPLICAS_WAIT, topicData: [] });
  const { payload, throttle } = await ask(broker, request, (head) => frame(head, transactionalId, batches));
  const { topics, clientSideThrottleTime } = await response.decode(payload);
  throttle(clientSideThrottleTime);
  return topics.flatMap(({ topicName: topic, partitions }) =>
    partitions.map(({ partition, errorCode, baseOffset }) => ({
      topic,
      partition,
      offset: Number(baseOffset),
      error: protocolError(errorCode),
    })),
  );
}

/** The same, and the broker makes partitions part of the transaction that are not. */
export async function produceAdding(
  broker: Broker,
  transactionalId: string,
  batches: readonly EncodedBatch[],
): Promise<readonly Produced[]> {
  const type = { apiKey: PRODUCE, apiName: 'Produce', apiVersion: ADDING };
  const { payload, throttle } = await ask(broker, type, (head) => addingFrame(head, transactionalId, batches));
  const { produced, throttleTime } = readAdding(payload);
  throttle(throttleTime);
  return produced;
}

/** The request's bytes in their order: what stands between batches, and the batches themselves. Versions 3 to 7 are alike. */
export function frame(head: RequestHead, transactionalId: string | null, batches: readonly EncodedBatch[]): Buffer[] {
  const writer = new ByteWriter(1024);
  writer.begin();
  writer.uint32(0);
  int16(writer, head.apiKey);
  int16(writer, head.apiVersion);
  writer.uint32(head.correlationId);
  text(writer, head.clientId);
  text(writer, transactionalId);
  int16(writer, ALL_REPLICAS);
  writer.uint32(REPLICAS_WAIT);
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  writer.uint32(topics.size);
  const parts: Buffer[] = [];
  for (const [topic, partitions] of topics) {
    text(writer, topic);
    writer.uint32(partitions.length);
    for (const { partition, bytes } of partitions) {
      writer.uint32(partition);
      writer.uint32(bytes.length);
      parts.push(writer.take(), bytes);
    }
  }
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  parts[0]?.writeUInt32BE(size - SIZE_BYTES, 0);
  return parts;
}

/** The same as version 12 has it. */
export function addingFrame(
  head: RequestHead,
  transactionalId: string,
  batches: readonly EncodedBatch[],
): readonly Buffer[] {
  const writer = new FlexibleWriter(head);
  writer.text(transactionalId);
  writer.int16(ALL_REPLICAS);
  writer.int32(REPLICAS_WAIT);
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  writer.array(topics.size);
  for (const [topic, partitions] of topics) {
    writer.text(topic);
    writer.array(partitions.length);
    for (const { partition, bytes } of partitions) {
      writer.int32(partition);
      writer.bytes(bytes);
      writer.tags();
    }
    writer.tags();
  }
  writer.tags();
  return writer.end();
}

export function readAdding(payload: Buffer): { readonly produced: readonly Produced[]; readonly throttleTime: number } {
  const reader = new FlexibleReader(payload);
  reader.tags();
  const topics = reader.array(() => {
    const topic = reader.text();
    const partitions = reader.array(() => readPartition(reader, topic));
    reader.tags();
    return partitions;
  });
  return { produced: topics.flat(), throttleTime: reader.int32() };
}

function readPartition(reader: FlexibleReader, topic: string): Produced {
  const partition = reader.int32();
  const error = protocolError(reader.int16());
  const offset = Number(reader.int64());
  // When it was appended, where the log begins, and which of its records were wrong, in words.
  reader.int64();
  reader.int64();
  reader.array(() => {
    reader.int32();
    reader.text();
    reader.tags();
  });
  reader.text();
  reader.tags();
  return { topic, partition, offset, error };
}

function int16(writer: ByteWriter, value: number): void {
  writer.reserve(2);
  writer.at = writer.bytes.writeInt16BE(value, writer.at);
}

/** A string after the number of its bytes; null has -1 of them. */
function text(writer: ByteWriter, value: string | null): void {
  int16(writer, value === null ? -1 : Buffer.byteLength(value));
  if (value !== null) writer.utf8(value);
}
