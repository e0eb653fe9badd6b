import { describe, expect, test } from 'vitest';
import type { Budget } from '../../schemas/campaign/budget.ts';
import { parseDuration } from '../../schemas/durations.ts';
import { zoneOrUtc } from '../../schemas/local-time.ts';
import type { Candidate } from '../../schemas/types.ts';
import { at } from '../testing/world.ts';
import { findSlot, type Reserved, type Slot } from './slot.ts';

const DAY = parseDuration('1d');
/** Micro-units of one USD. */
const USD = 1_000_000;

/** Micro-units reserved, by local day. */
type Days = Readonly<Record<string, number>>;

interface Situation {
  readonly budget?: Partial<Budget>;
  readonly ledger?: Partial<Pick<Reserved, 'reserved' | 'channels'>> & { readonly days?: Days };
  readonly candidate?: Partial<Candidate>;
  readonly zone?: string;
  readonly dearestMicros?: number;
}

/** A candidate of 09:00 that costs 0.50 on sms or 0.10 on email, without any limit, unless the situation says otherwise. */
function slotOf({ budget, ledger, candidate, zone, dearestMicros = USD / 2 }: Situation): Slot {
  const unlimited: Budget = {
    currency: 'USD',
    totalMicros: null,
    dailyMicros: null,
    perChannelMicros: {},
    pacing: 'asap',
    curve: [],
    fromAt: null,
    toAt: null,
  };
  const asked: Candidate = {
    kind: 'reserve',
    requestId: 'c|r',
    hop: 0,
    tenantId: 'default',
    campaignId: 'c',
    userId: 'u',
    requestedAt: at('09:00'),
    channels: [
      { channel: 'sms', maxCostMicros: USD / 2 },
      { channel: 'email', maxCostMicros: USD / 10 },
    ],
    earliestAt: at('09:00'),
    expiresAt: at('09:00', 2),
    sendingWindow: { quietHours: null, timezone: 'UTC', holidays: [] },
    costMicros: null,
    ...candidate,
  };
  const { days = {}, ...sums } = ledger ?? {};
  const reserved: Reserved = { reserved: 0, channels: {}, ...sums, reservedOn: (day) => days[day] ?? 0 };
  const options = { zone: zoneOrUtc(zone).zone, dearestMicros };
  return findSlot(asked, { ...unlimited, ...budget }, reserved, options);
}

const refused = (reason: string, movedBy: string | null = null, movers = movedBy === null ? [] : [movedBy]) => ({
  outcome: 'refused',
  reason,
  movedBy,
  movers,
  holiday: null,
});
const reservedAt = (slotAt: number, movedBy: string | null = null, movers = movedBy === null ? [] : [movedBy]) => ({
  outcome: 'reserved',
  slotAt,
  movedBy,
  movers,
  holiday: null,
});

describe('1. the window of the budget', () => {
  test('lets a candidate within it have its earliest moment', () => {
    const slot = { ...reservedAt(at('09:00')), channel: 'sms', costMicros: USD / 2 };
    expect(slotOf({ budget: { fromAt: at('09:00'), toAt: at('09:00:00.001') } })).toEqual(slot);
  });

  test('moves an early one to its beginning', () => {
    expect(slotOf({ budget: { fromAt: at('12:00') } })).toMatchObject(reservedAt(at('12:00'), 'budget-window'));
  });

  test('refuses at its end and after', () => {
    expect(slotOf({ budget: { toAt: at('09:00') } })).toEqual(refused('budget-window'));
    expect(slotOf({ budget: { fromAt: at('00:00', 3) } })).toEqual(refused('budget-window', 'budget-window'));
  });
});

describe('2. the channel', () => {
  test('is the first of the list that the total can pay, to the last micro-unit', () => {
    const slot = (reserved: number) => slotOf({ budget: { totalMicros: 10 * USD }, ledger: { reserved } });
    expect(slot(9.5 * USD)).toMatchObject({ channel: 'sms', costMicros: USD / 2 });
    expect(slot(9.5 * USD + 1)).toMatchObject({ channel: 'email', costMicros: USD / 10 });
    expect(slot(9.9 * USD)).toMatchObject({ channel: 'email' });
    expect(slot(9.9 * USD + 1)).toEqual(refused('budget-total'));
  });

  test('keeps its own limit; where the total fits but no channel does, that is the reason', () => {
    const perChannelMicros = { sms: USD, email: USD };
    const slot = (sms: number, email: number, totalMicros: number | null = null) =>
      slotOf({
        budget: { perChannelMicros, totalMicros },
        ledger: { reserved: sms + email, channels: { sms, email } },
      });
    expect(slot(USD / 2, 0)).toMatchObject({ channel: 'sms' });
    expect(slot(USD / 2 + 1, 0)).toMatchObject({ channel: 'email' });
    expect(slot(USD, USD)).toEqual(refused('budget-channel'));
    expect(slot(USD, USD, 2 * USD)).toEqual(refused('budget-total'));
    expect(slotOf({ budget: { perChannelMicros: { email: 0 } } })).toMatchObject({ channel: 'sms' });
  });

  test('is refused for the channel when the total could pay only one whose own limit is used up', () => {
    const budget = { totalMicros: USD, perChannelMicros: { email: USD / 10 } };
    const ledger = { reserved: USD * 0.9, channels: { email: USD / 10 } };
    expect(slotOf({ budget, ledger })).toEqual(refused('budget-channel'));
  });
});

describe('3. even pacing', () => {
  /** 100 USD over ten days: 10 USD a day, and a burst of 1 USD. */
  const budget = { totalMicros: 100 * USD, pacing: 'even', fromAt: at('00:00'), toAt: at('00:00', 10) } as const;
  const candidate = { earliestAt: at('00:00'), expiresAt: at('00:00', 20) };
  const slot = (reserved: number, rest: Situation = {}) => slotOf({ budget, candidate, ledger: { reserved }, ...rest });

  test('has the burst of 1 % at once', () => {
    expect(slot(USD / 2)).toMatchObject(reservedAt(at('00:00')));
    expect(slot(USD / 2 + 1)).toMatchObject({ outcome: 'reserved', movedBy: 'budget-pace' });
  });

  test('has at least one message on the dearest channel as its burst', () => {
    expect(slot(1.5 * USD, { dearestMicros: 2 * USD })).toMatchObject(reservedAt(at('00:00')));
    expect(slot(1.5 * USD + 1, { dearestMicros: 2 * USD })).toMatchObject({ movedBy: 'budget-pace' });
  });

  test('gives the first millisecond at which the curve and the burst hold what is reserved', () => {
    expect(slot(10.5 * USD)).toMatchObject(reservedAt(at('00:00', 1), 'budget-pace'));
    // One micro-unit more is 8.64 ms.
    expect(slot(10.5 * USD + 1)).toMatchObject(reservedAt(at('00:00', 1) + 9, 'budget-pace'));
    expect(slot(50.5 * USD)).toMatchObject(reservedAt(at('00:00', 5), 'budget-pace'));
  });

  test('moves nothing that comes when the curve is there already', () => {
    const late = { ...candidate, earliestAt: at('00:00', 1) };
    expect(slot(10.5 * USD, { candidate: late })).toMatchObject(reservedAt(at('00:00', 1)));
  });

  test('is exact where money times milliseconds passes 2^53', () => {
    const totalMicros = 9_000_000_000_000_000;
    const burst = totalMicros / 100;
    const ahead = (micros: number) =>
      slot(burst + micros, {
        budget: { ...budget, totalMicros },
        candidate: { ...candidate, channels: [{ channel: 'push', maxCostMicros: 0 }] },
      });
    expect(ahead(0)).toMatchObject(reservedAt(at('00:00')));
    expect(ahead(1)).toMatchObject(reservedAt(at('00:00') + 1, 'budget-pace'));
    expect(ahead(4_500_000_000_000_000)).toMatchObject(reservedAt(at('00:00', 5), 'budget-pace'));
    expect(ahead(4_500_000_000_000_001)).toMatchObject(reservedAt(at('00:00', 5) + 1, 'budget-pace'));
  });

  test('has nothing to give of a total of 0, and lets free messages pass', () => {
    const none = { ...budget, totalMicros: 0 };
    const free = { ...candidate, channels: [{ channel: 'push', maxCostMicros: 0 }] };
    expect(slot(0, { budget: none })).toEqual(refused('budget-total'));
    expect(slot(0, { budget: none, candidate: free, dearestMicros: 0 })).toMatchObject(reservedAt(at('00:00')));
  });

  test('has no curve when asap', () => {
    expect(slot(99.5 * USD, { budget: { ...budget, pacing: 'asap' } })).toMatchObject(reservedAt(at('00:00')));
  });
});

describe('3. a curve of points', () => {
  /** 100 USD; 40 % by the second day, nothing more until the fourth, all by the tenth. */
  const curve = [
    { at: at('00:00', 2), share: 0.4 },
    { at: at('00:00', 4), share: 0.4 },
    { at: at('00:00', 10), share: 1 },
  ];
  const budget = {
    totalMicros: 100 * USD,
    pacing: 'curve',
    curve,
    fromAt: at('00:00'),
    toAt: at('00:00', 12),
  } as const;
  const candidate = { earliestAt: at('00:00'), expiresAt: at('00:00', 20) };
  /** The slot of a message for which the curve must have come to so many micro-units. */
  const slot = (ahead: number, over: Partial<Budget> = {}) =>
    slotOf({ budget: { ...budget, ...over }, candidate, ledger: { reserved: ahead + USD / 2 } });

  test('rises from nothing at the beginning of the budget to its first point', () => {
    expect(slot(0)).toMatchObject(reservedAt(at('00:00')));
    expect(slot(20 * USD)).toMatchObject(reservedAt(at('00:00', 1), 'budget-pace'));
    // 40 USD in two days: a micro-unit is 4.32 ms.
    expect(slot(20 * USD + 1)).toMatchObject(reservedAt(at('00:00', 1) + 5, 'budget-pace'));
  });

  test('is a straight line between points, and level where their shares are equal', () => {
    expect(slot(40 * USD)).toMatchObject(reservedAt(at('00:00', 2), 'budget-pace'));
    // 60 USD in six days: a micro-unit is 8.64 ms.
    expect(slot(40 * USD + 1)).toMatchObject(reservedAt(at('00:00', 4) + 9, 'budget-pace'));
    expect(slot(70 * USD)).toMatchObject(reservedAt(at('00:00', 7), 'budget-pace'));
  });

  test('has all of a first point at the beginning at once', () => {
    const over = { curve: [{ at: at('00:00'), share: 0.25 }, ...curve] };
    expect(slot(25 * USD, over)).toMatchObject(reservedAt(at('00:00')));
    expect(slot(25 * USD + 1, over)).toMatchObject({ movedBy: 'budget-pace' });
  });

  test('stays level after its last point: what it never comes to is refused for its pace', () => {
    const over = { curve: curve.slice(0, 2), toAt: null };
    expect(slot(40 * USD, over)).toMatchObject(reservedAt(at('00:00', 2), 'budget-pace'));
    expect(slot(40 * USD + 1, over)).toEqual(refused('budget-pace', 'budget-pace'));
    expect(slot(40 * USD + 1, { curve: curve.slice(0, 2) })).toEqual(refused('budget-pace', 'budget-pace'));
  });
});

describe('4. the day and the quiet hours', () => {
  test('goes to the start of the next day with room, day by day', () => {
    const budget = { dailyMicros: USD };
    const of = (days: Days, zone = 'UTC') => slotOf({ budget, ledger: { days }, zone });
    expect(of({ '2026-03-02': USD / 2 })).toMatchObject(reservedAt(at('09:00')));
    expect(of({ '2026-03-02': USD / 2 + 1 })).toMatchObject(reservedAt(at('00:00', 1), 'budget-daily'));
    expect(of({ '2026-03-02': USD, '2026-03-03': USD })).toMatchObject(reservedAt(at('00:00', 2), 'budget-daily'));
    // The day of Nairobi ends at 21:00 UTC.
    expect(of({ '2026-03-02': USD }, 'Africa/Nairobi')).toMatchObject(reservedAt(at('21:00'), 'budget-daily'));
  });

  test('leaves quiet hours at their end, in the zone of the user', () => {
    const candidate = { sendingWindow: { quietHours: '21:00-13:00', timezone: 'Africa/Nairobi', holidays: [] } };
    expect(slotOf({ candidate })).toMatchObject(reservedAt(at('10:00'), 'quiet-hours'));
  });

  test('asks the day again after quiet hours, and quiet hours after the day', () => {
    const candidate = {
      earliestAt: at('22:00'),
      sendingWindow: { quietHours: '21:00-08:00', timezone: 'UTC', holidays: [] },
    };
    const of = (days: Days) => slotOf({ candidate, budget: { dailyMicros: USD }, ledger: { days } });
    expect(of({})).toMatchObject(reservedAt(at('08:00', 1), 'quiet-hours'));
    expect(of({ '2026-03-02': USD })).toMatchObject(
      reservedAt(at('08:00', 1), 'quiet-hours', ['budget-daily', 'quiet-hours']),
    );
    expect(of({ '2026-03-03': USD })).toEqual({
      ...reservedAt(at('08:00', 2), 'quiet-hours', ['quiet-hours', 'budget-daily']),
      channel: 'sms',
      costMicros: USD / 2,
    });
  });
});

describe('4. holidays', () => {
  const on = (holidays: string[], timezone = 'UTC', quietHours: string | null = null) => ({
    sendingWindow: { quietHours, timezone, holidays },
  });

  test('move the slot to the start of the next day of the user that is none', () => {
    const slot = slotOf({ candidate: on(['2026-03-02', '2026-03-03']) });
    expect(slot).toMatchObject({ ...reservedAt(at('00:00', 2), 'quiet-hours'), holiday: '2026-03-03' });
    // In Nairobi 09:00 UTC is noon of the same day, which ends at 21:00 UTC.
    const nairobi = slotOf({ candidate: on(['2026-03-02'], 'Africa/Nairobi') });
    expect(nairobi).toMatchObject({ ...reservedAt(at('21:00'), 'quiet-hours'), holiday: '2026-03-02' });
    expect(slotOf({ candidate: on(['2026-03-01', '2026-03-03']) })).toMatchObject(reservedAt(at('09:00')));
  });

  test('are asked together with quiet hours and the day of the budget until all agree', () => {
    const candidate = on(['2026-03-02', '2026-03-04'], 'UTC', '23:00-08:00');
    const slot = (days: Days) => slotOf({ candidate, budget: { dailyMicros: USD }, ledger: { days } });
    expect(slot({})).toMatchObject({ ...reservedAt(at('08:00', 1), 'quiet-hours'), holiday: '2026-03-02' });
    const late = { ...candidate, expiresAt: at('09:00', 9) };
    expect(
      slotOf({ candidate: late, budget: { dailyMicros: USD }, ledger: { days: { '2026-03-03': USD } } }),
    ).toMatchObject({
      ...reservedAt(at('08:00', 3), 'quiet-hours', ['quiet-hours', 'budget-daily']),
      holiday: '2026-03-04',
    });
  });

  test('that last beyond the expiry are the reason, with the day among what is told', () => {
    const candidate = on(['2026-03-02', '2026-03-03', '2026-03-04']);
    expect(slotOf({ candidate })).toEqual({ ...refused('quiet-hours', 'quiet-hours'), holiday: '2026-03-04' });
  });
});

describe('5. the end', () => {
  test('is in time exactly at the expiry', () => {
    const candidate = { expiresAt: at('12:00') };
    expect(slotOf({ candidate, budget: { fromAt: at('12:00') } })).toMatchObject(
      reservedAt(at('12:00'), 'budget-window'),
    );
    expect(slotOf({ candidate, budget: { fromAt: at('12:00:00.001') } })).toEqual(
      refused('budget-window', 'budget-window'),
    );
  });

  test('refuses what would come after the expiry with what moved it last', () => {
    const even = { totalMicros: 100 * USD, pacing: 'even', fromAt: at('00:00'), toAt: at('00:00', 10) } as const;
    expect(slotOf({ budget: even, ledger: { reserved: 60 * USD } })).toEqual(refused('budget-pace', 'budget-pace'));
    const days = { '2026-03-02': USD, '2026-03-03': USD, '2026-03-04': USD };
    expect(slotOf({ budget: { dailyMicros: USD }, ledger: { days } })).toEqual(refused('budget-daily', 'budget-daily'));
    const candidate = {
      expiresAt: at('11:00'),
      sendingWindow: { quietHours: '08:00-12:00', timezone: 'UTC', holidays: [] },
    };
    expect(slotOf({ candidate })).toEqual(refused('quiet-hours', 'quiet-hours'));
  });

  test('stops for ever where a day never has room for one message', () => {
    expect(slotOf({ budget: { dailyMicros: 1 } })).toEqual(refused('budget-daily', 'budget-daily'));
  });

  test('refuses what would come at or after the end of the budget with its window', () => {
    const days = { '2026-03-02': USD };
    const of = (toAt: number) => slotOf({ budget: { dailyMicros: USD, toAt }, ledger: { days } });
    expect(of(at('00:00', 1))).toEqual(refused('budget-window', 'budget-daily'));
    expect(of(at('00:00', 1) + 1)).toMatchObject(reservedAt(at('00:00', 1), 'budget-daily'));
  });

  test('names what moved it last where expiry and end of the budget have both passed', () => {
    const candidate = { expiresAt: at('20:00') };
    const budget = { dailyMicros: USD, toAt: at('22:00') };
    expect(slotOf({ candidate, budget, ledger: { days: { '2026-03-02': USD } } })).toEqual(
      refused('budget-daily', 'budget-daily'),
    );
  });

  test('never lets the slots up to an instant cost more than the curve and the burst', () => {
    const fromAt = at('00:00');
    const budget = { totalMicros: 20 * USD, pacing: 'even', fromAt, toAt: fromAt + 10 * DAY } as const;
    let reserved = 0;
    for (;;) {
      const slot = slotOf({
        budget,
        ledger: { reserved },
        candidate: { earliestAt: fromAt, expiresAt: fromAt + 20 * DAY },
      });
      if (slot.outcome === 'refused') break;
      reserved += slot.costMicros;
      // Burst: one sms of 0.50, which is more than 1 % of 20.
      expect(reserved).toBeLessThanOrEqual((20 * USD * (slot.slotAt - fromAt)) / (10 * DAY) + USD / 2);
    }
    expect(reserved).toBe(20 * USD);
  });
});
