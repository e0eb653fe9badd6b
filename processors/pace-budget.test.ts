import { describe, expect, test } from 'vitest';
import { TestDriver } from '../runtime/testing/driver.ts';
import { budgetLedger, reservation } from '../schemas/cells.ts';
import { candidates, verdicts } from '../schemas/topics.ts';
import type { Candidate } from '../schemas/types.ts';
import { pace } from '../topologies/pace.ts';
import { at, type CampaignFile, World } from './testing/world.ts';

const KEY = 'default/c';

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
const ledgerOf = (reserved: number, overrun = 0) => ({
  reserved,
  overrun,
  channels: { sms: reserved },
  days: { '2026-03-02': reserved },
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
    expect(driver.state(KEY, budgetLedger)).toEqual({ ...ledgerOf(500_000), days: { '2026-03-03': 500_000 } });
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

describe('a release', () => {
  test('gives the cost back, once', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), candidate({ requestId: 'second' }), release(), release());
    expect(driver.state(KEY, budgetLedger)).toEqual(ledgerOf(500_000));
    expect(driver.state(KEY, reservation, 'r#0')).toMatchObject({ released: true, costMicros: 500_000 });
  });

  test('of what was never reserved, or was refused, gives nothing', () => {
    const { driver } = start({ budget: { total: '0.5' } });
    driver.pipe(candidates, candidate(), candidate({ requestId: 'refused' }));
    driver.pipe(candidates, release({ requestId: 'refused' }), release({ requestId: 'unknown' }), release({ hop: 1 }));
    expect(driver.state(KEY, budgetLedger)).toEqual(ledgerOf(500_000));
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
    expect(driver.state(KEY, budgetLedger)).toEqual(ledgerOf(300_000));
    driver.pipe(candidates, release());
    expect(driver.state(KEY, budgetLedger)).toEqual(ledgerOf(0));
  });

  test('upwards is an overrun, counted once, that no limit undoes', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), correct(600_000), correct(600_000));
    expect(driver.state(KEY, budgetLedger)).toEqual(ledgerOf(500_000, 100_000));
  });

  test('is the first that comes: a second, with whatever cost, changes nothing', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), correct(300_000), correct(200_000), correct(900_000));
    expect(driver.state(KEY, budgetLedger)).toEqual(ledgerOf(300_000));
  });

  test('of what was released or never reserved changes nothing', () => {
    const { driver } = start();
    driver.pipe(candidates, correct(1), candidate(), release(), correct(1), correct(900_000));
    expect(driver.state(KEY, budgetLedger)).toEqual(ledgerOf(0));
  });

  test('and a confirmation that it was spent leave the reservation in place', () => {
    const { driver } = start();
    driver.pipe(candidates, candidate(), candidate({ kind: 'spent' }));
    expect(driver.state(KEY, budgetLedger)).toEqual(ledgerOf(500_000));
  });
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
    expect(driver.state(KEY, budgetLedger)).toEqual({
      ...ledgerOf(1_000_000),
      days: { '2026-03-02': 500_000, '2026-03-17': 500_000 },
    });
  });
});
