import { describe, expect, test } from 'vitest';
import { consentLedger, metrics, profile } from '../schemas/cells.ts';
import type { ConsentEntry } from '../schemas/state-types.ts';
import { at, World } from './testing/world.ts';

const KEY = 'default/u';

test('the profile that came last counts, whatever its date', () => {
  const world = new World();
  world.profile({ locale: 'sw', updatedAt: at('10:00') });
  world.profile({ locale: 'en', updatedAt: at('09:00') });
  expect(world.driver.state(KEY, profile)?.locale).toBe('en');
});

describe('consents', () => {
  const entries = (world: World): readonly ConsentEntry[] => world.driver.state(KEY, consentLedger)?.entries ?? [];
  const sms = { channel: 'sms' };

  test('are kept for each purpose and channel on its own', () => {
    const world = new World();
    world.consent(sms);
    world.consent({ purpose: 'news' });
    expect(entries(world).map((e) => [e.purpose, e.channel])).toEqual([
      ['marketing', null],
      ['marketing', 'sms'],
      ['news', null],
    ]);
  });

  test('hold the latest revocation, in whatever order they come', () => {
    const world = new World();
    for (const time of ['10:00', '12:00', '11:00']) world.consent({ ...sms, granted: false, changedAt: at(time) });
    const revoked = { revokedAt: at('12:00'), unsubscribed: false, grantedAt: [] };
    expect(entries(world).at(-1)).toEqual({ purpose: 'marketing', ...sms, ...revoked });
  });

  test('hold the grants after it in order, and none at or before it', () => {
    const world = new World();
    for (const time of ['13:00', '12:00', '10:00', '11:00']) world.consent({ ...sms, changedAt: at(time) });
    expect(entries(world).at(-1)?.grantedAt).toEqual(['10:00', '11:00', '12:00', '13:00'].map((time) => at(time)));
    world.consent({ ...sms, granted: false, changedAt: at('11:00') });
    expect(entries(world).at(-1)?.grantedAt).toEqual([at('12:00'), at('13:00')]);
    world.consent({ ...sms, changedAt: at('10:30') });
    expect(entries(world).at(-1)?.grantedAt).toEqual([at('12:00'), at('13:00')]);
  });

  test('hold the latest of two revocations that a version without those of receipts made alike', () => {
    const world = new World();
    const alike = (time: string) => ({
      purpose: 'all',
      ...sms,
      revokedAt: at(time),
      unsubscribed: false,
      grantedAt: [],
    });
    world.driver.seed(KEY, consentLedger, { entries: [alike('10:00'), alike('12:00')] });
    world.consent({ purpose: 'all', ...sms, changedAt: at('11:00') });
    expect(entries(world)).toEqual([alike('12:00')]);
  });

  test('hold the first and the last 63 grants', () => {
    const world = new World();
    for (let minute = 0; minute < 80; minute++) world.consent({ ...sms, changedAt: at('09:00') + minute * 60_000 });
    const grants = entries(world).at(-1)?.grantedAt ?? [];
    expect([grants.length, grants[0], grants[1], grants.at(-1)]).toEqual([64, at('09:00'), at('09:17'), at('10:19')]);
  });
});

describe('metrics', () => {
  test('count every event that is no duplicate, late ones too', () => {
    const world = new World();
    world.event(at('09:00'), { eventId: 'e' });
    world.event(at('09:00'), { eventId: 'e' });
    world.event(at('12:00'), { type: 'buy' });
    world.event(at('08:00'));
    expect(world.driver.state(KEY, metrics)).toEqual({
      events: 3,
      // The session of 09:00 is closed.
      sessions: 1,
      firstSeenAt: at('08:00'),
      lastSeenAt: at('12:00'),
      types: ['view', 'buy'],
      counts: [2, 1],
    });
  });

  test('count sessions when they close', () => {
    const world = new World();
    world.event(at('09:00'));
    expect(world.driver.state(KEY, metrics)?.sessions).toBe(0);
    world.driver.advance('1h');
    expect(world.driver.state(KEY, metrics)?.sessions).toBe(1);
  });

  test('are nothing for a user who did nothing', () => {
    expect(new World().driver.state(KEY, metrics)).toBeUndefined();
  });
});
