// Reserving budget and a slot, step by step as DESIGN §3 "Pacing" numbers them.
import type { Budget, Ledger } from './model.ts';
import { afterQuiet, isQuiet, localDay, nextDay, zoneOf } from './zones.ts';

/** What a message asks of the budget. */
export interface Ask {
  /** Viable channels, best first, with their cost in micro-units. */
  readonly channels: readonly { readonly channel: string; readonly cost: number }[];
  /** The cost of the dearest of the campaign's channels, viable or not. */
  readonly dearest: number;
  readonly earliestAt: number;
  readonly expiresAt: number;
  readonly quietHours: string | null;
  /** Local days of the user, e.g. "2026-12-25". */
  readonly holidays?: readonly string[];
  /** The user's zone. */
  readonly userZone: string | null;
  /** The campaign's zone. */
  readonly campaignZone: string;
}

export type BudgetReason =
  | 'budget-window'
  | 'budget-total'
  | 'budget-channel'
  | 'budget-pace'
  | 'budget-daily'
  | 'quiet-hours';

export type Slot =
  | { readonly reserved: true; readonly channel: string; readonly cost: number; readonly slotAt: number }
  | { readonly reserved: false; readonly reason: BudgetReason };

/** A ledger in which nothing is reserved. */
export function emptyLedger(): Ledger {
  return { reserved: 0, days: new Map(), channels: new Map() };
}

/** Finds the slot and reserves it in the ledger, or says why there is none. */
export function reserve(budget: Budget, ledger: Ledger, ask: Ask): Slot {
  const refuse = (reason: BudgetReason): Slot => ({ reserved: false, reason });
  const to = budget.to ?? Number.POSITIVE_INFINITY;
  const total = budget.total ?? Number.POSITIVE_INFINITY;

  // 1.
  const start = Math.max(ask.earliestAt, budget.from ?? Number.NEGATIVE_INFINITY);
  if (start >= to) return refuse('budget-window');

  // 2.
  const fitsTotal = ask.channels.filter(({ cost }) => ledger.reserved + cost <= total);
  if (fitsTotal.length === 0) return refuse('budget-total');
  const chosen = fitsTotal.find(
    ({ channel, cost }) =>
      (ledger.channels.get(channel) ?? 0) + cost <= (budget.perChannel?.[channel] ?? Number.POSITIVE_INFINITY),
  );
  if (!chosen) return refuse('budget-channel');
  const { channel, cost } = chosen;

  // 3.
  let slotAt = Math.max(start, curveReaches(budget, ledger.reserved + cost, ask.dearest));
  let moved: BudgetReason | undefined = slotAt > start ? 'budget-pace' : undefined;

  // 4.
  const campaignZone = zoneOf(ask.campaignZone);
  const userZone = zoneOf(ask.userZone);
  const daily = budget.daily ?? Number.POSITIVE_INFINITY;
  while (slotAt <= ask.expiresAt && slotAt < to) {
    if ((ledger.days.get(localDay(slotAt, campaignZone)) ?? 0) + cost > daily) {
      slotAt = nextDay(slotAt, campaignZone);
      moved = 'budget-daily';
    } else if (ask.holidays?.includes(localDay(slotAt, userZone))) {
      slotAt = nextDay(slotAt, userZone);
      moved = 'quiet-hours';
    } else if (ask.quietHours !== null && isQuiet(slotAt, ask.quietHours, userZone)) {
      slotAt = afterQuiet(slotAt, ask.quietHours, userZone);
      moved = 'quiet-hours';
    } else break;
  }

  // 5. Where nothing else moved it past the message's own end, the budget's beginning did.
  if (slotAt > ask.expiresAt) return refuse(moved ?? 'budget-window');
  if (slotAt >= to) return refuse('budget-window');
  book(ledger, { channel, cost, day: localDay(slotAt, campaignZone) });
  return { reserved: true, channel, cost, slotAt };
}

/** Gives a reservation back. */
export function release(
  ledger: Ledger,
  slot: { channel: string; cost: number; slotAt: number },
  campaignZone: string,
): void {
  book(ledger, { channel: slot.channel, cost: -slot.cost, day: localDay(slot.slotAt, zoneOf(campaignZone)) });
}

function book(ledger: Ledger, { channel, cost, day }: { channel: string; cost: number; day: string }): void {
  ledger.reserved += cost;
  ledger.channels.set(channel, (ledger.channels.get(channel) ?? 0) + cost);
  ledger.days.set(day, (ledger.days.get(day) ?? 0) + cost);
}

/** The first instant s (epoch ms) with curve(s) + burst ≥ `amount`; without a curve, as early as you like. */
export function curveReaches(budget: Budget, amount: number, dearest: number): number {
  if (budget.pacing === 'asap') return Number.NEGATIVE_INFINITY;
  if (budget.pacing === 'curve') return pointsReach(budget, amount, dearest);
  const { total, from, to } = budget;
  if (total === undefined || from === undefined || to === undefined) {
    throw new RangeError('even pacing needs total, from and to');
  }
  const burst = Math.max(Math.floor(total / 100), dearest);
  const above = BigInt(amount - burst);
  if (above <= 0n) return Number.NEGATIVE_INFINITY;
  // total · (s − from) ≥ above · (to − from), rounded up to the next whole millisecond.
  const elapsed = (above * BigInt(to - from) + BigInt(total) - 1n) / BigInt(total);
  return from + Number(elapsed);
}

/** Looks for the first instant with room by halving; what the curve is worth at an instant is asked of its fraction. */
function pointsReach({ total, from, curve = [] }: Budget, amount: number, dearest: number): number {
  if (total === undefined || from === undefined) throw new RangeError('a curve needs total and from');
  const above = BigInt(amount - Math.max(Math.floor(total / 100), dearest));
  if (above <= 0n) return Number.NEGATIVE_INFINITY;
  const enough = (at: number): boolean => {
    const [part, whole] = curveFraction(curve, from, at);
    return BigInt(total) * part >= above * whole;
  };
  let late = curve.at(-1)?.at ?? from;
  if (!enough(late)) return Number.POSITIVE_INFINITY;
  if (enough(from)) return from;
  let early = from;
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (enough(middle)) late = middle;
    else early = middle;
  }
  return late;
}

const FULL = 100_000_000;

/** The share of the total that the curve gives at an instant, as part and whole. */
export function curveFraction(curve: NonNullable<Budget['curve']>, from: number, at: number): [bigint, bigint] {
  const units = (share: number): bigint => BigInt(Math.round(share * FULL));
  const before = curve.findLast((point) => point.at <= at) ?? { at: from, share: 0 };
  const after = curve.find((point) => point.at > at);
  if (at < from) return [0n, 1n];
  if (after === undefined) return [units(before.share), BigInt(FULL)];
  const length = BigInt(after.at - before.at);
  const gone = BigInt(at - before.at);
  return [units(before.share) * (length - gone) + units(after.share) * gone, length * BigInt(FULL)];
}
