// What the faults of a run hit.
import type { RoundResult, Turn } from './round.ts';

export function tallyOf(rounds: readonly RoundResult[], seconds: number): string {
  const turns = rounds.flatMap((r) => r.turns);
  const kills = turns.filter((turn) => turn.kills > 0);
  const rows = (title: string, counts: ReadonlyMap<string, number>): string[] => [
    `${title.padEnd(52)} times`,
    ...[...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, n]) => `  ${what.padEnd(50)} ${String(n).padStart(5)}`),
  ];
  const recoveries = new Map<string, number>();
  for (const { recoveries: counts } of rounds)
    for (const [what, n] of Object.entries(counts)) recoveries.set(what, (recoveries.get(what) ?? 0) + n);
  const sum = (of: (round: RoundResult) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  const compared = rounds.flatMap(({ comparison }) => comparison ?? []);
  return [
    ...rows(
      'kill -9 at',
      countBy(kills, ({ where, kind }) => (kind === 'damaged' ? where.replace(/.* /, '') : where)),
    ),
    ...rows(
      'kill -9 by kind',
      countBy(kills, ({ kind }) => kind),
    ),
    ...rows(
      'other faults',
      countBy(
        turns.filter(({ kills: n }) => n === 0),
        nameOf,
      ),
    ),
    ...rows(
      'damaged stores',
      countBy(
        turns.filter(({ kind }) => kind === 'damaged'),
        ({ where }) => where.replace(/, .*/, ''),
      ),
    ),
    ...rows('recoveries that instances told of', recoveries),
    `${kills.length} kills and ${turns.length - kills.length} other faults in ${rounds.length} rounds and ${Math.round(seconds)} s`,
    `${sum((r) => r.events)} events; ${sum((r) => r.states.stores)} stores with ${sum((r) => r.states.entries)} entries compared with their changelogs`,
    ...compared.map(
      ({ counts, spentPart }) =>
        `compared with simulate: ${Object.entries(counts)
          .map(([topic, n]) => `${n} ${topic}`)
          .join(
            ', ',
          )}${spentPart === undefined ? '' : `; of the budget that binds ${(100 * spentPart).toFixed(1)} % of simulate's spend`}`,
    ),
    '',
  ].join('\n');
}

function nameOf({ kind, where }: Turn): string {
  return kind === 'cut' ? `cut: ${where}` : kind === 'zombie' ? `zombie, paused at ${where}` : kind;
}

function countBy<T>(list: readonly T[], keyOf: (of: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const of of list) counts.set(keyOf(of), (counts.get(keyOf(of)) ?? 0) + 1);
  return counts;
}
