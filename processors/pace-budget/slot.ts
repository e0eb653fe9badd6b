// Where a candidate's slot falls: the budget's window, a channel that can be paid, the pacing curve, the day's limit and the
// user's holidays and quiet hours, in that order.
import type { Budget } from '../../schemas/campaign/budget.ts';
import { parseQuietHours } from '../../schemas/durations.ts';
import { endOfWindow, localDate, startOfNextDay, type Zone, zoneOrUtc } from '../../schemas/local-time.ts';
import type { Reason } from '../../schemas/reasons.ts';
import type { Candidate } from '../../schemas/types.ts';
import { burstOf, reachedAt } from './curve.ts';

/** What is reserved so far, in micro-units. */
export interface Reserved {
  readonly reserved: number;
  readonly channels: Readonly<Record<string, number>>;
  /** On a local day (YYYY-MM-DD) of the campaign's zone. */
  reservedOn(day: string): number;
}

export type Slot = Moved &
  (
    | { readonly outcome: 'reserved'; readonly channel: string; readonly costMicros: number; readonly slotAt: number }
    | { readonly outcome: 'refused'; readonly reason: Reason }
  );

interface Moved {
  /** What moved the slot last; null when nothing did. */
  readonly movedBy: Reason | null;
  /** All that moved it, each once, in the order in which it first did. */
  readonly movers: readonly Reason[];
  /** The last of the user's holidays that it was moved over (YYYY-MM-DD). */
  readonly holiday: string | null;
}

export interface SlotOptions {
  /** The campaign's zone, whose days the daily limit counts. */
  readonly zone: Zone;
  /** The cost of one message on the dearest of the campaign's channels. */
  readonly dearestMicros: number;
}

const NOBODY: readonly Reason[] = [];

export function findSlot(candidate: Candidate, budget: Budget, ledger: Reserved, options: SlotOptions): Slot {
  const { fromAt, toAt } = budget;
  const { earliestAt, expiresAt } = candidate;
  const earliest = Math.max(earliestAt, fromAt ?? earliestAt);
  const end = toAt ?? Number.POSITIVE_INFINITY;
  let movedBy: Reason | null = null;
  let movers = NOBODY;
  const moved = (by: Reason): void => {
    movedBy = by;
    if (!movers.includes(by)) movers = [...movers, by];
  };
  if (earliest > earliestAt) moved('budget-window');
  if (earliest >= end) return { outcome: 'refused', reason: 'budget-window', movedBy, movers, holiday: null };

  const paid = payable(candidate, budget, ledger);
  if (typeof paid === 'string') return { outcome: 'refused', reason: paid, movedBy, movers, holiday: null };
  const { channel, maxCostMicros: costMicros } = paid;

  const ahead = ledger.reserved + costMicros - burstOf(budget, options.dearestMicros);
  let slotAt = Math.max(earliest, reachedAt(budget, ahead));
  if (slotAt > earliest) moved('budget-pace');

  const quiet = candidate.sendingWindow?.quietHours;
  const quietWindow = quiet === null || quiet === undefined ? undefined : parseQuietHours(quiet);
  const userZone = zoneOrUtc(candidate.sendingWindow?.timezone).zone;
  const holidays = candidate.sendingWindow?.holidays ?? [];
  let holiday: string | null = null;
  while (slotAt <= expiresAt && slotAt < end) {
    if (!dayHasRoom(slotAt, costMicros, budget, ledger, options.zone)) {
      slotAt = startOfNextDay(slotAt, options.zone);
      moved('budget-daily');
      continue;
    }
    const today = holidays.length === 0 ? '' : localDate(slotAt, userZone);
    if (holidays.includes(today)) {
      slotAt = startOfNextDay(slotAt, userZone);
      moved('quiet-hours');
      holiday = today;
      continue;
    }
    const awake = quietWindow === undefined ? slotAt : endOfWindow(slotAt, quietWindow, userZone);
    if (awake === slotAt) return { outcome: 'reserved', channel, costMicros, slotAt, movedBy, movers, holiday };
    slotAt = awake;
    moved('quiet-hours');
  }
  const reason = slotAt > expiresAt ? (movedBy ?? 'budget-window') : 'budget-window';
  return { outcome: 'refused', reason, movedBy, movers, holiday };
}

/** The first channel that total and its own limit can pay, or why there is none. */
function payable(
  { channels }: Candidate,
  { totalMicros, perChannelMicros }: Budget,
  ledger: Reserved,
): Candidate['channels'][number] | 'budget-total' | 'budget-channel' {
  const within = channels.filter((c) => totalMicros === null || ledger.reserved + c.maxCostMicros <= totalMicros);
  if (within.length === 0) return 'budget-total';
  const fits = within.find(({ channel, maxCostMicros }) => {
    const limit = Object.hasOwn(perChannelMicros, channel) ? perChannelMicros[channel] : undefined;
    return limit === undefined || (ledger.channels[channel] ?? 0) + maxCostMicros <= limit;
  });
  return fits ?? 'budget-channel';
}

function dayHasRoom(at: number, costMicros: number, { dailyMicros }: Budget, ledger: Reserved, zone: Zone): boolean {
  return dailyMicros === null || ledger.reservedOn(localDate(at, zone)) + costMicros <= dailyMicros;
}
