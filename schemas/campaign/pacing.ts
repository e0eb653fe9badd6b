// How a budget is spread over time: evenly, as users come, or along a curve of points.
import { z } from 'zod';
import { share, strict } from '../file-values.ts';
import { absence, hint, quoted, said, wording } from '../problems.ts';
import { moment } from './values.ts';

export type Pacing = 'even' | 'curve' | 'asap';

/** By `at` so much of the total may be spent; between two points the curve is a straight line. */
export interface CurvePoint {
  /** Epoch ms. */
  readonly at: number;
  /** Of the total, from 0 to 1: a whole number of hundred-millionths. */
  readonly share: number;
}

/** A share of 1, as whole numbers tell it. */
export const SHARE_UNITS = 100_000_000;
const MOST_POINTS = 1000;

/** The share in hundred-millionths: a percentage has at most six decimals. */
export function shareUnits(share: number): number {
  return Math.round(share * SHARE_UNITS);
}

const point = strict({
  at: moment,
  share: share
    // A third of a percent may have come out a little beside its own decimals.
    .refine((value) => Math.abs(shareUnits(value) - value * SHARE_UNITS) < 1e-6, {
      error: (issue) =>
        said(`${quoted(issue.input)} is finer than a hundred-millionth`, 'write a percentage of at most 6 decimals'),
    })
    .transform((value) => shareUnits(value) / SHARE_UNITS),
});

const points = z.array(point).superRefine((list, ctx) => {
  const refuse = (path: (string | number)[], reason: string, mend: string): void => {
    ctx.addIssue({ code: 'custom', message: said(reason, mend), path });
  };
  if (list.length === 0) refuse([], 'is empty', 'give at least one point, or write even or asap');
  if (list.length > MOST_POINTS) refuse([], `has ${list.length} points`, `give at most ${MOST_POINTS}`);
  list.forEach(({ share }, i) => {
    const before = list[i - 1]?.share ?? 0;
    if (share >= before) return;
    const mend = `write ${percent(before)} or more: a curve never falls`;
    refuse([i, 'share'], `is ${percent(share)}, less than the ${percent(before)} before it`, mend);
  });
});

const word = z.enum(['even', 'asap'], {
  error: (issue) =>
    said(
      absence(issue.input) ?? `is ${quoted(issue.input)}`,
      `${hint(issue.input, ['even', 'asap'])}, or give a list of points { at, share }`,
    ),
});

export type WrittenPacing = z.output<typeof word> | z.output<typeof points>;

/** A word, or a list of points: which of the two is asked for is told by its form, so that errors are about it alone. */
export const pacing = z.unknown().transform((value, ctx): WrittenPacing => {
  const parsed = (Array.isArray(value) ? points : word).safeParse(value, { error: wording });
  if (parsed.success) return parsed.data;
  // Worded already, they are handed on as they are.
  ctx.issues.push(...(parsed.error.issues as z.core.$ZodRawIssue[]));
  return z.NEVER;
});

function percent(share: number): string {
  return `${shareUnits(share) / (SHARE_UNITS / 100)}%`;
}
