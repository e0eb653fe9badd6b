// Reads Avro's primitives from bytes. Throws a RangeError where they end too early, instead of reading on.

/** Values up to this size are turned into one string, of which short ones are cut: a call into Node for each cost more. */
const WHOLE = 2048;
/** Longer strings would keep the whole value's alive, for V8 cuts them by reference. */
const CUT = 12;
const INTERNED = 1024;
const INTERNED_LENGTH = 24;

export class ByteReader {
  at = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #text: string | undefined;

  /** Reads `bytes` from `start` to `end`. */
  over(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#text = undefined;
    this.at = start;
  }

  /** Bytes left. */
  get left(): number {
    return this.#end - this.at;
  }

  /** Lets go of the bytes. Throws when some are left. */
  finish(): void {
    const { left } = this;
    this.over(NONE, 0, 0);
    if (left > 0) throw new RangeError(`${left} bytes follow the value`);
  }

  byte(): number {
    if (this.at >= this.#end) throw truncated();
    return this.#bytes[this.at++] as number;
  }

  /** A zigzag varint. Throws for a number beyond 2^53, which can't be told exactly. */
  varint(): number {
    let byte = this.byte();
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let shift = 7;
    do {
      byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80 && shift < 28);
    if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    // The sign and 27 bits are in `value`.
    let size = value >>> 1;
    for (let factor = 2 ** 27; ; factor *= 128) {
      byte = this.byte();
      size += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      if (factor > 2 ** 62) throw new RangeError('a number has too many bytes');
    }
    const number = (value & 1) === 0 ? size : -(size + 1);
    if (!Number.isSafeInteger(number)) throw new RangeError('a number is beyond 2^53');
    return number;
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  /** How many items the next block of a list or map has; 0 ends it. An item has one byte at least. */
  count(): number {
    let count = this.varint();
    if (count < 0) {
      count = -count;
      this.varint();
    }
    if (count > this.left) throw truncated();
    return count;
  }

  double(): number {
    const { at } = this;
    this.at += 8;
    if (this.at > this.#end) throw truncated();
    return this.#bytes.readDoubleLE(at);
  }

  string(): string {
    const from = this.#span();
    const to = this.at;
    if (to - from <= CUT && this.#end - this.#start <= WHOLE && this.#isAscii(from, to)) {
      this.#text ??= this.#bytes.toString('latin1', this.#start, this.#end);
      return this.#text.substring(from - this.#start, to - this.#start);
    }
    return this.#bytes.toString('utf8', from, to);
  }

  /** A string of few different ones, such as a type or a name: the same string object each time, hashed already. */
  repeated(): string {
    const from = this.#span();
    const to = this.at;
    const length = to - from;
    if (length === 0) return '';
    if (length > INTERNED_LENGTH) return this.#bytes.toString('utf8', from, to);
    const bytes = this.#bytes;
    let hash = length;
    let all = 0;
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      all |= byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (all >= 0x80) return bytes.toString('utf8', from, to);
    const slot = (hash ^ (hash >>> 15)) & (INTERNED - 1);
    const known = interned[slot] as string;
    if (known.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === bytes[from + i]) i++;
      if (i === length) return known;
    }
    const text = bytes.toString('latin1', from, to);
    interned[slot] = text;
    return text;
  }

  /** Moves past a string and returns where its bytes begin. */
  #span(): number {
    const length = this.varint();
    const from = this.at;
    if (length < 0 || length > this.#end - from) throw truncated();
    this.at = from + length;
    return from;
  }

  #isAscii(from: number, to: number): boolean {
    let all = 0;
    for (let i = from; i < to; i++) all |= this.#bytes[i] as number;
    return all < 0x80;
  }
}

const NONE = Buffer.alloc(0);
const interned = new Array<string>(INTERNED).fill('');

function truncated(): RangeError {
  return new RangeError('the bytes end within a value');
}
