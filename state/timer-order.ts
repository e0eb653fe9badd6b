// The order in which timers fire, in memory and as bytes.
import type { ByteWriter } from '../schemas/byte-writer.ts';
import { compareBytes } from '../schemas/order.ts';
import type { Row } from './row.ts';

/** What the queue orders by: instant, rank of the kind, key, then the order within them. */
export interface QueuedTimer {
  readonly at: number;
  readonly rank: number;
  readonly key: string;
  readonly requestedAt: number;
  readonly priority: number;
  readonly campaignId: string;
  readonly id: string;
  /** It recurs, or follows from one that does: known where timers stay in memory, which is where it is asked for. */
  readonly recurs: boolean;
  /** The key's row, where rows stay in memory for good: it need not be looked up when the timer fires. */
  readonly row?: Row | undefined;
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

/** Writes bytes whose order is the order of `compareTimers`. */
export function encodeTimer(timer: QueuedTimer, into: ByteWriter): Buffer {
  into.begin();
  into.byte(TIMER_PREFIX);
  into.uint64(timer.at);
  into.byte(timer.rank);
  writeText(timer.key, into);
  into.uint64(timer.requestedAt);
  into.byte(255 - timer.priority);
  writeText(timer.campaignId, into);
  writeText(timer.id, into);
  return into.take();
}

export function decodeTimer(bytes: Buffer): QueuedTimer {
  const at = readInstant(bytes, 1);
  const rank = bytes.readUInt8(9);
  const [key, afterKey] = readText(bytes, 10);
  const requestedAt = readInstant(bytes, afterKey);
  const priority = 255 - bytes.readUInt8(afterKey + 8);
  const [campaignId, afterCampaign] = readText(bytes, afterKey + 9);
  const [id] = readText(bytes, afterCampaign);
  return { at, rank, key, requestedAt, priority, campaignId, id, recurs: false };
}

/** A string's bytes, ended by 00 00; a zero byte within is written 00 ff, so that order is kept. */
function writeText(value: string, into: ByteWriter): void {
  into.utf8(value.includes('\0') ? value.replaceAll('\0', '\0\u00ff') : value);
  into.byte(0);
  into.byte(0);
}

function readInstant(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

function readText(bytes: Buffer, start: number): [string, number] {
  let at = start;
  while (!(bytes[at] === 0 && bytes[at + 1] === 0)) at += bytes[at] === 0 ? 2 : 1;
  return [bytes.toString('utf8', start, at).replaceAll('\0\u00ff', '\0'), at + 2];
}
