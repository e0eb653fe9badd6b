// The order in which timers fire, in memory and as bytes.
import { compareBytes } from '../schemas/order.ts';

/** What the queue orders by: instant, rank of the kind, key, then the order within them. */
export interface QueuedTimer {
  readonly at: number;
  readonly rank: number;
  readonly key: string;
  readonly requestedAt: number;
  readonly priority: number;
  readonly campaignId: string;
  readonly id: string;
}

/** Instant, then rank, key (byte order), requestedAt, priority (highest first), campaign id, id. */
export function compareTimers(a: QueuedTimer, b: QueuedTimer): number {
  return (
    a.at - b.at ||
    a.rank - b.rank ||
    compareBytes(a.key, b.key) ||
    a.requestedAt - b.requestedAt ||
    b.priority - a.priority ||
    compareBytes(a.campaignId, b.campaignId) ||
    compareBytes(a.id, b.id)
  );
}

/** First byte of a timer's key in the store. */
export const TIMER_PREFIX = 0x74; // 't'

/** Bytes whose order is the order of `compareTimers`. */
export function encodeTimer(timer: QueuedTimer): Buffer {
  const numbers = Buffer.alloc(10);
  numbers[0] = TIMER_PREFIX;
  numbers.writeBigUInt64BE(BigInt(timer.at), 1);
  numbers[9] = timer.rank;
  const order = Buffer.alloc(9);
  order.writeBigUInt64BE(BigInt(timer.requestedAt), 0);
  order[8] = 255 - timer.priority;
  return Buffer.concat([numbers, text(timer.key), order, text(timer.campaignId), text(timer.id)]);
}

export function decodeTimer(bytes: Buffer): QueuedTimer {
  const at = Number(bytes.readBigUInt64BE(1));
  const rank = bytes.readUInt8(9);
  const [key, afterKey] = readText(bytes, 10);
  const requestedAt = Number(bytes.readBigUInt64BE(afterKey));
  const priority = 255 - bytes.readUInt8(afterKey + 8);
  const [campaignId, afterCampaign] = readText(bytes, afterKey + 9);
  const [id] = readText(bytes, afterCampaign);
  return { at, rank, key, requestedAt, priority, campaignId, id };
}

/** A string's bytes, ended by 00 00; a zero byte within is written 00 ff, so that order is kept. */
function text(value: string): Buffer {
  const escaped = value.includes('\0')
    ? Buffer.from(value.replaceAll('\0', '\0\u00ff'), 'utf8')
    : Buffer.from(value, 'utf8');
  return Buffer.concat([escaped, TERMINATOR]);
}
const TERMINATOR = Buffer.from([0, 0]);

function readText(bytes: Buffer, start: number): [string, number] {
  let at = start;
  while (!(bytes[at] === 0 && bytes[at + 1] === 0)) at += bytes[at] === 0 ? 2 : 1;
  return [bytes.toString('utf8', start, at).replaceAll('\0\u00ff', '\0'), at + 2];
}
