// Outcomes as their readers are to take them.
import type { Outcome } from '../schemas/types.ts';

/**
 * Of each outcome what was told last, unless it was withdrawn: it is told again, under the same id, where a message had to wait
 * long for pace, and where one failed.
 */
export function newestOutcomes(told: readonly Outcome[]): readonly Outcome[] {
  const newest = new Map(told.map((outcome) => [outcome.outcomeId, outcome]));
  return [...newest.values()].filter(({ kind }) => kind !== 'withdrawn');
}
