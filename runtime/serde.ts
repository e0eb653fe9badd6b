// Between records on the log and typed values: Avro in Confluent wire format, dead letters for what is not.
import { FRAME, frameInto, schemaIdOf } from '../schemas/avro.ts';
import { ByteWriter } from '../schemas/byte-writer.ts';
import { idProblem, type Named } from '../schemas/ids.ts';
import type { SchemaRegistry } from '../schemas/registry.ts';
import { campaigns, DEAD_LETTERS, type Topic } from '../schemas/topics.ts';
import { type Clock, systemClock } from './clock.ts';
import type { LogRecord, NewRecord } from './log.ts';
import { partitionOf, partitionOfBytes } from './partition.ts';

export type Decoded =
  /** `key` is the record's, as text. */
  | { readonly value: unknown; readonly key: string }
  | {
      readonly code: 'not-avro' | 'unknown-schema' | 'bad-key' | 'bad-id' | 'wrong-partition';
      readonly message: string;
    };

/** Where a record lies, of how many partitions. */
export interface Place {
  readonly partition: number;
  readonly partitions: number;
}

/** Header of a time mark: the instant as ISO-8601 or epoch ms. */
export const ADVANCE_TO = 'advance-to';

/** How long (ms) an id that the registry doesn't know is not asked for again. */
const UNKNOWN_FOR = 10_000;

export class Serde {
  readonly #registry: SchemaRegistry;
  readonly #stopwatch: Clock;
  readonly #ids = new Map<Topic<unknown>, number>();
  /** Schemas by id, as JSON text. */
  readonly #schemas = new Map<number, string>();
  /** When the registry didn't know an id, by id. A registry that lags behind, or is restored, may know it later. */
  readonly #unknown = new Map<number, number>();
  readonly #writer = new ByteWriter();

  constructor(registry: SchemaRegistry, stopwatch: Clock = systemClock) {
    this.#registry = registry;
    this.#stopwatch = stopwatch;
  }

  /** Registers the schemas of the topics that will be written. */
  async open(topics: Iterable<Topic<unknown>>): Promise<void> {
    for (const topic of topics) {
      const id = await this.#registry.register(topic);
      this.#ids.set(topic, id);
      this.#schemas.set(id, topic.codec.json);
    }
  }

  /** A value as a record of its topic. Throws when its topic was not opened, or when it is not of its schema. */
  encode(topic: Topic<unknown>, value: unknown, partitions: number): NewRecord {
    const id = this.#ids.get(topic);
    if (id === undefined) throw new Error(`topic ${topic.name} was not opened for writing`);
    const key = topic.keyOf(value);
    const writer = this.#writer;
    writer.begin();
    writer.utf8(key);
    const keyBytes = writer.take();
    try {
      frameInto(writer, id);
      topic.codec.write(value, writer);
    } catch (error) {
      writer.drop();
      throw error;
    }
    return {
      topic: topic.topic,
      partition: partitionOf(key, partitions),
      timestamp: topic.timeOf(value),
      key: keyBytes,
      value: writer.take(),
    };
  }

  /** Looks up the schema ids of records that are new, or were unknown 10 s ago, so that `decode` knows them. */
  async learn(records: readonly LogRecord[]): Promise<void> {
    for (const { value } of records) {
      const id = value === null ? undefined : schemaIdOf(value);
      if (id !== undefined && !this.#schemas.has(id)) await this.#lookUp(id);
    }
  }

  async #lookUp(id: number): Promise<void> {
    const asked = this.#unknown.get(id);
    if (asked !== undefined && this.#stopwatch.now() - asked < UNKNOWN_FOR) return;
    const schema = await this.#registry.schema(id);
    if (schema === undefined) {
      this.#unknown.set(id, this.#stopwatch.now());
    } else {
      this.#unknown.delete(id);
      this.#schemas.set(id, schema);
    }
  }

  /**
   * The record's value, or why it can't be taken. With `place` it must lie in the partition of its key, as tasks need that: what is
   * known of a user is in one of them.
   */
  decode(topic: Topic<unknown>, { key, value }: LogRecord, place?: Place): Decoded {
    if (value === null)
      return { code: 'not-avro', message: 'there is no value: records are not deleted by a tombstone' };
    const schemaId = schemaIdOf(value);
    if (schemaId === undefined) return { code: 'not-avro', message: 'the value is not in Confluent wire format' };
    const schema = this.#schemas.get(schemaId);
    if (schema === undefined) {
      return { code: 'unknown-schema', message: `no schema has the id ${schemaId}` };
    }
    let decoded: unknown;
    try {
      decoded =
        schema === topic.codec.json
          ? topic.codec.decode(value, FRAME)
          : topic.codec.decodeFrom(schema, value.subarray(FRAME));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { code: 'not-avro', message: `the value is not of the schema ${schemaId}: ${why}` };
    }
    const expected = topic.keyOf(decoded);
    if (key === null || !holds(key, expected)) {
      return {
        code: 'bad-key',
        message: 'the key is not the tenant and id of the value, so the record may be in the wrong partition',
      };
    }
    const tenant = expected.indexOf('/');
    if (tenant !== topic.tenantOf(decoded).length || tenant < 1 || tenant === expected.length - 1)
      return {
        code: 'bad-key',
        message: 'an id is empty, or the tenant contains "/": the key would be that of another',
      };
    if (expected.includes('\0')) return { code: 'bad-key', message: 'an id contains the character U+0000' };
    const wrong = idProblem(topic, decoded as Named);
    if (wrong !== undefined) return { code: 'bad-id', message: `the ${wrong.field} ${wrong.problem}` };
    return misplaced(topic, key, place) ?? { value: decoded, key: expected };
  }
}

function misplaced(topic: Topic<unknown>, key: Buffer, place: Place | undefined): Decoded | undefined {
  // Campaigns are read whole by everybody, wherever they lie.
  if (place === undefined || place.partitions === 1 || topic === (campaigns as Topic<unknown>)) return undefined;
  const right = partitionOfBytes(key, place.partitions);
  if (right === place.partition) return undefined;
  const mend =
    "have its producer choose partitions by murmur2 (librdkafka's partitioner `murmur2_random`), and replay it";
  return { code: 'wrong-partition', message: `by its key it belongs into partition ${right}: ${mend}` };
}

/** Whether the bytes are those of the text; of ASCII, without making others of it. */
function holds(bytes: Buffer, text: string): boolean {
  const { length } = text;
  if (bytes.length === length) {
    let i = 0;
    while (i < length && bytes[i] === text.charCodeAt(i) && (bytes[i] as number) < 0x80) i++;
    if (i === length) return true;
  }
  // Not as text: bytes that are no UTF-8 make the same text as U+FFFD, and belong into another partition.
  return bytes.equals(Buffer.from(text, 'utf8'));
}

/** The instant of a time mark; undefined for any other record. */
export function timeMark({ key, value, headers }: LogRecord): number | undefined {
  const to = headers[ADVANCE_TO];
  if (key !== null || value !== null || to === undefined) return undefined;
  const instant = /^\d+$/.test(to) ? Number(to) : Date.parse(to);
  return Number.isNaN(instant) ? undefined : instant;
}

/** A record that can't be taken, as it goes to the dead letters: its bytes, and headers that say where it was and why. */
export function deadLetter(
  record: Pick<LogRecord, 'key' | 'value' | 'timestamp' | 'offset'>,
  from: { readonly topic: string; readonly partition: number },
  { code, message }: { readonly code: string; readonly message: string },
): NewRecord {
  const { key, value, timestamp, offset } = record;
  const headers = {
    topic: from.topic,
    partition: String(from.partition),
    offset: String(offset),
    code,
    message,
    time: String(timestamp),
  };
  return { topic: DEAD_LETTERS, partition: from.partition, timestamp, key, value, headers };
}
