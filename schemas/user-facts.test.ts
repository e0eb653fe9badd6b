import { describe, expect, it } from 'vitest';
import type { UserMetrics } from './state-types.ts';
import type { UserProfile } from './types.ts';
import { attributeOf, metricOf } from './user-facts.ts';

const DAY = 86_400_000;
const profile: UserProfile = {
  tenantId: 'default',
  userId: 'u',
  timezone: 'Africa/Nairobi',
  locale: 'sw-KE',
  contacts: {},
  channelPreferences: [],
  customerType: null,
  device: 'android',
  notificationFrequency: null,
  attributes: { country: 'KE', locale: 'own', empty: null, age: 0 },
  groups: [],
  updatedAt: 0,
};
const metrics: UserMetrics = {
  events: 5,
  sessions: 2,
  firstSeenAt: DAY,
  lastSeenAt: 3 * DAY,
  types: ['view', 'buy'],
  counts: [4, 1],
};

/** Names that every JavaScript object has, and no user. */
const INHERITED = ['constructor', 'toString', 'hasOwnProperty', '__proto__', 'valueOf'];

describe('attributes', () => {
  it('are those of the profile, then its own fields', () => {
    const names = ['country', 'locale', 'timezone', 'device', 'customerType', 'age', 'empty', 'none'];
    expect(names.map((name) => attributeOf(profile, name))).toEqual([
      'KE',
      'own',
      'Africa/Nairobi',
      'android',
      null,
      0,
      null,
      null,
    ]);
  });

  it('are null for a user without a profile and for names that only objects have', () => {
    expect(attributeOf(undefined, 'country')).toBeNull();
    expect(INHERITED.map((name) => attributeOf(profile, name))).toEqual(INHERITED.map(() => null));
  });
});

describe('metrics', () => {
  it('count events, sessions, events of a type and whole days', () => {
    const at = 3 * DAY + DAY - 1;
    const names = [
      'events',
      'sessions',
      'events.view',
      'events.none',
      'daysSinceFirstSeen',
      'daysSinceLastSeen',
      'none',
    ];
    expect(names.map((name) => metricOf(metrics, name, at))).toEqual([5, 2, 4, 0, 2, 0, null]);
    expect(metricOf(metrics, 'daysSinceLastSeen', at + 1)).toBe(1);
  });

  it('are null for a user without events', () => {
    expect(metricOf(undefined, 'events', 0)).toBeNull();
  });

  it('count no event of a type whose name only objects have', () => {
    expect(INHERITED.map((name) => metricOf(metrics, `events.${name}`, 0))).toEqual(INHERITED.map(() => 0));
  });
});
