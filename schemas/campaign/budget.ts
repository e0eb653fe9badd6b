// What a campaign may spend, and how it is spread over time.
import { DateTime } from 'luxon';
import { z } from 'zod';
import { amount, channelId, currency, strict } from '../file-values.ts';
import { formatAmount } from '../money.ts';
import { hint, said } from '../problems.ts';
import { type CurvePoint, type Pacing, pacing } from './pacing.ts';
import { given, LAST_MOMENT, MOMENT_MEND, moment } from './values.ts';

/** What may be spent. Null: no such limit. */
export interface Budget {
  readonly currency: string;
  readonly totalMicros: number | null;
  /** Per calendar day in the campaign's zone. */
  readonly dailyMicros: number | null;
  readonly perChannelMicros: Readonly<Record<string, number>>;
  /** even: from, to and total are given; curve: from and total are. */
  readonly pacing: Pacing;
  /** In order of time, their shares never falling; empty unless pacing is curve. Before the first: from 0 at `fromAt`. */
  readonly curve: readonly CurvePoint[];
  /** Epoch ms, inclusive. */
  readonly fromAt: number | null;
  /** Epoch ms, exclusive. */
  readonly toAt: number | null;
}

export const budget = strict({
  currency: currency.default('USD'),
  total: amount.optional(),
  daily: amount.optional(),
  perChannel: z.record(channelId, amount).default({}),
  pacing: pacing.optional(),
  from: moment.optional(),
  to: moment.optional(),
}).superRefine(({ total, daily, perChannel, pacing, from, to }, ctx) => {
  const refuse = (path: string[], reason: string, mend: string): void => {
    ctx.addIssue({ code: 'custom', message: said(reason, mend), path });
  };
  const missing = Object.entries({ from, to, total }).flatMap(([key, value]) => (value === undefined ? [key] : []));
  if (pacing === 'even' && missing.length > 0) {
    refuse(['pacing'], `even pacing needs ${missing.join(', ')}`, `give ${missing.join(', ')}, or write pacing: asap`);
  }
  const curveLacks = missing.filter((key) => key !== 'to');
  if (Array.isArray(pacing) && curveLacks.length > 0) {
    refuse(['pacing'], `a curve needs ${curveLacks.join(' and ')}`, `give ${curveLacks.join(' and ')}`);
  }
  if (total !== undefined && daily !== undefined && daily > total) {
    refuse(['daily'], 'impossible budget: daily is more than total', 'lower daily or raise total');
  }
  if (missing.length === 3 && daily === undefined && Object.keys(perChannel).length === 0) {
    refuse([], 'limits nothing', 'give total, daily, perChannel, from or to, or leave budget out');
  }
});

/** What a budget says that its campaign contradicts: a path within the budget, the reason and how to mend it. */
export type Contradiction = readonly [path: readonly (string | number)[], reason: string, mend: string];

export function contradictions(budget: Budget, channels: readonly string[]): readonly Contradiction[] {
  const found: Contradiction[] = [];
  for (const channel of Object.keys(budget.perChannelMicros)) {
    if (channels.includes(channel)) continue;
    const mend = `${hint(channel, channels)} Or add it to channels:`;
    found.push([['perChannel', channel], 'is not among the channels', mend]);
  }
  for (const [key, at] of [
    ['from', budget.fromAt ?? 0],
    ['to', budget.toAt ?? 0],
  ] as const) {
    if (at < 0 || at > LAST_MOMENT) found.push([[key], 'is not between 1970 and 2100', MOMENT_MEND]);
  }
  if (budget.fromAt !== null && budget.toAt !== null && budget.toAt <= budget.fromAt) {
    found.push([['to'], 'is not after from', 'write a later date; to itself is no longer in the budget']);
  }
  budget.curve.forEach(({ at }, i) => {
    const misplaced = misplacement(at, budget.curve[i - 1]?.at, budget);
    if (misplaced !== undefined) found.push([['pacing', i, 'at'], ...misplaced]);
  });
  return found;
}

function misplacement(
  at: number,
  before: number | undefined,
  { fromAt, toAt }: Budget,
): readonly [reason: string, mend: string] | undefined {
  if (at < 0 || at > LAST_MOMENT) return ['is not between 1970 and 2100', MOMENT_MEND];
  if (before !== undefined && at <= before)
    return ['is not after the point before it', 'write points in order of time'];
  if (fromAt !== null && at < fromAt) return ['is before from', 'write from or later, or an earlier from'];
  if (toAt !== null && at > toAt) return ['is after to', 'write to or earlier, or a later to'];
  return undefined;
}

/** The budget with its dates in the campaign's zone. */
export function normalBudget(parts: z.output<typeof budget>, zone: string): Budget {
  const at = (text: string | undefined): number | null =>
    text === undefined ? null : DateTime.fromISO(text, { zone }).toMillis();
  const paceable = parts.total !== undefined && parts.from !== undefined && parts.to !== undefined;
  const points = typeof parts.pacing === 'object' ? parts.pacing : [];
  return {
    currency: parts.currency,
    totalMicros: parts.total ?? null,
    dailyMicros: parts.daily ?? null,
    perChannelMicros: parts.perChannel,
    pacing: typeof parts.pacing === 'object' ? 'curve' : (parts.pacing ?? (paceable ? 'even' : 'asap')),
    curve: points.map(({ at, share }) => ({ at: DateTime.fromISO(at, { zone }).toMillis(), share })),
    fromAt: at(parts.from),
    toAt: at(parts.to),
  };
}

export function budgetToFile(budget: Budget): object {
  const money = (micros: number | null): string | null => (micros === null ? null : formatAmount(micros));
  const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  return {
    currency: budget.currency,
    ...given({ total: money(budget.totalMicros), daily: money(budget.dailyMicros) }),
    perChannel: Object.fromEntries(
      Object.entries(budget.perChannelMicros).map(([id, micros]) => [id, formatAmount(micros)]),
    ),
    pacing:
      budget.pacing === 'curve'
        ? budget.curve.map(({ at, share }) => ({ at: new Date(at).toISOString(), share }))
        : budget.pacing,
    ...given({ from: instant(budget.fromAt), to: instant(budget.toAt) }),
  };
}
