// Avro over avsc: one codec for each schema, the Confluent wire format for what travels, fingerprints for what is kept.
import { readFileSync } from 'node:fs';
import avsc from 'avsc';

/** Reads and writes one Avro schema. `T` is the TypeScript type generated from it (`types.ts`). */
export interface AvroCodec<T> {
  readonly name: string;
  /** The schema as JSON text, as registries and stores keep it. */
  readonly json: string;
  /** First 8 bytes of the SHA-256 of the schema's parsing canonical form. */
  readonly fingerprint: Buffer;
  encode(value: T): Buffer;
  decode(bytes: Buffer): T;
  /** Decodes what another version of the schema wrote. Throws when the two don't resolve. */
  decodeFrom(writerJson: string, bytes: Buffer): T;
}

/** The parsed schema, for the JSON form (`json-form.ts`) and the type generator. */
export interface AvroSchema {
  readonly type: string;
  readonly name: string;
  readonly doc?: string;
  readonly fields: readonly AvroField[];
}
export interface AvroField {
  readonly name: string;
  readonly doc?: string;
  readonly type: AvroType;
  readonly default?: unknown;
}
export type AvroType = string | readonly AvroType[] | AvroComplex;
export interface AvroComplex {
  readonly type: string;
  readonly name?: string;
  readonly logicalType?: string;
  readonly items?: AvroType;
  readonly values?: AvroType;
  readonly symbols?: readonly string[];
  readonly fields?: readonly AvroField[];
}

/** Loads the codec of `schemas/<path>.avsc`. Throws when the file is no Avro schema. */
export function loadCodec<T>(path: string): AvroCodec<T> & { readonly schema: AvroSchema } {
  const text = readFileSync(new URL(`./${path}.avsc`, import.meta.url), 'utf8');
  return { ...codecOf<T>(text), schema: JSON.parse(text) as AvroSchema };
}

/** The codec of a schema given as JSON text. */
export function codecOf<T>(text: string): AvroCodec<T> {
  const type = avsc.Type.forSchema(JSON.parse(text) as avsc.Schema, { wrapUnions: false });
  const resolvers = new Map<string, avsc.Resolver>();
  return {
    name: type.name ?? 'value',
    json: JSON.stringify(JSON.parse(text)),
    fingerprint: Buffer.from(type.fingerprint('sha256').subarray(0, 8)),
    encode: (value) => type.toBuffer(value),
    decode: (bytes) => type.fromBuffer(bytes) as T,
    decodeFrom(writerJson, bytes) {
      let resolver = resolvers.get(writerJson);
      if (resolver === undefined) {
        const writer = avsc.Type.forSchema(JSON.parse(writerJson) as avsc.Schema, { wrapUnions: false });
        resolver = type.createResolver(writer);
        resolvers.set(writerJson, resolver);
      }
      return type.fromBuffer(bytes, resolver) as T;
    },
  };
}

const MAGIC = 0;

/** Confluent wire format: a zero byte, the schema's id (4 bytes, big endian), the Avro bytes. */
export function frame(schemaId: number, avro: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(5 + avro.length);
  framed[0] = MAGIC;
  framed.writeUInt32BE(schemaId, 1);
  avro.copy(framed, 5);
  return framed;
}

/** The schema id and the Avro bytes of a framed value; undefined when it is not in Confluent wire format. */
export function unframe(bytes: Buffer): { readonly schemaId: number; readonly avro: Buffer } | undefined {
  if (bytes.length < 5 || bytes[0] !== MAGIC) return undefined;
  return { schemaId: bytes.readUInt32BE(1), avro: bytes.subarray(5) };
}
