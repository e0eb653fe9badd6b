// Requests of transactions as brokers from 4.0 on take them (KIP-890): https://kafka.apache.org/protocol
import type { Broker, ProducerId } from 'kafkajs/src/broker/index.js';
import type { TopicPartition } from '../../log.ts';
import { FlexibleReader, FlexibleWriter } from './flexible.ts';
import { ADDING, PRODUCE } from './produce-request.ts';
import { protocolError } from './protocol-error.ts';
import { ask, type RequestHead } from './raw-request.ts';

const API_VERSIONS = { apiKey: 18, apiName: 'ApiVersions', apiVersion: 3 } as const;
/** Says the id for the next transaction. */
const END_TXN = { apiKey: 26, apiName: 'EndTxn', apiVersion: 5 } as const;
/** Makes the group's offsets part of the transaction by itself. */
const TXN_OFFSET_COMMIT = { apiKey: 28, apiName: 'TxnOffsetCommit', apiVersion: 5 } as const;
const FEATURE = 'transaction.version';
/** The level of the feature at which these requests may be used. */
const IMPLICIT = 2;
/** The tag of the cluster's features in the answer about versions. */
const FINALIZED_FEATURES = 2;
/** What a client says of itself, for the brokers' metrics. */
const CLIENT = { name: 'beckon', version: '1' } as const;
const NO_GENERATION = -1;
const NO_LEADER_EPOCH = -1;

/** A group's position: the next record that it reads. */
export interface GroupOffset extends TopicPartition {
  readonly offset: number;
}

export interface OffsetsCommit extends ProducerId {
  readonly transactionalId: string;
  readonly groupId: string;
  readonly offsets: readonly GroupOffset[];
}

/**
 * Whether the cluster takes transactions to which partitions are added by what is written to them, and whose every end
 * gives a new epoch. A feature that is in force for a cluster is one of all its brokers.
 */
export async function addsByItself(broker: Broker): Promise<boolean> {
  const { payload, throttle } = await ask(broker, API_VERSIONS, apiVersionsFrame);
  const { versions, features, throttleTime } = readApiVersions(payload);
  throttle(throttleTime);
  const takes = (apiKey: number, version: number): boolean => (versions.get(apiKey) ?? 0) >= version;
  return (
    (features.get(FEATURE) ?? 0) >= IMPLICIT &&
    takes(PRODUCE, ADDING) &&
    takes(END_TXN.apiKey, END_TXN.apiVersion) &&
    takes(TXN_OFFSET_COMMIT.apiKey, TXN_OFFSET_COMMIT.apiVersion)
  );
}

/** Makes offsets part of the transaction. */
export async function commitOffsets(broker: Broker, commit: OffsetsCommit): Promise<void> {
  const { payload, throttle } = await ask(broker, TXN_OFFSET_COMMIT, (head) => offsetsFrame(head, commit));
  const { error, throttleTime } = readOffsetsCommitted(payload);
  throttle(throttleTime);
  if (error !== undefined) throw error;
}

/** Commits the transaction. Gives the id for the next one. */
export async function commitTransaction(
  broker: Broker,
  transaction: ProducerId & { readonly transactionalId: string },
): Promise<ProducerId> {
  const { payload, throttle } = await ask(broker, END_TXN, (head) => endFrame(head, transaction));
  const { error, throttleTime, next } = readEnded(payload);
  throttle(throttleTime);
  if (error !== undefined) throw error;
  return next;
}

export function apiVersionsFrame(head: RequestHead): readonly Buffer[] {
  const writer = new FlexibleWriter(head);
  writer.text(CLIENT.name);
  writer.text(CLIENT.version);
  writer.tags();
  return writer.end();
}

export function offsetsFrame(
  head: RequestHead,
  { transactionalId, groupId, producerId, producerEpoch, offsets }: OffsetsCommit,
): readonly Buffer[] {
  const writer = new FlexibleWriter(head);
  writer.text(transactionalId);
  writer.text(groupId);
  writer.int64(BigInt(producerId));
  writer.int16(producerEpoch);
  // Who holds the transactional id may set its offsets: no member of the group, and none of its generations.
  writer.int32(NO_GENERATION);
  writer.text('');
  writer.text(null);
  const topics = Map.groupBy(offsets, ({ topic }) => topic);
  writer.array(topics.size);
  for (const [topic, partitions] of topics) {
    writer.text(topic);
    writer.array(partitions.length);
    for (const { partition, offset } of partitions) {
      writer.int32(partition);
      writer.int64(BigInt(offset));
      writer.int32(NO_LEADER_EPOCH);
      writer.text(null);
      writer.tags();
    }
    writer.tags();
  }
  writer.tags();
  return writer.end();
}

export function endFrame(
  head: RequestHead,
  { transactionalId, producerId, producerEpoch }: ProducerId & { readonly transactionalId: string },
): readonly Buffer[] {
  const writer = new FlexibleWriter(head);
  writer.text(transactionalId);
  writer.int64(BigInt(producerId));
  writer.int16(producerEpoch);
  writer.boolean(true);
  writer.tags();
  return writer.end();
}

/** Of brokers that don't know the version too, which say so in the oldest one's form: they have neither versions nor features. */
export function readApiVersions(payload: Buffer): {
  /** The newest version that is taken, by the request's key. */
  readonly versions: ReadonlyMap<number, number>;
  /** The levels that are in force for the cluster. */
  readonly features: ReadonlyMap<string, number>;
  readonly throttleTime: number;
} {
  // The one flexible answer without tagged fields in front.
  const reader = new FlexibleReader(payload);
  const features = new Map<string, number>();
  if (reader.int16() !== 0) return { versions: new Map(), features, throttleTime: 0 };
  const versions = new Map(
    reader.array(() => {
      const apiKey = reader.int16();
      reader.int16();
      const newest = reader.int16();
      reader.tags();
      return [apiKey, newest] as const;
    }),
  );
  const throttleTime = reader.int32();
  reader.tags((tag, field) => {
    if (tag !== FINALIZED_FEATURES) return;
    field.array(() => {
      const name = field.text();
      features.set(name, field.int16());
      field.int16();
      field.tags();
    });
  });
  return { versions, features, throttleTime };
}

/** The error is the first that any partition has. */
export function readOffsetsCommitted(payload: Buffer): {
  readonly error: Error | undefined;
  readonly throttleTime: number;
} {
  const reader = new FlexibleReader(payload);
  reader.tags();
  const throttleTime = reader.int32();
  let error: Error | undefined;
  reader.array(() => {
    reader.text();
    reader.array(() => {
      reader.int32();
      const own = protocolError(reader.int16());
      error ??= own;
      reader.tags();
    });
    reader.tags();
  });
  return { error, throttleTime };
}

export function readEnded(payload: Buffer): {
  readonly error: Error | undefined;
  readonly throttleTime: number;
  readonly next: ProducerId;
} {
  const reader = new FlexibleReader(payload);
  reader.tags();
  const throttleTime = reader.int32();
  const error = protocolError(reader.int16());
  return { error, throttleTime, next: { producerId: String(reader.int64()), producerEpoch: reader.int16() } };
}
