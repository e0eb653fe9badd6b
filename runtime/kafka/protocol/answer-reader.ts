// The numbers of the protocol's answers, which are the same in all versions.

/** Reads an answer. Throws a RangeError where it ends too soon. */
export class AnswerReader {
  readonly #payload: Buffer;
  #at = 0;

  constructor(payload: Buffer) {
    this.#payload = payload;
  }

  int16(): number {
    this.#at += 2;
    return this.#payload.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#payload.readInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#payload.readBigInt64BE(this.#at - 8);
  }

  protected byte(): number {
    return this.#payload.readUInt8(this.#at++);
  }

  /** Shares the memory of the answer. */
  protected take(length: number): Buffer {
    if (this.#at + length > this.#payload.length) throw new RangeError('an answer ends too soon');
    this.#at += length;
    return this.#payload.subarray(this.#at - length, this.#at);
  }
}
