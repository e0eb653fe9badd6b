import { describe, expect, it } from 'vitest';
import { type Campaign, parseCampaign } from '../../schemas/campaign.ts';
import { DAY_MS } from '../../schemas/durations.ts';
import type { BudgetDay, BudgetLedger } from '../../schemas/state-types.ts';
import type { CampaignResults } from '../../sinks/clickhouse/campaign-results.ts';
import { type StatusInput, statusOf } from './compute.ts';
import { campaignStatus } from './model.ts';

const USD = 1_000_000;
const FROM = Date.UTC(2026, 2, 1);
const span = { from: '2026-03-01', to: '2026-03-11' };

function campaign(over: object): Campaign {
  const least = { id: 'c', trigger: { api: true }, channels: ['sms', 'email'], content: { text: 'hi' } };
  const parsed = parseCampaign({ ...least, ...over });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

interface Situation extends Partial<Pick<StatusInput, 'now' | 'outcomes' | 'dearestMicros'>> {
  readonly budget?: object | undefined;
  readonly file?: object;
  readonly ledger?: Partial<BudgetLedger>;
  readonly days?: Readonly<Record<string, Partial<BudgetDay>>>;
}

/** By default: 100 USD from 1 to 11 March 2026, half-way through; nothing spent. */
function status({ budget = { total: 100, ...span }, file = {}, ledger, days = {}, ...rest }: Situation) {
  const none = { reserved: 0, overrun: 0, channels: {}, days: {}, spent: 0 };
  const nothing: BudgetLedger = { ...none, spentChannels: {}, messages: 0, spentMessages: 0 };
  const told = statusOf({
    ...{ tenantId: 'default', campaign: campaign({ budget, ...file }), version: 3, now: FROM + 5 * DAY_MS },
    ...{ dearestMicros: 7500, outcomes: null },
    ledger: ledger === undefined ? undefined : { ...nothing, ...ledger },
    dayOf: (day) =>
      days[day] === undefined ? undefined : { reserved: 0, spent: 0, messages: 0, spentMessages: 0, ...days[day] },
    ...rest,
  });
  expect(campaignStatus.parse(told)).toEqual(told);
  return told;
}

const spendOf = (situation: Situation) => status(situation).spend;
const spent = (micros: number): Situation => ({ ledger: { reserved: micros, spent: micros } });

describe('spend', () => {
  it('is told in all, of today in the campaign zone, and by channel', () => {
    const told = status({
      budget: { total: 100, daily: 20, perChannel: { sms: 60 }, ...span },
      file: { timezone: 'Africa/Nairobi' },
      // Two hours into the sixth of March of Nairobi.
      now: FROM + 5 * DAY_MS - 3_600_000,
      ledger: {
        ...{ reserved: 50 * USD, spent: 41 * USD, overrun: USD, messages: 500, spentMessages: 400 },
        ...{ channels: { sms: 45 * USD, email: 5 * USD }, spentChannels: { sms: 41 * USD } },
      },
      days: { '2026-03-06': { reserved: 12 * USD, spent: 3 * USD, messages: 120, spentMessages: 30 } },
    });
    expect(told).toMatchObject({ campaignId: 'c', version: 3, at: '2026-03-05T23:00:00.000Z', status: 'active' });
    expect(told.budget).toMatchObject({ pacing: 'even', from: '2026-02-28T21:00:00.000Z', timezone: 'Africa/Nairobi' });
    expect(told.spend).toMatchObject({
      ...{ reservedMicros: 50 * USD, spentMicros: 41 * USD, remainingMicros: 50 * USD, overrunMicros: USD },
      ...{ messagesReserved: 500, messagesSent: 400 },
      today: {
        ...{ day: '2026-03-06', reservedMicros: 12 * USD, spentMicros: 3 * USD, remainingMicros: 8 * USD },
        ...{ messagesReserved: 120, messagesSent: 30 },
      },
      channels: {
        sms: { reservedMicros: 45 * USD, spentMicros: 41 * USD, limitMicros: 60 * USD, remainingMicros: 15 * USD },
        email: { reservedMicros: 5 * USD, spentMicros: 0, limitMicros: null, remainingMicros: null },
      },
    });
  });

  it('of a campaign that has not reserved anything is nothing; of one without a budget it is not told', () => {
    expect(spendOf({})).toMatchObject({ reservedMicros: 0, spentMicros: 0, remainingMicros: 100 * USD, paceRatio: 0 });
    expect(status({ file: { budget: undefined } })).toMatchObject({ budget: null, spend: null });
  });
});

describe('the ideal', () => {
  it('is what the curve has come to by now', () => {
    const ideal = (days: number, pacing?: object): number | null | undefined =>
      spendOf({ budget: { total: 100, ...span, ...pacing }, now: FROM + days * DAY_MS })?.idealMicros;
    expect([-1, 0, 5, 10, 20].map((days) => ideal(days))).toEqual([0, 0, 50 * USD, 100 * USD, 100 * USD]);
    const pacing = [
      { at: '2026-03-03', share: '40%' },
      { at: '2026-03-07', share: '80%' },
    ];
    expect([0, 1, 2, 4, 6, 9].map((days) => ideal(days, { pacing }))).toEqual(
      [0, 20, 40, 60, 80, 80].map((usd) => usd * USD),
    );
    expect(ideal(5, { pacing: 'asap' })).toBeNull();
  });

  it('with what is spent makes the recommendation, within 10 % or the burst nothing is to be done', () => {
    const of = (usd: number, days = 5): unknown => {
      const told = spendOf({ ...spent(Math.round(usd * USD)), now: FROM + days * DAY_MS });
      return [told?.paceRatio, told?.recommendation];
    };
    expect(of(45)).toEqual([0.9, 'maintain']);
    expect(of(44.999999)).toEqual([0.89999998, 'increase']);
    expect(of(55)).toEqual([1.1, 'maintain']);
    expect(of(55.000001)).toEqual([1.10000002, 'reduce']);
    // At the beginning 1 % of the total is the burst.
    expect(of(1, 0)).toEqual([null, 'maintain']);
    expect(of(1.000001, 0)).toEqual([null, 'reduce']);
    expect(of(0, 0.1)).toEqual([0, 'maintain']);
  });

  it('gives no recommendation once the budget is over', () => {
    const at = (now: number) => status({ now, ledger: { spent: 20 * USD, reserved: 20 * USD } }).spend?.recommendation;
    const end = FROM + 10 * DAY_MS;
    expect([at(end - 1), at(end)]).toEqual(['increase', null]);
  });

  it('is not there where spending is asap: then there is no ratio and no recommendation', () => {
    const told = spendOf({ ...spent(USD), budget: { total: 100, pacing: 'asap' } });
    expect(told).toMatchObject({
      idealMicros: null,
      paceRatio: null,
      recommendation: null,
      suggestedDailyMicros: null,
    });
  });
});

describe('the suggested daily limit', () => {
  const suggested = (usd: number, days: number, over: object = {}): number | null | undefined =>
    spendOf({ ...spent(usd * USD), budget: { total: 100, ...span, ...over }, now: FROM + days * DAY_MS })
      ?.suggestedDailyMicros;

  it('is what is not spent over the days that are left', () => {
    expect(suggested(0, -4)).toBe(10 * USD);
    expect(suggested(20, 5)).toBe(16 * USD);
    expect(suggested(40, 8.5)).toBe(40 * USD);
    expect(suggested(100, 5)).toBe(0);
  });

  it('is all that is left on the last day, and none after the end or where there is none', () => {
    expect(suggested(40, 9.5)).toBe(60 * USD);
    expect(suggested(40, 10)).toBeNull();
    expect(suggested(40, 5, { to: undefined })).toBeNull();
  });
});

describe('the end of the budget', () => {
  const of = (days: Readonly<Record<string, number>>, total = 40, over: object = {}) =>
    spendOf({
      ...spent(total * USD),
      budget: { total: 100, ...span, ...over },
      days: Object.fromEntries(Object.entries(days).map(([day, usd]) => [day, { spent: usd * USD }])),
    })?.exhaustedAt;

  it('is foreseen from the spend of the last seven days, from the first that has any', () => {
    // 20 in the five days since the first of March: 60 take fifteen.
    expect(of({ '2026-03-01': 12, '2026-03-04': 8 })).toBe('2026-03-21T00:00:00.000Z');
    // Three days.
    expect(of({ '2026-03-03': 20 })).toBe('2026-03-15T00:00:00.000Z');
    // A week ago is too long.
    expect(of({ '2026-02-27': 1000, '2026-03-03': 20 })).toBe('2026-03-15T00:00:00.000Z');
  });

  it('is now where nothing is left, and unknown without spend, without a total, or in the next century', () => {
    expect(of({ '2026-03-05': 20 }, 100)).toBe('2026-03-06T00:00:00.000Z');
    expect(of({})).toBeNull();
    expect(of({ '2026-03-05': 20 }, 40, { total: undefined })).toBeNull();
    expect(of({ '2026-03-05': 0.000001 })).toBeNull();
  });
});

describe('results', () => {
  const outcomes: CampaignResults = {
    ...{ messages: 400, costMicros: 40 * USD, conversions: 25, value: 120, convertedUsers: 20 },
    ...{ users: 200, holdoutUsers: 50, holdoutConvertedUsers: 2, holdoutConversions: 3 },
  };
  const conversion = { event: 'buy', within: '7d', value: 'amount' };
  const sent = { reserved: 50 * USD, spent: 40 * USD, spentMessages: 400 };

  it('are the cost of a message and of a conversion, the return, and the lift over the holdout', () => {
    expect(status({ file: { conversion }, ledger: sent, outcomes }).results).toEqual({
      ...{ costPerMessageMicros: 100_000, conversions: 25, costPerConversionMicros: 1_600_000, value: 120, roi: 2 },
      ...{ conversionRate: 0.1, holdoutUsers: 50, holdoutConversions: 3, holdoutRate: 0.04 },
      lift: expect.closeTo(0.06, 10),
    });
  });

  it('are null where they are not known: without counts, without a conversion, without a value, without spend', () => {
    expect(status({ file: { conversion }, ledger: sent }).results).toMatchObject({
      ...{ costPerMessageMicros: 100_000, conversions: null, value: null, roi: null, lift: null },
    });
    expect(status({ ledger: sent, outcomes }).results).toMatchObject({ conversions: null, value: null, roi: null });
    const worthless = { event: 'buy', within: '7d' };
    expect(status({ file: { conversion: worthless }, ledger: sent, outcomes }).results).toMatchObject({
      ...{ conversions: 25, value: null, roi: null },
    });
    const free = { ...outcomes, conversions: 0, value: null, holdoutUsers: 0 };
    expect(status({ file: { conversion }, outcomes: free }).results).toMatchObject({
      ...{
        costPerMessageMicros: null,
        costPerConversionMicros: null,
        value: 0,
        roi: null,
        holdoutRate: null,
        lift: null,
      },
    });
  });

  it('of a campaign without a budget take the cost that was counted at sending', () => {
    const told = status({ file: { conversion, budget: undefined }, outcomes });
    expect(told.results).toMatchObject({ costPerMessageMicros: 100_000, roi: 2 });
  });
});
