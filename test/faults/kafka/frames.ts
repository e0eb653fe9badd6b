// Kafka's framing: a stream of bytes in requests and responses, and as much of a request as says what it is.

/** Request types by their keys in the protocol. */
export const API = { Produce: 0, EndTxn: 26, TxnOffsetCommit: 28 } as const;
export type Api = keyof typeof API;

const SIZE_BYTES = 4;

/** Cuts a stream into frames, each with its size in front. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<Buffer> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= SIZE_BYTES) {
      const end = SIZE_BYTES + this.#rest.readInt32BE(0);
      if (this.#rest.length < end) return;
      const frame = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      yield frame;
    }
  }
}

export interface RequestHead {
  readonly api: number;
  readonly correlation: number;
  /** Of requests that begin with it, those of `API`; else undefined. */
  readonly transactionalId: string | undefined;
}

const TRANSACTIONAL: readonly number[] = Object.values(API);
/** The first version of each that is flexible: tagged fields end its head, and the length of a string is a varint. */
const FLEXIBLE: Readonly<Record<number, number>> = {
  [API.Produce]: 9,
  [API.EndTxn]: 3,
  [API.TxnOffsetCommit]: 3,
};

export function requestHead(frame: Buffer): RequestHead {
  const [api, version, correlation] = [frame.readInt16BE(4), frame.readInt16BE(6), frame.readInt32BE(8)];
  const clientIdLength = frame.readInt16BE(12);
  const body = 14 + Math.max(0, clientIdLength);
  if (!TRANSACTIONAL.includes(api)) return { api, correlation, transactionalId: undefined };
  const flexible = version >= (FLEXIBLE[api] as number);
  // A transactional id of 127 bytes or more, or tagged fields in a head, are none of ours.
  const length = flexible ? frame.readUInt8(body + 1) - 1 : frame.readInt16BE(body);
  const transactionalId = length < 0 ? undefined : frame.toString('utf8', body + 2, body + 2 + length);
  return { api, correlation, transactionalId };
}

export function responseCorrelation(frame: Buffer): number {
  return frame.readInt32BE(SIZE_BYTES);
}
