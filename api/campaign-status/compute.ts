// The status of a campaign as a pure function of its ledger, its definition, what came of its messages, and the time.
import { burstOf, curveAt } from '../../processors/pace-budget/curve.ts';
import type { Budget } from '../../schemas/campaign/budget.ts';
import type { Campaign } from '../../schemas/campaign.ts';
import { DAY_MS } from '../../schemas/durations.ts';
import { localDate, startOfNextDay, type Zone, zoneOrUtc } from '../../schemas/local-time.ts';
import type { BudgetDay, BudgetLedger } from '../../schemas/state-types.ts';
import type { CampaignResults } from '../../sinks/clickhouse/campaign-results.ts';
import type { CampaignStatus, Recommendation, Results, Spend } from './model.ts';

/** Spend may be this far from the curve's, or the burst, whichever is more, before something is to be done about it. */
export const TOLERANCE = 0.1;
/** Local days, today's among them, whose spend is carried on to foresee when the total is used up. */
export const RECENT_DAYS = 7;
const LAST_MOMENT = Date.UTC(2100, 0, 1);

export interface StatusInput {
  readonly tenantId: string;
  readonly campaign: Campaign;
  readonly version: number;
  /** Epoch ms. */
  readonly now: number;
  /** Undefined: nothing was ever reserved. */
  readonly ledger: BudgetLedger | undefined;
  /** Of a local day, YYYY-MM-DD. */
  readonly dayOf: (day: string) => BudgetDay | undefined;
  /** The cost of one message on the dearest of the campaign's channels. */
  readonly dearestMicros: number;
  /** Null: nobody counts outcomes. */
  readonly outcomes: CampaignResults | null;
}

const NO_LEDGER: Pick<BudgetLedger, 'reserved' | 'spent' | 'overrun' | 'messages' | 'spentMessages'> = {
  ...{ reserved: 0, spent: 0, overrun: 0, messages: 0, spentMessages: 0 },
};
const NO_DAY: BudgetDay = { reserved: 0, spent: 0, messages: 0, spentMessages: 0 };

export function statusOf(input: StatusInput): CampaignStatus {
  const { tenantId, campaign, version, now, outcomes } = input;
  const { id, name, status, budget, conversion } = campaign;
  const spend = budget === null ? null : spendOf(input, budget);
  const spentMicros = spend?.spentMicros ?? outcomes?.costMicros ?? null;
  const messages = spend?.messagesSent ?? outcomes?.messages ?? null;
  return {
    ...{ tenantId, campaignId: id, name, status, version, at: iso(now) },
    budget:
      budget === null
        ? null
        : {
            ...{ currency: budget.currency, pacing: budget.pacing },
            ...{ totalMicros: budget.totalMicros, dailyMicros: budget.dailyMicros },
            ...{ from: isoOrNull(budget.fromAt), to: isoOrNull(budget.toAt), timezone: campaign.timezone },
          },
    spend,
    results: resultsOf(outcomes, {
      spentMicros,
      messages,
      counts: conversion !== null,
      worth: conversion?.value != null,
    }),
  };
}

function spendOf(input: StatusInput, budget: Budget): Spend {
  const { campaign, now, dayOf, dearestMicros } = input;
  const ledger = input.ledger ?? NO_LEDGER;
  const { zone } = zoneOrUtc(campaign.timezone);
  const day = localDate(now, zone);
  const today = dayOf(day) ?? NO_DAY;
  const { totalMicros: total, dailyMicros: daily } = budget;
  const ideal = curveAt(budget, now);
  const toSpend = total === null ? null : Math.max(0, total - ledger.spent);
  return {
    idealMicros: ideal,
    reservedMicros: ledger.reserved,
    spentMicros: ledger.spent,
    remainingMicros: total === null ? null : total - ledger.reserved,
    overrunMicros: ledger.overrun,
    messagesReserved: ledger.messages,
    messagesSent: ledger.spentMessages,
    today: {
      day,
      reservedMicros: today.reserved,
      spentMicros: today.spent,
      remainingMicros: daily === null ? null : Math.max(0, daily - today.reserved),
      messagesReserved: today.messages,
      messagesSent: today.spentMessages,
    },
    channels: channelsOf(input, budget),
    paceRatio: ideal === null || ideal === 0 ? null : ledger.spent / ideal,
    // After the end there is nothing to increase or reduce.
    recommendation:
      ideal === null || (budget.toAt !== null && now >= budget.toAt)
        ? null
        : recommended(ledger.spent, ideal, burstOf(budget, dearestMicros)),
    suggestedDailyMicros: suggestedDaily(toSpend, budget, now),
    exhaustedAt: exhaustedAt(toSpend, input, budget, zone),
  };
}

function channelsOf({ ledger, campaign }: StatusInput, { perChannelMicros }: Budget): Spend['channels'] {
  const ids = new Set([...campaign.channels, ...Object.keys(ledger?.channels ?? {})]);
  return Object.fromEntries(
    [...ids].map((id) => {
      const reservedMicros = ledger?.channels[id] ?? 0;
      const limitMicros = (Object.hasOwn(perChannelMicros, id) ? perChannelMicros[id] : undefined) ?? null;
      const remainingMicros = limitMicros === null ? null : Math.max(0, limitMicros - reservedMicros);
      return [id, { reservedMicros, spentMicros: ledger?.spentChannels[id] ?? 0, limitMicros, remainingMicros }];
    }),
  );
}

function recommended(spent: number, ideal: number, burst: number): Recommendation {
  const tolerated = Math.max(ideal * TOLERANCE, burst);
  if (spent < ideal - tolerated) return 'increase';
  return spent > ideal + tolerated ? 'reduce' : 'maintain';
}

/** What is left to spend, spread over the days that are left, the last part of a day in proportion; of less than a day, all. */
function suggestedDaily(toSpend: number | null, { fromAt, toAt }: Budget, now: number): number | null {
  if (toSpend === null || toAt === null || now >= toAt) return null;
  const left = toAt - Math.max(now, fromAt ?? now);
  if (left <= DAY_MS) return toSpend;
  // Money times milliseconds passes 2^53.
  return Number((BigInt(toSpend) * BigInt(DAY_MS)) / BigInt(left));
}

/** When the total is used up if spending goes on as on the recent days, from the first of them that has any. */
function exhaustedAt(toSpend: number | null, { now, dayOf }: StatusInput, budget: Budget, zone: Zone): string | null {
  if (toSpend === null) return null;
  let spent = 0;
  let since: number | undefined;
  for (const { day, start } of recentDays(now, zone)) {
    const so = dayOf(day)?.spent ?? 0;
    if (so > 0) since ??= start;
    spent += so;
  }
  if (since === undefined || spent <= 0) return null;
  if (toSpend === 0) return iso(now);
  const elapsed = Math.max(1, now - Math.max(since, budget.fromAt ?? since));
  const at = now + Number((BigInt(toSpend) * BigInt(elapsed)) / BigInt(spent));
  return at < LAST_MOMENT ? iso(at) : null;
}

/** The recent local days, oldest first, each with its first instant. */
function recentDays(now: number, zone: Zone): { readonly day: string; readonly start: number }[] {
  const days: { readonly day: string; readonly start: number }[] = [];
  // From earlier than needed, as days with a change of clocks are longer or shorter.
  let at = startOfNextDay(now - (RECENT_DAYS + 1) * DAY_MS, zone);
  for (; at <= now; at = startOfNextDay(at, zone)) days.push({ day: localDate(at, zone), start: at });
  return days.slice(-RECENT_DAYS);
}

interface Known {
  readonly spentMicros: number | null;
  readonly messages: number | null;
  /** The campaign says what a conversion is, and what holds its worth. */
  readonly counts: boolean;
  readonly worth: boolean;
}

function resultsOf(outcomes: CampaignResults | null, { spentMicros, messages, counts, worth }: Known): Results {
  const counted = counts ? outcomes : null;
  const value = worth ? (counted?.value ?? (counted === null ? null : 0)) : null;
  const rate = counted === null ? null : ratio(counted.convertedUsers, counted.users);
  const holdoutRate = counted === null ? null : ratio(counted.holdoutConvertedUsers, counted.holdoutUsers);
  return {
    costPerMessageMicros: rounded(ratio(spentMicros, messages)),
    conversions: counted?.conversions ?? null,
    costPerConversionMicros: rounded(ratio(spentMicros, counted?.conversions ?? null)),
    value,
    roi: value === null || spentMicros === null ? null : ratio(value * 1_000_000 - spentMicros, spentMicros),
    conversionRate: rate,
    holdoutUsers: counted?.holdoutUsers ?? null,
    holdoutConversions: counted?.holdoutConversions ?? null,
    holdoutRate,
    lift: rate === null || holdoutRate === null ? null : rate - holdoutRate,
  };
}

function ratio(part: number | null, whole: number | null): number | null {
  return part === null || whole === null || whole === 0 ? null : part / whole;
}

function rounded(micros: number | null): number | null {
  return micros === null ? null : Math.round(micros);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at);
}
