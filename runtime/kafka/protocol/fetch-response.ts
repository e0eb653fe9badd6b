// Answers to fetch requests: each partition by itself, so that one that fails leaves the others as they are. kafkajs fails the
// whole answer.

import { createErrorFromCode } from 'kafkajs/src/protocol/error.js';
import type { TopicPartition } from '../../log.ts';
import { AnswerReader } from './answer-reader.ts';
import { type Aborted, type RecordSet, readRecordSet } from './record-set.ts';

/** The versions of the request whose answers are alike but for what is named here. */
const WITH_SESSION = 7;
const WITH_LOG_START = 5;
const WITH_PREFERRED_REPLICA = 11;
/** Versions from 8 on: the broker answers at once, and the client has to keep the quota. */
const CLIENT_THROTTLES = 8;

export interface FetchedPartition extends TopicPartition, RecordSet {
  /** The last stable offset: readers get no further for now. */
  readonly stable: number;
  /** Bytes that came, of batches that are not whole too. */
  readonly bytes: number;
  /** What kept the partition from being read, by kafkajs' names of the protocol's errors, or `UnreadableRecords`. */
  readonly error: Error | undefined;
}

export interface FetchResponse {
  readonly clientSideThrottleTime: number;
  readonly partitions: readonly FetchedPartition[];
}

/** `from`: the offset that was asked for. Throws where the whole request failed. */
export function readFetchResponse(
  payload: Buffer,
  version: number,
  from: (of: TopicPartition) => number,
): FetchResponse {
  const reader = new Reader(payload);
  const throttle = reader.int32();
  if (version >= WITH_SESSION) {
    const code = reader.int16();
    if (code !== 0) throw createErrorFromCode(code);
    reader.int32();
  }
  const partitions: FetchedPartition[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.text();
    for (let count = reader.int32(); count > 0; count--) partitions.push(readPartition(reader, topic, version, from));
  }
  return { clientSideThrottleTime: version >= CLIENT_THROTTLES ? throttle : 0, partitions };
}

function readPartition(
  reader: Reader,
  topic: string,
  version: number,
  from: (of: TopicPartition) => number,
): FetchedPartition {
  const partition = reader.int32();
  const code = reader.int16();
  // The high watermark: readers of committed records get to the last stable offset.
  reader.int64();
  const stable = Number(reader.int64());
  if (version >= WITH_LOG_START) reader.int64();
  const aborted: Aborted[] = [];
  for (let count = reader.int32(); count > 0; count--)
    aborted.push({ producerId: reader.int64(), first: Number(reader.int64()) });
  if (version >= WITH_PREFERRED_REPLICA) reader.int32();
  const bytes = reader.bytes();
  const offset = from({ topic, partition });
  const at = { topic, partition, stable, bytes: bytes.length };
  const nothing = { records: [], next: offset };
  if (code !== 0) return { ...at, ...nothing, error: createErrorFromCode(code) };
  try {
    return { ...at, ...readRecordSet(bytes, offset, aborted), error: undefined };
  } catch (error) {
    return { ...at, ...nothing, error: error as Error };
  }
}

class Reader extends AnswerReader {
  text(): string {
    return this.take(this.int16()).toString('utf8');
  }

  /** Null is none. */
  bytes(): Buffer {
    return this.take(Math.max(0, this.int32()));
  }
}
