// What the kills of a run hit.
import type { RoundResult } from './round.ts';

/** The steps that were the last of a life, with how often, as a table; then the kills by kind, and how long starts took. */
export function tallyOf(rounds: readonly RoundResult[], seconds: number): string {
  const kills = rounds.flatMap((r) => r.kills);
  const starts = rounds.flatMap((r) => r.starts).sort((a, b) => a - b);
  const rows = [...countBy(kills, (k) => k.step)].sort(([a], [b]) => (a < b ? -1 : 1));
  const kinds = [...countBy(kills, (k) => k.how)].map(([how, n]) => `${n} ${how}`).join(', ');
  const at = (part: number): string => `${starts[Math.floor(part * (starts.length - 1))] ?? 0} ms`;
  return [
    'last step before the kill           kills',
    ...rows.map(([step, n]) => `${step.padEnd(34)} ${String(n).padStart(6)}`),
    `${kills.length} kills (${kinds}) in ${rounds.length} rounds and ${Math.round(seconds)} s`,
    `${starts.length} starts came to "ready": half within ${at(0.5)}, 95 % within ${at(0.95)}, the slowest ${at(1)}`,
    '',
  ].join('\n');
}

function countBy<T>(list: readonly T[], keyOf: (of: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const of of list) counts.set(keyOf(of), (counts.get(keyOf(of)) ?? 0) + 1);
  return counts;
}
