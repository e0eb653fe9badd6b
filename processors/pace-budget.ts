// Reserves budget and a slot for each candidate: pacing is scheduling, not queueing. Keeps one small row a campaign,
// one a day of it, and one reservation a candidate for as long as it may be repeated or released.
import type { Budget } from '../schemas/campaign/budget.ts';
import { budgetDay, budgetLedger, reservation } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { DAY_MS } from '../schemas/durations.ts';
import { localDate, zoneOrUtc } from '../schemas/local-time.ts';
import { channelOf } from '../schemas/policy.ts';
import type { Reason } from '../schemas/reasons.ts';
import type { Reservation } from '../schemas/state-types.ts';
import { candidates, verdicts } from '../schemas/topics.ts';
import type { BudgetVerdict, Candidate } from '../schemas/types.ts';
import { book, ledgerOf, reservedOn } from './pace-budget/ledger.ts';
import { findSlot } from './pace-budget/slot.ts';
import { type Context, on, type Processor, timers } from './processor.ts';

/**
 * How long a reservation can be released or corrected after its message expired, ms. Long: this clock is moved by every user's
 * candidates, which may run far ahead of the user whose message it is.
 */
const KEPT_FOR = 400 * DAY_MS;
/** How long a refusal is remembered against repeats, ms. */
const REFUSAL_KEPT_FOR = DAY_MS;

export function paceBudget(definitions: Definitions): Processor {
  return {
    name: 'pace-budget',
    emits: [verdicts],
    writes: [budgetLedger, budgetDay, reservation],
    on: [
      on(candidates, (candidate, context) => {
        switch (candidate.kind) {
          case 'reserve':
            return reserve(candidate, definitions, context);
          case 'release':
            return release(candidate, context);
          case 'correct':
            return correct(candidate, context);
          case 'spent':
            return spend(candidate, context);
        }
      }),
    ],
    timers: [{ kind: timers.forget, fire: (timer, context) => context.set(reservation, undefined, timer.id) }],
  };
}

function reservationId({ requestId, hop }: Candidate): string {
  return `${requestId}#${hop}`;
}

function reserve(candidate: Candidate, definitions: Definitions, context: Context): void {
  const id = reservationId(candidate);
  const { tenantId, campaignId, requestedAt, hop, userId, requestId } = candidate;
  const ids = { requestId, hop, tenantId, campaignId, userId, requestedAt };
  const held = context.get(reservation, id);
  const wasGivenBack = held?.released === true && held.refusedReason === null;
  if (held !== undefined && !wasGivenBack) {
    // Whoever asks again waits for the answer: it is the same, and nothing is reserved twice.
    context.emit(verdicts, { ...ids, ...answerOf(held) });
    return;
  }
  // Of versions that the log keeps no more, the oldest that it does.
  const version =
    definitions.campaign(tenantId, campaignId, requestedAt) ?? definitions.versions(tenantId, campaignId).at(-1);
  if (version === undefined) {
    // Whoever asks knows a budget that has not come here, or is gone: nothing may be spent of what nobody can count.
    refuse(candidate, 'campaign-inactive', {}, context);
    return;
  }
  const campaign = version.definition;
  const { budget } = campaign;
  if (budget === null) {
    // The definition changed between the request and now: nothing limits it any more.
    const [first] = candidate.channels;
    const free = {
      channel: first?.channel ?? null,
      costMicros: first?.maxCostMicros ?? 0,
      slotAt: candidate.earliestAt,
    };
    context.emit(verdicts, { ...ids, outcome: 'reserved', ...free, reason: null, facts: {} });
    return;
  }
  const policy = definitions.policy(tenantId, requestedAt);
  const dearest = Math.max(...campaign.channels.map((channel) => channelOf(policy, channel).costMicros));
  const { reserved, channels } = ledgerOf(context);
  const { zone } = zoneOrUtc(campaign.timezone);
  const so = { reserved, channels, reservedOn: (day: string) => reservedOn(day, context) };
  const slot = findSlot(candidate, budget, so, { zone, dearestMicros: dearest });
  const { movedBy, movers, holiday } = slot;
  const moved = {
    ...(movedBy === null ? {} : { movedBy }),
    ...(movers.length < 2 ? {} : { movers: movers.join(', ') }),
    ...(holiday === null ? {} : { holiday }),
  };
  const facts = { reservedMicros: reserved, ...limitsOf(budget), ...moved };
  if (slot.outcome === 'refused') {
    refuse(candidate, slot.reason, facts, context);
    return;
  }
  const { channel, costMicros, slotAt } = slot;
  const day = localDate(slotAt, zone);
  // Every day is kept: candidates of users who waited may come long after those of later days.
  book({ channel, day }, { reserved: costMicros, messages: 1 }, context);
  context.set(reservation, { ...FRESH, costMicros, channel, day, slotAt }, id);
  context.setTimer(timers.forget, Math.max(slotAt, candidate.expiresAt) + KEPT_FOR, id);
  context.emit(verdicts, { ...ids, outcome: 'reserved', channel, costMicros, slotAt, reason: null, facts });
}

/** Refuses, and remembers it for whoever asks again. */
function refuse(candidate: Candidate, reason: Reason, facts: BudgetVerdict['facts'], context: Context): void {
  const id = reservationId(candidate);
  const { requestId, hop, tenantId, campaignId, userId, requestedAt } = candidate;
  const ids = { requestId, hop, tenantId, campaignId, userId, requestedAt };
  const nothing = { costMicros: 0, channel: '', day: '', slotAt: requestedAt, released: true };
  context.set(reservation, { ...FRESH, ...nothing, refusedReason: reason }, id);
  context.setTimer(timers.forget, requestedAt + REFUSAL_KEPT_FOR, id);
  context.emit(verdicts, {
    ...ids,
    outcome: 'refused',
    channel: null,
    costMicros: null,
    slotAt: null,
    reason,
    facts,
  });
}

const FRESH = { released: false, corrected: false, spent: false, overrunMicros: 0, refusedReason: null };

/** The verdict that a reservation was made or refused by. */
function answerOf(
  held: Reservation,
): Pick<BudgetVerdict, 'outcome' | 'channel' | 'costMicros' | 'slotAt' | 'reason' | 'facts'> {
  const { refusedReason: reason, channel, costMicros, slotAt } = held;
  return reason === null
    ? { outcome: 'reserved', channel, costMicros, slotAt, reason, facts: {} }
    : { outcome: 'refused', channel: null, costMicros: null, slotAt: null, reason, facts: {} };
}

/** What was reserved is free again, and what was spent was not spent after all. */
function release(candidate: Candidate, context: Context): void {
  const id = reservationId(candidate);
  const held = context.get(reservation, id);
  if (held === undefined || held.released) return;
  context.set(reservation, { ...held, released: true }, id);
  const { costMicros, overrunMicros, spent } = held;
  const unspent = spent ? { spent: -(costMicros + overrunMicros), spentMessages: -1 } : {};
  book(held, { reserved: -costMicros, messages: -1, overrun: -overrunMicros, ...unspent }, context);
}

/** The message was sent: what is reserved for it is spent. */
function spend(candidate: Candidate, context: Context): void {
  const id = reservationId(candidate);
  const held = context.get(reservation, id);
  if (held === undefined || held.released || held.spent) return;
  context.set(reservation, { ...held, spent: true }, id);
  book(held, { spent: held.costMicros + held.overrunMicros, spentMessages: 1 }, context);
}

/** The actual cost: a lower one frees the difference, a higher one is an overrun that no limit can undo. */
function correct(candidate: Candidate, context: Context): void {
  const id = reservationId(candidate);
  const held = context.get(reservation, id);
  const actual = candidate.costMicros;
  if (held === undefined || held.released || held.corrected || actual === null || actual < 0) return;
  const change = actual - held.costMicros;
  const overrunMicros = Math.max(0, change);
  const reserved = Math.min(0, change);
  context.set(reservation, { ...held, costMicros: held.costMicros + reserved, overrunMicros, corrected: true }, id);
  book(held, { reserved, overrun: overrunMicros, ...(held.spent ? { spent: change } : {}) }, context);
}

function limitsOf({ totalMicros, dailyMicros }: Budget): Record<string, number> {
  return {
    ...(totalMicros === null ? {} : { totalMicros }),
    ...(dailyMicros === null ? {} : { dailyMicros }),
  };
}
