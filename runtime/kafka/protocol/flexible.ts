// The protocol's flexible versions (KIP-482): lengths are varints, and every structure ends with tagged fields.
import { ByteWriter } from '../../../schemas/byte-writer.ts';
import { AnswerReader } from './answer-reader.ts';
import type { RequestHead } from './raw-request.ts';

const SIZE_BYTES = 4;
const NO_TAGS = 0;
/** Bytes of memory for a request's numbers and names. */
const SLAB = 1024;

/** Writes a request, in pieces where bytes that are encoded already stand between. */
export class FlexibleWriter {
  readonly #writer = new ByteWriter(SLAB);
  readonly #pieces: Buffer[] = [];

  constructor({ apiKey, apiVersion, correlationId, clientId }: RequestHead) {
    this.#writer.begin();
    this.int32(0);
    this.int16(apiKey);
    this.int16(apiVersion);
    this.int32(correlationId);
    // The one string of a flexible request that isn't compact.
    this.int16(Buffer.byteLength(clientId));
    this.#writer.utf8(clientId);
    this.tags();
  }

  boolean(value: boolean): void {
    this.#writer.byte(value ? 1 : 0);
  }

  int16(value: number): void {
    this.#writer.reserve(2);
    this.#writer.at = this.#writer.bytes.writeInt16BE(value, this.#writer.at);
  }

  int32(value: number): void {
    this.#writer.reserve(4);
    this.#writer.at = this.#writer.bytes.writeInt32BE(value, this.#writer.at);
  }

  int64(value: bigint): void {
    this.#writer.reserve(8);
    this.#writer.at = this.#writer.bytes.writeBigInt64BE(value, this.#writer.at);
  }

  /** A compact string. */
  text(value: string | null): void {
    this.#length(value === null ? null : Buffer.byteLength(value));
    if (value !== null) this.#writer.utf8(value);
  }

  /** A compact array's length; its entries follow, each ended by `tags` where it is a structure. */
  array(length: number): void {
    this.#length(length);
  }

  /** Compact bytes, which nobody may write to until they are sent. */
  bytes(value: Buffer): void {
    this.#length(value.length);
    this.#pieces.push(this.#writer.take(), value);
  }

  /** The end of a structure that has no tagged fields. */
  tags(): void {
    this.#writer.byte(NO_TAGS);
  }

  /** The whole request from its size on. */
  end(): readonly Buffer[] {
    const pieces = [...this.#pieces, this.#writer.take()];
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    pieces[0]?.writeInt32BE(size - SIZE_BYTES, 0);
    return pieces;
  }

  /** One more than it is, so that 0 is null. */
  #length(length: number | null): void {
    let rest = length === null ? 0 : length + 1;
    for (; rest >= 0x80; rest >>>= 7) this.#writer.byte((rest & 0x7f) | 0x80);
    this.#writer.byte(rest);
  }
}

/** Reads an answer of a flexible version. */
export class FlexibleReader extends AnswerReader {
  /** A compact string; null is empty. */
  text(): string {
    return this.take(Math.max(0, this.#varint() - 1)).toString('utf8');
  }

  /** A compact array; null is empty. */
  array<T>(entry: () => T): T[] {
    return Array.from({ length: Math.max(0, this.#varint() - 1) }, entry);
  }

  /** The end of a structure: tagged fields, each by itself, of which `wanted` reads those that it wants. */
  tags(wanted: (tag: number, field: FlexibleReader) => void = () => {}): void {
    for (let count = this.#varint(); count > 0; count--) {
      const tag = this.#varint();
      wanted(tag, new FlexibleReader(this.take(this.#varint())));
    }
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }
}
