// Where a candidate's slot falls: the budget's window, a channel that can be paid, the pacing curve, the day's limit and the
// user's quiet hours, in that order.
import type { Budget } from '../../schemas/campaign/budget.ts';
import { parseQuietHours } from '../../schemas/durations.ts';
import { endOfWindow, localDate, startOfNextDay, type Zone, zoneOrUtc } from '../../schemas/local-time.ts';
import type { Reason } from '../../schemas/reasons.ts';
import type { BudgetLedger } from '../../schemas/state-types.ts';
import type { Candidate } from '../../schemas/types.ts';

export type Slot =
  | {
      readonly outcome: 'reserved';
      readonly channel: string;
      readonly costMicros: number;
      readonly slotAt: number;
      /** What moved the slot last; null when nothing did. */
      readonly movedBy: Reason | null;
    }
  | { readonly outcome: 'refused'; readonly reason: Reason; readonly movedBy: Reason | null };

export interface SlotOptions {
  /** The campaign's zone, whose days the daily limit counts. */
  readonly zone: Zone;
  /** The cost of one message on the dearest of the campaign's channels. */
  readonly dearestMicros: number;
}

export function findSlot(candidate: Candidate, budget: Budget, ledger: BudgetLedger, options: SlotOptions): Slot {
  const { fromAt, toAt } = budget;
  const { earliestAt, expiresAt } = candidate;
  const earliest = Math.max(earliestAt, fromAt ?? earliestAt);
  const end = toAt ?? Number.POSITIVE_INFINITY;
  let movedBy: Reason | null = earliest > earliestAt ? 'budget-window' : null;
  if (earliest >= end) return { outcome: 'refused', reason: 'budget-window', movedBy };

  const paid = payable(candidate, budget, ledger);
  if (typeof paid === 'string') return { outcome: 'refused', reason: paid, movedBy };
  const { channel, maxCostMicros: costMicros } = paid;

  let slotAt = paced(earliest, ledger.reserved + costMicros, budget, options.dearestMicros);
  if (slotAt > earliest) movedBy = 'budget-pace';

  const quiet = candidate.sendingWindow?.quietHours;
  const quietWindow = quiet === null || quiet === undefined ? undefined : parseQuietHours(quiet);
  const userZone = zoneOrUtc(candidate.sendingWindow?.timezone).zone;
  while (slotAt <= expiresAt && slotAt < end) {
    if (!dayHasRoom(slotAt, costMicros, budget, ledger, options.zone)) {
      slotAt = startOfNextDay(slotAt, options.zone);
      movedBy = 'budget-daily';
      continue;
    }
    const awake = quietWindow === undefined ? slotAt : endOfWindow(slotAt, quietWindow, userZone);
    if (awake === slotAt) return { outcome: 'reserved', channel, costMicros, slotAt, movedBy };
    slotAt = awake;
    movedBy = 'quiet-hours';
  }
  return { outcome: 'refused', reason: slotAt > expiresAt ? (movedBy ?? 'budget-window') : 'budget-window', movedBy };
}

/** The first channel that total and its own limit can pay, or why there is none. */
function payable(
  { channels }: Candidate,
  { totalMicros, perChannelMicros }: Budget,
  ledger: BudgetLedger,
): Candidate['channels'][number] | 'budget-total' | 'budget-channel' {
  const within = channels.filter((c) => totalMicros === null || ledger.reserved + c.maxCostMicros <= totalMicros);
  if (within.length === 0) return 'budget-total';
  const fits = within.find(({ channel, maxCostMicros }) => {
    const limit = Object.hasOwn(perChannelMicros, channel) ? perChannelMicros[channel] : undefined;
    return limit === undefined || (ledger.channels[channel] ?? 0) + maxCostMicros <= limit;
  });
  return fits ?? 'budget-channel';
}

/**
 * The first instant from `earliest` on at which the curve, with its burst, has room for `needed` micro-units in all. Even:
 * total · (s − from) / (to − from); burst: 1 % of the total, at least one message on the dearest channel.
 */
function paced(earliest: number, needed: number, budget: Budget, dearestMicros: number): number {
  const { pacing, totalMicros, fromAt, toAt } = budget;
  if (pacing !== 'even' || totalMicros === null || fromAt === null || toAt === null) return earliest;
  const burst = Math.max(Math.floor(totalMicros / 100), dearestMicros);
  const ahead = needed - burst;
  if (ahead <= 0 || totalMicros === 0) return earliest;
  // Money times milliseconds passes 2^53.
  const product = BigInt(ahead) * BigInt(toAt - fromAt);
  const total = BigInt(totalMicros);
  const wait = (product + total - 1n) / total;
  return Math.max(earliest, fromAt + Number(wait));
}

function dayHasRoom(
  at: number,
  costMicros: number,
  { dailyMicros }: Budget,
  { days }: BudgetLedger,
  zone: Zone,
): boolean {
  return dailyMicros === null || (days[localDate(at, zone)] ?? 0) + costMicros <= dailyMicros;
}
