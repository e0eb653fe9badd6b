// Produce requests: batches that are encoded already, on their way to a broker without another copy.
//
// kafkajs's own request takes messages, not batches, and copies what it encoded twice more on its way to the socket.
import type { Broker } from 'kafkajs/src/broker/index.js';
import { createErrorFromCode } from 'kafkajs/src/protocol/error.js';
import produceVersions from 'kafkajs/src/protocol/requests/produce/index.js';
import { ByteWriter } from '../../schemas/byte-writer.ts';
import type { TopicPartition } from '../log.ts';

const PRODUCE = 0;
/** Every replica that is in sync has it before the broker answers. */
const ALL_REPLICAS = -1;
/** ms that the broker waits for the replicas. */
const REPLICAS_WAIT = 30_000;
const SIZE_BYTES = 4;

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
  const { apiKey, apiName, apiVersion } = request;
  try {
    const connection = await broker.connectionPool.getConnectionByRequest({ request });
    if (!connection.isAuthenticated()) await connection.authenticate();
    connection.failIfNotConnected();
    const correlationId = connection.nextCorrelationId();
    const parts = frame({ apiKey, apiVersion, correlationId, clientId: connection.clientId }, transactionalId, batches);
    const { payload } = await new Promise<{ readonly payload: Buffer }>((resolve, reject) => {
      connection.requestQueue.push({
        entry: { apiKey, apiName, apiVersion, correlationId, resolve, reject },
        expectResponse: true,
        requestTimeout: null,
        sendRequest: () => {
          const { socket } = connection;
          socket.cork();
          for (const part of parts) socket.write(part);
          socket.uncork();
        },
      });
    });
    const { topics, clientSideThrottleTime } = await response.decode(payload);
    connection.requestQueue.maybeThrottle(clientSideThrottleTime);
    return topics.flatMap(({ topicName: topic, partitions }) =>
      partitions.map(({ partition, errorCode, baseOffset }) => {
        const error = errorCode === 0 ? undefined : createErrorFromCode(errorCode);
        return { topic, partition, offset: Number(baseOffset), error };
      }),
    );
  } catch (error) {
    // As kafkajs does: the broker's other connections go with it.
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}

interface RequestHead {
  readonly apiKey: number;
  /** From 3 to 7, which are alike. */
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string;
}

/** The request's bytes in their order: what stands between batches, and the batches themselves. */
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

function int16(writer: ByteWriter, value: number): void {
  writer.reserve(2);
  writer.at = writer.bytes.writeInt16BE(value, writer.at);
}

/** A string after the number of its bytes; null has -1 of them. */
function text(writer: ByteWriter, value: string | null): void {
  int16(writer, value === null ? -1 : Buffer.byteLength(value));
  if (value !== null) writer.utf8(value);
}
