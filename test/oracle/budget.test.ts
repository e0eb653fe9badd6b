import { describe, expect, it } from 'vitest';
import { type Ask, curveReaches, emptyLedger, release, reserve } from './budget.ts';
import { at, T0 } from './build.ts';
import { DAY, HOUR } from './common.ts';
import type { Budget, Ledger } from './model.ts';

const SMS = { channel: 'sms', cost: 10 };
const EMAIL = { channel: 'email', cost: 1 };
const ask = (rest: Partial<Ask> = {}): Ask => ({
  ...{ channels: [SMS, EMAIL], dearest: 10, earliestAt: at(9), expiresAt: at(9) + 2 * DAY },
  ...{ quietHours: null, userZone: null, campaignZone: 'UTC' },
  ...rest,
});
/** The slots or reasons of the same ask, one after the other; a slot as its instant. */
const several = (budget: Budget, asks: readonly Ask[], ledger: Ledger = emptyLedger()): (number | string)[] =>
  asks.map((one) => {
    const slot = reserve(budget, ledger, one);
    return slot.reserved ? slot.slotAt : slot.reason;
  });
const asap = (rest: Partial<Budget> = {}): Budget => ({ pacing: 'asap', ...rest });

describe('the window', () => {
  it('begins with `from` and ends before `to`', () => {
    expect(several(asap({ from: at(10) }), [ask()])).toEqual([at(10)]);
    expect(several(asap({ to: at(9) + 1 }), [ask()])).toEqual([at(9)]);
    expect(several(asap({ to: at(9) }), [ask()])).toEqual(['budget-window']);
  });

  it('is the reason when it begins after the message’s end', () => {
    expect(several(asap({ from: at(10) }), [ask({ expiresAt: at(10) })])).toEqual([at(10)]);
    expect(several(asap({ from: at(10) }), [ask({ expiresAt: at(10) - 1 })])).toEqual(['budget-window']);
  });
});

describe('the window and the total', () => {
  it('are asked in this order', () => {
    expect(several(asap({ to: at(9), total: 0 }), [ask()])).toEqual(['budget-window']);
  });

  it('are asked before the message’s own end', () => {
    expect(several(asap({ from: at(10), total: 0 }), [ask({ expiresAt: at(10) - 1 })])).toEqual(['budget-total']);
  });
});

describe('the channel', () => {
  it('is the first that total and its own limit have room for', () => {
    const ledger = emptyLedger();
    const budget = asap({ total: 30, perChannel: { sms: 15 } });
    expect(reserve(budget, ledger, ask())).toMatchObject({ channel: 'sms', cost: 10 });
    expect(reserve(budget, ledger, ask())).toMatchObject({ channel: 'email', cost: 1 });
    expect(ledger).toEqual({
      reserved: 11,
      days: new Map([['2026-03-02', 11]]),
      channels: new Map([
        ['sms', 10],
        ['email', 1],
      ]),
    });
  });

  it('is budget-total when none fits the total to the last micro-unit', () => {
    const onlySms = ask({ channels: [SMS] });
    expect(several(asap({ total: 20 }), [onlySms, onlySms, onlySms])).toEqual([at(9), at(9), 'budget-total']);
    expect(several(asap({ total: 19 }), [onlySms, onlySms])).toEqual([at(9), 'budget-total']);
  });

  it('is budget-channel when one fits the total but none its own limit', () => {
    const budget = asap({ total: 5, perChannel: { email: 0 } });
    expect(several(budget, [ask()])).toEqual(['budget-channel']);
  });
});

describe('the curve', () => {
  // 1,000 over 1,000 hours: one an hour, with a burst of 10 (1 % and the dearest message alike).
  const even: Budget = { pacing: 'even', total: 1000, from: at(9), to: at(9) + 1000 * HOUR };

  it('lets the burst through and then one message for each that the time has earned', () => {
    expect(several(even, [ask(), ask(), ask()])).toEqual([at(9), at(19), at(29)]);
  });

  it('has a burst of 1 % of the total where that is more than one message', () => {
    const large: Budget = { pacing: 'even', total: 2099, from: at(9), to: at(9) + 2099 * HOUR };
    expect(several(large, [ask(), ask(), ask()])).toEqual([at(9), at(9), at(19)]);
  });

  it('rounds up to the next millisecond', () => {
    const thirds: Budget = { pacing: 'even', total: 3, from: 0, to: 10 };
    expect([1, 2, 3, 4].map((amount) => curveReaches(thirds, amount, 1))).toEqual([Number.NEGATIVE_INFINITY, 4, 7, 10]);
  });

  it('stays exact where money times milliseconds passes 2^53', () => {
    const large: Budget = { pacing: 'even', total: 9_007_199_254_740_991, from: 0, to: 365 * DAY };
    expect(curveReaches(large, 9_007_199_254_740_991, 90_071_992_547_409)).toBe(31_220_640_001);
  });

  it('is budget-pace when it reaches the message after its end', () => {
    const until = (expiresAt: number) => several(even, [ask({ expiresAt }), ask({ expiresAt })]);
    expect(until(at(19) - 1)).toEqual([at(9), 'budget-pace']);
    expect(until(at(19))).toEqual([at(9), at(19)]);
  });

  it('earns again what was released', () => {
    const ledger = emptyLedger();
    several(even, [ask()], ledger);
    release(ledger, { ...SMS, slotAt: at(9) }, 'UTC');
    expect(several(even, [ask()], ledger)).toEqual([at(9)]);
    expect(ledger.reserved).toBe(10);
  });
});

describe('the day', () => {
  const daily = asap({ daily: 10 });

  it('passes what it has no room for to the next in the campaign’s zone', () => {
    const asks = [ask(), ask(), ask({ campaignZone: 'UTC' })];
    expect(several(daily, asks)).toEqual([at(9), at(24), at(48)]);
    const nairobi = ask({ campaignZone: 'Africa/Nairobi' });
    expect(several(daily, [nairobi, nairobi])).toEqual([at(9), at(21)]);
  });

  it('is budget-daily when the next is after the message’s end, budget-window when it is after the budget’s', () => {
    const soon = ask({ expiresAt: at(23) });
    expect(several(daily, [soon, soon])).toEqual([at(9), 'budget-daily']);
    expect(several({ ...daily, to: T0 + DAY }, [ask(), ask()])).toEqual([at(9), 'budget-window']);
  });

  it('gives way to quiet hours, after which the day is asked again', () => {
    const quiet = ask({ quietHours: '22:00-08:00', expiresAt: at(9) + 7 * DAY });
    expect(several(daily, [quiet, quiet, quiet])).toEqual([at(9), at(24 + 8), at(48 + 8)]);
    const ledger = emptyLedger();
    ledger.days.set('2026-03-03', 1);
    // At 23:00 this day has room, but its quiet hours end on the next, which has none.
    expect(several(daily, [{ ...quiet, earliestAt: at(23) }], ledger)).toEqual([at(48 + 8)]);
  });

  it('is quiet-hours when these moved the slot last', () => {
    const quiet = ask({ quietHours: '22:00-08:00', expiresAt: at(24 + 7) });
    expect(several(daily, [quiet, quiet])).toEqual([at(9), 'quiet-hours']);
    // The budget ends at the midnight to which the day moved it, so quiet hours are not asked any more.
    expect(several({ ...daily, to: at(24) }, [quiet, quiet])).toEqual([at(9), 'budget-window']);
  });
});
