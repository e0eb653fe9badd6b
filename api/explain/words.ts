// Instants, spans and counts as sentences need them.
import { zoneOrUtc } from '../../schemas/local-time.ts';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** An instant (epoch ms): "2026-01-08 09:00:00 UTC", with milliseconds where there are any. */
export function instant(time: number): string {
  return `${new Date(time)
    .toISOString()
    .replace('T', ' ')
    .replace(/(\.000)?Z$/, '')} UTC`;
}

/** An instant, also in the user's zone where that is known and another than UTC: "… UTC (2026-01-08 12:00 in Africa/Nairobi)". */
export function localInstant(time: number, timezone: unknown): string {
  const { zone, known } = zoneOrUtc(typeof timezone === 'string' ? timezone : undefined);
  if (!known || timezone === 'UTC') return instant(time);
  const local = new Date(time + zone.offsetAt(time)).toISOString();
  return `${instant(time)} (${local.slice(0, 16).replace('T', ' ')} in ${timezone})`;
}

/** An instant that facts hold as ISO-8601. */
export function isoInstant(text: unknown, timezone?: unknown): string {
  const time = Date.parse(String(text));
  return Number.isNaN(time) ? String(text) : localInstant(time, timezone);
}

/** A span of time in its two largest units: "4d 3h", "90s" as "1m 30s". */
export function span(ms: number): string {
  let rest = ms;
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) parts.push(`${n}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? `${ms} ms` : parts.join(' ');
}

/** "1 event", "3 events". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`;
}
