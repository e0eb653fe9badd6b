// Between records on the log and typed values: Avro in Confluent wire format, dead letters for what is not.
import { frame, unframe } from '../schemas/avro.ts';
import type { SchemaRegistry } from '../schemas/registry.ts';
import { DEAD_LETTERS, type Topic } from '../schemas/topics.ts';
import type { LogRecord, NewRecord } from './log.ts';
import { partitionOf } from './partition.ts';

export type Decoded =
  | { readonly value: unknown }
  | { readonly code: 'not-avro' | 'unknown-schema' | 'bad-key'; readonly message: string };

/** Header of a time mark: the instant as ISO-8601 or epoch ms. */
export const ADVANCE_TO = 'advance-to';

export class Serde {
  readonly #registry: SchemaRegistry;
  readonly #ids = new Map<Topic<unknown>, number>();
  /** Schemas by id: JSON text, or null for an id nobody knows. */
  readonly #schemas = new Map<number, string | null>();

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
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
    return {
      topic: topic.topic,
      partition: partitionOf(key, partitions),
      timestamp: topic.timeOf(value),
      key: Buffer.from(key),
      value: frame(id, topic.codec.encode(value)),
    };
  }

  /** Looks up the schema ids of records that are met for the first time, so that `decode` knows them. */
  async learn(records: readonly LogRecord[]): Promise<void> {
    for (const { value } of records) {
      const id = value === null ? undefined : unframe(value)?.schemaId;
      if (id !== undefined && !this.#schemas.has(id)) this.#schemas.set(id, (await this.#registry.schema(id)) ?? null);
    }
  }

  /** The record's value, or why it has none. */
  decode(topic: Topic<unknown>, { key, value }: LogRecord): Decoded {
    const framed = value === null ? undefined : unframe(value);
    if (framed === undefined) return { code: 'not-avro', message: 'the value is not in Confluent wire format' };
    const schema = this.#schemas.get(framed.schemaId);
    if (schema === null || schema === undefined) {
      return { code: 'unknown-schema', message: `no schema has the id ${framed.schemaId}` };
    }
    let decoded: unknown;
    try {
      decoded =
        schema === topic.codec.json ? topic.codec.decode(framed.avro) : topic.codec.decodeFrom(schema, framed.avro);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { code: 'not-avro', message: `the value is not of the schema ${framed.schemaId}: ${why}` };
    }
    const expected = topic.keyOf(decoded);
    if (key?.toString('utf8') !== expected) {
      return {
        code: 'bad-key',
        message: 'the key is not the tenant and id of the value, so the record may be in the wrong partition',
      };
    }
    return { value: decoded };
  }
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
