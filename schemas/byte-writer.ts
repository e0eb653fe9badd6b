// Writes many small byte strings one after the other into large slabs of memory. A Buffer of its own for each of a commit's
// cells, keys and rows cost more than writing them: this, with `avro-compile.ts`, made encoding state four times as fast.

const SLAB = 256 * 1024;
/** Up to this length a loop over ASCII characters is faster than a call into Node. */
const SHORT = 48;

export class ByteWriter {
  /** Where it writes: at least what was reserved is free from `at` on. */
  bytes: Buffer;
  at = 0;
  #start = 0;
  readonly #slab: number;

  /** `slab`: bytes of memory asked for at once. What is kept of one byte string keeps its whole slab. */
  constructor(slab = SLAB) {
    this.#slab = slab;
    this.bytes = Buffer.allocUnsafeSlow(slab);
  }

  /** Begins a byte string. */
  begin(): void {
    this.#start = this.at;
  }

  /** Bytes written since `begin`. */
  get length(): number {
    return this.at - this.#start;
  }

  /** The bytes since `begin`, never written again. Begins the next. */
  take(): Buffer {
    const taken = this.bytes.subarray(this.#start, this.at);
    this.#start = this.at;
    return taken;
  }

  /** The bytes since `begin` as a copy; they are written over by what comes next. */
  copyOut(): Buffer {
    const copy = Buffer.allocUnsafe(this.length);
    copy.set(this.bytes.subarray(this.#start, this.at));
    this.at = this.#start;
    return copy;
  }

  /** Drops what was written since `begin`. */
  drop(): void {
    this.at = this.#start;
  }

  /** Makes room for `count` bytes; `bytes` and `at` may be others afterwards. */
  reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const { length } = this;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#slab, 2 * (length + count)));
    this.bytes.copy(larger, 0, this.#start, this.at);
    this.bytes = larger;
    this.#start = 0;
    this.at = length;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  /** Four bytes, big endian. */
  uint32(value: number): void {
    this.reserve(4);
    this.at = this.bytes.writeUInt32BE(value, this.at);
  }

  /** Eight bytes, big endian: a whole number from 0 to 2^53. */
  uint64(value: number): void {
    this.reserve(8);
    const { bytes } = this;
    this.at = bytes.writeUInt32BE(
      value % 0x1_0000_0000,
      bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), this.at),
    );
  }

  /** Writes four bytes, big endian, `back` bytes before the end of what is written. */
  uint32Back(value: number, back: number): void {
    this.bytes.writeUInt32BE(value, this.at - back);
  }

  copy(from: Buffer, start = 0, end = from.length): void {
    this.reserve(end - start);
    if (end - start > SHORT) {
      this.at += from.copy(this.bytes, this.at, start, end);
      return;
    }
    const { bytes } = this;
    let { at } = this;
    for (let i = start; i < end; i++) bytes[at++] = from[i] as number;
    this.at = at;
  }

  /** Writes a string of a byte a character. */
  latin1(text: string): void {
    this.reserve(text.length);
    this.at += this.bytes.write(text, this.at, 'latin1');
  }

  /** What was written after the first `start` bytes of this byte string, a character a byte. */
  latin1Since(start: number): string {
    return this.bytes.toString('latin1', this.#start + start, this.at);
  }

  /** A string's bytes in UTF-8, without their length. */
  utf8(text: string): void {
    const { length } = text;
    this.reserve(3 * length);
    const { bytes } = this;
    if (length <= SHORT) {
      let at = this.at;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 0x80) break;
        bytes[at++] = code;
      }
      if (i === length) {
        this.at = at;
        return;
      }
    }
    this.at += bytes.write(text, this.at, 'utf8');
  }

  /** A whole number as a zigzag varint, as Avro has it: up to 2^53 either way. */
  varint(value: number): void {
    this.reserve(10);
    const { bytes } = this;
    let { at } = this;
    let rest = 0;
    if (value >= -0x4000_0000 && value < 0x4000_0000) rest = (value << 1) ^ (value >> 31);
    else {
      // Four groups of seven bits, the sign among them, then the (at most 26) bits above, as whole numbers of 32 bits: a
      // division for each group of an instant would cost more, and doubling the value would lose a bit beyond 2^52.
      const size = value >= 0 ? value : -value - 1;
      rest = Math.floor(size / 0x800_0000);
      let low = ((size - rest * 0x800_0000) << 1) | (value < 0 ? 1 : 0);
      for (let i = 0; i < 4; i++, low >>>= 7) bytes[at++] = (low & 0x7f) | 0x80;
    }
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.at = at;
  }

  /** A string as Avro has it: the number of its bytes, and they. */
  string(text: string): void {
    const { length } = text;
    if (length <= SHORT) {
      this.reserve(1 + length);
      const { bytes } = this;
      let at = this.at + 1;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 0x80) break;
        bytes[at++] = code;
      }
      if (i === length) {
        bytes[this.at] = length << 1;
        this.at = at;
        return;
      }
    }
    const size = Buffer.byteLength(text);
    this.varint(size);
    this.reserve(size);
    this.at += this.bytes.write(text, this.at, 'utf8');
  }

  double(value: number): void {
    this.reserve(8);
    this.at = this.bytes.writeDoubleLE(value, this.at);
  }
}
