// What the parts of the oracle share: order of strings, grouping, durations.
import type { UserEvent } from '../../schemas/types.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

const UNITS: readonly (readonly [string, number])[] = [
  ['d', DAY],
  ['h', HOUR],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/** Milliseconds as the largest unit that divides them: 604800000 is "7d". */
export function durationText(ms: number): string {
  for (const [name, size] of UNITS) if (ms % size === 0) return `${ms / size}${name}`;
  throw new RangeError(`a duration is a whole number of milliseconds, not ${ms}`);
}

/** "7d", "6h", "30m", "90s" or "5ms" in milliseconds. Throws a RangeError on anything else. */
export function parseDuration(text: string): number {
  const parts = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  const size = UNITS.find(([name]) => name === parts?.[2])?.[1];
  if (!parts || size === undefined) throw new RangeError(`"${text}" is not a duration: write 90s, 30m, 6h or 7d`);
  return Number(parts[1]) * size;
}

/** Compares two strings by their UTF-8 bytes. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Who a record is about. */
export function userKey(record: { readonly tenantId: string; readonly userId: string }): string {
  return `${record.tenantId}/${record.userId}`;
}

/** The events of every user, each list in the order of the input. */
export function byUser(events: readonly UserEvent[]): Map<string, UserEvent[]> {
  const users = new Map<string, UserEvent[]>();
  for (const event of events) {
    const list = users.get(userKey(event));
    if (list) list.push(event);
    else users.set(userKey(event), [event]);
  }
  return users;
}
