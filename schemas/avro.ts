// Avro over avsc: one codec for each schema, the Confluent wire format for what travels, fingerprints for what is kept.
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { compileAvro } from './avro-compile.ts';
import type { AvroSchema, AvroType } from './avro-schema.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** Reads and writes one Avro schema. `T` is the TypeScript type generated from it (`types.ts`). */
export interface AvroCodec<T> {
  readonly name: string;
  /** The schema as JSON text, as registries and stores keep it. */
  readonly json: string;
  /** First 8 bytes of the SHA-256 of the schema's parsing canonical form. */
  readonly fingerprint: Buffer;
  encode(value: T): Buffer;
  /** Encodes to where `into` stands. Throws for a value that is not of the schema; `into` is to be reset then. */
  write(value: T, into: ByteWriter): void;
  /** Decodes the bytes from `start` to `end`, all of them when absent. Throws unless they are one value. */
  decode(bytes: Buffer, start?: number, end?: number): T;
  /** Decodes what another version of the schema wrote. Throws when the two don't resolve. */
  decodeFrom(writerJson: string, bytes: Buffer): T;
  /** Throws, and says why, when what this other version of the schema wrote can't be read. */
  checkReads(writerJson: string): void;
}

/** Loads the codec of `schemas/<path>.avsc`. Throws when the file is no Avro schema. */
export function loadCodec<T>(path: string): AvroCodec<T> & { readonly schema: AvroSchema } {
  const text = readFileSync(new URL(`./${path}.avsc`, import.meta.url), 'utf8');
  return { ...codecOf<T>(text), schema: JSON.parse(text) as AvroSchema };
}

const scratch = new ByteWriter();
const reader = new ByteReader();

/** The codec of a schema given as JSON text. */
export function codecOf<T>(text: string): AvroCodec<T> {
  const type = avsc.Type.forSchema(JSON.parse(text) as avsc.Schema, { wrapUnions: false });
  /** By the writer's schema as text; null where it differs in nothing that matters, such as docs. */
  const resolvers = new Map<string, avsc.Resolver | null>();
  const { write, read } = compileAvro<T>(JSON.parse(text) as AvroType);
  const decode = (bytes: Buffer, start = 0, end = bytes.length): T => {
    reader.over(bytes, start, end);
    const value = read(reader);
    reader.finish();
    return value;
  };
  const resolverOf = (writerJson: string): avsc.Resolver | null => {
    let resolver = resolvers.get(writerJson);
    if (resolver === undefined) {
      const writer = avsc.Type.forSchema(JSON.parse(writerJson) as avsc.Schema, { wrapUnions: false });
      resolver = writer.fingerprint('sha256').equals(type.fingerprint('sha256')) ? null : type.createResolver(writer);
      resolvers.set(writerJson, resolver);
    }
    return resolver;
  };
  return {
    name: type.name ?? 'value',
    json: JSON.stringify(JSON.parse(text)),
    fingerprint: Buffer.from(type.fingerprint('sha256').subarray(0, 8)),
    encode(value) {
      scratch.begin();
      try {
        write(value, scratch);
        return scratch.copyOut();
      } catch (error) {
        scratch.drop();
        throw error;
      }
    },
    write,
    decode,
    decodeFrom(writerJson, bytes) {
      const resolver = resolverOf(writerJson);
      return resolver === null ? decode(bytes) : (type.fromBuffer(bytes, resolver) as T);
    },
    checkReads(writerJson) {
      resolverOf(writerJson);
    },
  };
}

/** The full name of a schema given as JSON text. */
export function schemaNameOf(json: string): string {
  const { name, namespace } = JSON.parse(json) as AvroSchema & { readonly namespace?: string };
  return namespace === undefined || name.includes('.') ? name : `${namespace}.${name}`;
}

const MAGIC = 0;
/** Bytes before the Avro bytes of a framed value. */
export const FRAME = 5;

/** Confluent wire format: a zero byte, the schema's id (4 bytes, big endian), the Avro bytes. */
export function frame(schemaId: number, avro: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(5 + avro.length);
  framed[0] = MAGIC;
  framed.writeUInt32BE(schemaId, 1);
  avro.copy(framed, 5);
  return framed;
}

/** Begins a framed value where `into` stands; its Avro bytes are to follow. */
export function frameInto(into: ByteWriter, schemaId: number): void {
  into.byte(MAGIC);
  into.uint32(schemaId);
}

/** The schema id of a framed value, whose Avro bytes begin at `FRAME`; undefined when it is not in Confluent wire format. */
export function schemaIdOf(bytes: Buffer): number | undefined {
  return bytes.length < FRAME || bytes[0] !== MAGIC ? undefined : bytes.readUInt32BE(1);
}

/** The schema id and the Avro bytes of a framed value; undefined when it is not in Confluent wire format. */
export function unframe(bytes: Buffer): { readonly schemaId: number; readonly avro: Buffer } | undefined {
  if (bytes.length < 5 || bytes[0] !== MAGIC) return undefined;
  return { schemaId: bytes.readUInt32BE(1), avro: bytes.subarray(5) };
}
