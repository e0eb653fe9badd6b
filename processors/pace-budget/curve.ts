// The pacing curve: how much of a budget may be spent by an instant, and when an amount may be. Exact, in bigint: money times
// milliseconds passes 2^53.
import type { Budget } from '../../schemas/campaign/budget.ts';
import { SHARE_UNITS, shareUnits } from '../../schemas/campaign/pacing.ts';

interface Knot {
  /** Epoch ms. */
  readonly at: number;
  /** Micro-units by then, times SHARE_UNITS. */
  readonly reached: bigint;
}

const UNITS = BigInt(SHARE_UNITS);
/** By budget: a definition is asked for each of its candidates. */
const curves = new WeakMap<Budget, readonly Knot[]>();

/** Micro-units that may be spent ahead of the curve: 1 % of the total, at least one message on the dearest channel. */
export function burstOf({ totalMicros }: Budget, dearestMicros: number): number {
  return Math.max(Math.floor((totalMicros ?? 0) / 100), dearestMicros);
}

/** Whether the budget has a curve at all; where it has none, all may be spent at once. */
export function isPaced({ pacing, totalMicros, fromAt, toAt }: Budget): boolean {
  return pacing !== 'asap' && totalMicros !== null && fromAt !== null && (pacing === 'curve' || toAt !== null);
}

/**
 * The first instant (epoch ms) at which the curve has come to `micros`; −Infinity where nothing is asked of it, Infinity where
 * it never comes so far.
 */
export function reachedAt(budget: Budget, micros: number): number {
  if (micros <= 0 || !isPaced(budget)) return Number.NEGATIVE_INFINITY;
  const needed = BigInt(micros) * UNITS;
  let before: Knot | undefined;
  for (const knot of knotsOf(budget)) {
    if (knot.reached >= needed) {
      if (before === undefined) return knot.at;
      // reached(s) = before + rise · (s − at) / span ≥ needed, rounded up to a whole millisecond.
      const rise = knot.reached - before.reached;
      const span = BigInt(knot.at - before.at);
      return before.at + Number(((needed - before.reached) * span + rise - 1n) / rise);
    }
    before = knot;
  }
  return Number.POSITIVE_INFINITY;
}

/** Micro-units that the curve has come to at an instant, rounded down; null where there is no curve. */
export function curveAt(budget: Budget, at: number): number | null {
  if (!isPaced(budget)) return null;
  let before: Knot | undefined;
  for (const knot of knotsOf(budget)) {
    if (knot.at > at) {
      if (before === undefined) return 0;
      const rise = (knot.reached - before.reached) * BigInt(at - before.at);
      return Number((before.reached + rise / BigInt(knot.at - before.at)) / UNITS);
    }
    before = knot;
  }
  return before === undefined ? 0 : Number(before.reached / UNITS);
}

/** Even: from 0 at `from` to the total at `to`. A curve: from 0 at `from`, then its points; flat from the last on. */
function knotsOf(budget: Budget): readonly Knot[] {
  let knots = curves.get(budget);
  if (knots === undefined) {
    const { totalMicros, fromAt, toAt, pacing, curve } = budget;
    const total = BigInt(totalMicros ?? 0);
    const from = fromAt ?? 0;
    const points = pacing === 'curve' ? curve : [{ at: toAt ?? from, share: 1 }];
    const reached = points.map(({ at, share }) => ({ at, reached: total * BigInt(shareUnits(share)) }));
    knots = reached[0]?.at === from ? reached : [{ at: from, reached: 0n }, ...reached];
    curves.set(budget, knots);
  }
  return knots;
}
