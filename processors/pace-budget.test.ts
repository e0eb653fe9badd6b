import { describe, expect, test } from 'vitest';
import { TestDriver } from '../runtime/testing/driver.ts';
import { codecOf } from '../schemas/avro.ts';
import { budgetDay, budgetLedger, reservation } from '../schemas/cells.ts';
import type { BudgetLedger } from '../schemas/state-types.ts';
import { candidates, verdicts } from '../schemas/topics.ts';
import type { Candidate } from '../schemas/types.ts';
import { pace } from '../topologies/pace.ts';
import { at, type CampaignFile, World } from './testing/world.ts';

const KEY = 'default/c';

/** The ledger's schema before what was spent was kept. */
const FORMER_LEDGER = JSON.stringify({
  type: 'record',
  name: 'BudgetLedger',
  namespace: 'beckon',
  fields: [
    { name: 'reserved', type: 'long' },
    { name: 'overrun', type: 'long' },
    { name: 'channels', type: { type: 'map', values: 'long' } },
    { name: 'days', type: { type: 'map', values: 'long' } },
  ],
});

function start(file: Partial<CampaignFile> = {}): { readonly driver: TestDriver; readonly world: World } {
  const world = new World({ campaigns: [{ id: 'c', budget: { total: '10' }, ...file }] });
  return { world, driver: new TestDriver({ topologies: [pace(world.definitions)] }) };
}

/** Asks for one sms of 0.50. */
function candidate(rest: Partial<Candidate> = {}): Candidate {
  return {
    kind: 'reserve',
    requestId: 'r',
    hop: 0,
    tenantId: 'default',
    campaignId: 'c',
    userId: 'u',
    requestedAt: at('09:00'),
    channels: [{ channel: 'sms', maxCostMicros: 500_000 }],
    earliestAt: at('09:00'),
    expiresAt: at('09:00', 2),
    sendingWindow: { quietHours: null, timezone: 'UTC', holidays: [] },
    costMicros: null,
    ...rest,
  };
}

const release = (rest: Partial<Candidate> = {}): Candidate => candidate({ kind: 'release', channels: [], ...rest });
const correct = (costMicros: number): Candidate => candidate({ kind: 'correct', channels: [], costMicros });
const spent: Candidate = candidate({ kind: 'spent', channels: [] });

/** What is kept of one day: reserved, spent, messages reserved and sent. */
function dayOf(driver: TestDriver, day = '2026-03-02'): readonly number[] | undefined {
  const so = driver.state(KEY, budgetDay, day);
  return so && [so.reserved, so.spent, so.messages, so.spentMessages];
}

/** What is kept of sms messages that are all of one day. */
function ledger(driver: TestDriver): object {
  const kept = driver.state(KEY, budgetLedger);
  if (kept === undefined) return {};
  const { reserved, messages, channels, spentChannels, days, ...sums } = kept;
  expect(channels).toEqual({ sms: reserved });
  expect(spentChannels.sms ?? 0).toBe(sums.spent);
  expect(days).toEqual({});
  expect(dayOf(driver)).toEqual([reserved, sums.spent, messages, sums.spentMessages]);
  return { reserved, messages, ...sums };
}
const sums = (reserved: number, messages: number, rest: object = {}) => ({
  ...{ reserved, messages, overrun: 0, spent: 0, spentMessages: 0 },
  ...rest,
});

describe('a reserve', () => {
  test('is answered with a slot, and counted in all, by channel and by local day of the slot', () => {
    const { driver } = start({ timezone: 'Africa/Nairobi' });
    driver.pipe(candidates, candidate({ earliestAt: at('21:00') }));
    expect(driver.read(verdicts)).toMatchObject([
      {
        requestId: 'r',
        hop: 0,
        requestedAt: at('09:00'),
        outcome: 'reserved',
        channel: 'sms',
        costMicros: 500_000,
        slotAt: at('21:00'),
        reason: null,
        facts: { reservedMicros: 0, totalMicros: 10_000_000 },
      },
    ]);
    expect(driver.state(KEY, budgetLedger)).toMatchObject({
      reserved: 500_000,
      channels: { sms: 500_000 },
      messages: 1,
    });
    expect([dayOf(driver), dayOf(driver, '2026-03-03')]).toEqual([undefined, [500_000, 0, 1, 0]]);
  });

  test('is refused with its reason, and counts nothing', () => {
    const { driver } = start({ budget: { total: '0.4' } });
    driver.pipe(candidates, candidate());
    const none = { channel: null, costMicros: null, slotAt: null };
    expect(driver.read(verdicts)).toMatchObject([{ outcome: 'refused', reason: 'budget-total', ...none }]);
    expect(driver.state(KEY, budgetLedger)).toBeUndefined();
  });

  test('that repeats is answered as before and not counted again, unless it was given back', () => {
    const { driver } = start({ budget: { total: '0.5' } });
    driver.pipe(candidates, candidate(), candidate({ requestId: 'second' }));
    expect(driver.read(verdicts).map((v) => v.outcome)).toEqual(['reserved', 'refused']);
    driver.pipe(candidates, candidate(), candidate({ requestId: 'second' }));
    expect(driver.read(verdicts).map((v) => [v.requestId, v.outcome, v.reason])).toEqual([
      ['r', 'reserved', null],
      ['second', 'refused', 'budget-total'],
    ]);
    expect(driver.state(KEY, budgetLedger)?.reserved).toBe(500_000);
    driver.pipe(candidates, release(), candidate());
    expect(driver.read(verdicts).map((v) => v.outcome)).toEqual(['reserved']);
    expect(driver.state(KEY, budgetLedger)?.reserved).toBe(500_000);
  });

  test('of another hop is one of its own', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), candidate({ hop: 1 }));
    expect(driver.read(verdicts).map((v) => [v.hop, v.outcome])).toEqual([
      [0, 'reserved'],
      [1, 'reserved'],
    ]);
    expect(driver.state(KEY, budgetLedger)?.reserved).toBe(1_000_000);
  });

  test('has no limit where the campaign no longer has a budget', () => {
    const { driver, world } = start();
    world.define({ id: 'c' }, 2, at('09:00'));
    driver.pipe(candidates, candidate({ earliestAt: at('10:00') }));
    const verdict = { outcome: 'reserved', channel: 'sms', costMicros: 500_000, slotAt: at('10:00') };
    expect(driver.read(verdicts)).toMatchObject([verdict]);
  });

  test('takes the definition in force at its time, however late it comes', () => {
    const { driver, world } = start({ budget: { total: '10' } });
    world.define({ id: 'c', budget: { total: '0.1' } }, 2, at('12:00'));
    const after = candidate({ requestId: 'new', requestedAt: at('12:00') });
    driver.pipe(candidates, after, candidate({ requestedAt: at('11:59') }));
    expect(driver.read(verdicts).map((v) => v.outcome)).toEqual(['refused', 'reserved']);
  });

  test('has a burst of at least one message on the dearest channel of the campaign', () => {
    const even = { total: '0.1', pacing: 'even', from: '2026-03-02', to: '2026-03-12' };
    // sms costs 7500 micro-units at most: 1 % of 0.1 is 1000.
    const { driver } = start({ budget: even });
    const asked = { earliestAt: at('00:00'), expiresAt: at('00:00', 20) };
    const sms = { ...asked, channels: [{ channel: 'sms', maxCostMicros: 7500 }] };
    driver.pipe(candidates, candidate(sms), candidate({ ...sms, requestId: 'second' }));
    // 7500 of 100000 in ten days: 18 hours.
    expect(driver.read(verdicts).map((v) => v.slotAt)).toEqual([at('00:00'), at('18:00')]);
  });
});

describe('a campaign of which pace', () => {
  test('knows nothing has no budget to spend, whatever was asked', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate({ campaignId: 'unknown' }));
    expect(driver.read(verdicts)).toMatchObject([{ outcome: 'refused', reason: 'campaign-inactive', channel: null }]);
  });

  test('knows no version as old as the request keeps the budget of the oldest', () => {
    const world = new World();
    world.define({ id: 'c', budget: { total: '0.5' } }, 2, at('09:00', 1));
    const driver = new TestDriver({ topologies: [pace(world.definitions)] });
    driver.pipe(candidates, candidate(), candidate({ requestId: 'second' }));
    expect(driver.read(verdicts).map((v) => v.reason)).toEqual([null, 'budget-total']);
  });
});

describe('a release', () => {
  test('gives the cost back, once', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), candidate({ requestId: 'second' }), release(), release());
    expect(ledger(driver)).toEqual(sums(500_000, 1));
    expect(driver.state(KEY, reservation, 'r#0')).toMatchObject({ released: true, costMicros: 500_000 });
  });

  test('of what was never reserved, or was refused, gives nothing', () => {
    const { driver } = start({ budget: { total: '0.5' } });
    driver.pipe(candidates, candidate(), candidate({ requestId: 'refused' }));
    driver.pipe(candidates, release({ requestId: 'refused' }), release({ requestId: 'unknown' }), release({ hop: 1 }));
    expect(ledger(driver)).toEqual(sums(500_000, 1));
  });

  test('lets the next candidate have the room', () => {
    const { driver } = start({ budget: { total: '0.5' } });
    driver.pipe(candidates, candidate(), release(), candidate({ requestId: 'second' }));
    expect(driver.read(verdicts).map((v) => v.outcome)).toEqual(['reserved', 'reserved']);
  });
});

describe('a correction', () => {
  test('downwards frees the difference, once', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), correct(300_000), correct(300_000));
    expect(ledger(driver)).toEqual(sums(300_000, 1));
    driver.pipe(candidates, release());
    expect(ledger(driver)).toEqual(sums(0, 0));
  });

  test('upwards is an overrun, counted once, that no limit undoes', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), correct(600_000), correct(600_000));
    expect(ledger(driver)).toEqual(sums(500_000, 1, { overrun: 100_000 }));
  });

  test('of any size leaves sums that can be kept', () => {
    const { driver } = start();
    const most = 2 ** 52;
    for (const requestId of ['r1', 'r2', 'r3']) {
      const same = { requestId, channels: [{ channel: 'sms', maxCostMicros: 1 }] };
      driver.pipe(candidates, candidate(same), { ...correct(most), requestId }, { ...spent, requestId });
    }
    const kept = { ledger: driver.state(KEY, budgetLedger), day: driver.state(KEY, budgetDay, '2026-03-02') };
    expect(kept).toMatchObject({ ledger: { reserved: 3, spentMessages: 3 }, day: { reserved: 3 } });
    expect(() => budgetLedger.codec.encode(kept.ledger as NonNullable<typeof kept.ledger>)).not.toThrow();
    expect(() => budgetDay.codec.encode(kept.day as NonNullable<typeof kept.day>)).not.toThrow();
  });

  test('is the first that comes: a second, with whatever cost, changes nothing', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), correct(300_000), correct(200_000), correct(900_000));
    expect(ledger(driver)).toEqual(sums(300_000, 1));
  });

  test('of what was released or never reserved changes nothing', () => {
    const { driver } = start();
    driver.pipe(candidates, correct(1), candidate(), release(), correct(1), correct(900_000));
    expect(ledger(driver)).toEqual(sums(0, 0));
  });

  test('upwards is taken back with the message', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), correct(600_000), release());
    expect(ledger(driver)).toEqual(sums(0, 0));
  });
});

describe('what is spent', () => {
  test('is what was reserved for the message, counted once, in all, by channel and by day', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), candidate({ requestId: 'second' }), spent, spent);
    expect(ledger(driver)).toEqual(sums(1_000_000, 2, { spent: 500_000, spentMessages: 1 }));
  });

  test('is the actual cost where it is told, before or after, below or above what was reserved', () => {
    const told = (...records: Candidate[]) => {
      const { driver } = start();
      driver.pipe(candidates, candidate(), ...records);
      return ledger(driver);
    };
    const less = sums(300_000, 1, { spent: 300_000, spentMessages: 1 });
    expect(told(spent, correct(300_000))).toEqual(less);
    expect(told(correct(300_000), spent)).toEqual(less);
    const more = sums(500_000, 1, { spent: 600_000, spentMessages: 1, overrun: 100_000 });
    expect(told(spent, correct(600_000))).toEqual(more);
    expect(told(correct(600_000), spent)).toEqual(more);
  });

  test('is nothing of a message that was given back, before or after', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), spent, correct(600_000), release(), spent);
    expect(ledger(driver)).toEqual(sums(0, 0));
    driver.pipe(candidates, candidate(), spent);
    expect(ledger(driver)).toEqual(sums(500_000, 1, { spent: 500_000, spentMessages: 1 }));
  });

  test('of what was refused or never reserved is nothing', () => {
    const { driver } = start({ budget: { total: '0.5' } });
    const others = ['refused', 'unknown'].map((requestId) => candidate({ kind: 'spent', requestId }));
    driver.pipe(candidates, candidate(), candidate({ requestId: 'refused' }), ...others);
    expect(ledger(driver)).toEqual(sums(500_000, 1));
  });
});

test('a slot that leaves a holiday says which', () => {
  const { driver } = start();
  driver.pipe(
    candidates,
    candidate({ sendingWindow: { quietHours: null, timezone: 'UTC', holidays: ['2026-03-02'] } }),
  );
  const facts = { movedBy: 'quiet-hours', holiday: '2026-03-02' };
  expect(driver.read(verdicts)).toMatchObject([{ slotAt: at('00:00', 1), facts }]);
});

test('days that a former version kept in the ledger move to rows of their own, and still count', () => {
  const { driver } = start({ budget: { total: '10', daily: '0.75' } });
  const former = codecOf<Pick<BudgetLedger, 'reserved' | 'overrun' | 'channels' | 'days'>>(FORMER_LEDGER);
  const bytes = former.encode({
    reserved: 500_000,
    overrun: 0,
    channels: { sms: 500_000 },
    days: { '2026-03-02': 500_000 },
  });
  driver.seed(KEY, budgetLedger, budgetLedger.codec.decodeFrom(FORMER_LEDGER, bytes));
  driver.pipe(candidates, candidate());
  expect(driver.read(verdicts)).toMatchObject([{ slotAt: at('00:00', 1), facts: { movedBy: 'budget-daily' } }]);
  expect(driver.state(KEY, budgetLedger)).toMatchObject({ reserved: 1_000_000, days: {} });
  expect([dayOf(driver), dayOf(driver, '2026-03-03')]).toEqual([
    [500_000, 0, 0, 0],
    [500_000, 0, 1, 0],
  ]);
});

describe('what is remembered', () => {
  test('a reservation can be released for 400 days after its message expired, then it is forgotten', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate());
    const last = at('09:00', 2) + 400 * 86_400_000;
    driver.advance(last);
    expect(driver.state(KEY, reservation, 'r#0')).toBeDefined();
    driver.advance(last + 1);
    expect(driver.state(KEY, reservation, 'r#0')).toBeUndefined();
    expect(driver.state(KEY, budgetLedger)?.reserved).toBe(500_000);
  });

  test('every day stays in the ledger: a user who waited may come long after those of later days', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate());
    const later = { requestedAt: at('09:00', 15), earliestAt: at('09:00', 15), expiresAt: at('09:00', 17) };
    driver.pipe(candidates, candidate({ requestId: 'later', ...later }));
    expect([dayOf(driver), dayOf(driver, '2026-03-17')]).toEqual([
      [500_000, 0, 1, 0],
      [500_000, 0, 1, 0],
    ]);
  });
});
