// One line of text for each output, the same whoever made it, and a digest over all of them.
import { createHash } from 'node:crypto';
import { byBytes } from './common.ts';
import type { OracleSession } from './sessions.ts';

const sorted = (map: Readonly<Record<string, unknown>>): [string, unknown][] =>
  Object.entries(map).sort(([a], [b]) => byBytes(a, b));

/** A session as one line; times in epoch ms. */
export function sessionLine(s: OracleSession): string {
  const counts = [s.startedAt, s.endedAt, s.durationMs, s.eventCount];
  return JSON.stringify(['session', s.tenantId, s.userId, ...counts, sorted(s.eventTypes), s.appSessionIds]);
}

/** A signal as one line; `firedAt` in epoch ms. */
export function signalLine(s: {
  readonly tenantId: string;
  readonly userId: string;
  readonly kind: string;
  readonly firedAt: number;
  readonly facts: Readonly<Record<string, unknown>>;
}): string {
  return JSON.stringify(['signal', s.tenantId, s.userId, s.kind, s.firedAt, sorted(s.facts)]);
}

/** SHA-256 (hex) of the lines in byte order, each ended by a newline. */
export function digest(lines: readonly string[]): string {
  const hash = createHash('sha256');
  for (const line of lines.toSorted(byBytes)) hash.update(`${line}\n`);
  return hash.digest('hex');
}
