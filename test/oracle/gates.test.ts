import { describe, expect, it } from 'vitest';
import { at, MINUTE, profile, T0 } from './build.ts';
import { DAY, HOUR } from './common.ts';
import { holds, type Scope } from './conditions.ts';
import { breaks, type Sent } from './gates.ts';
import type { Condition, Leaf } from './model.ts';
import { zoneOf } from './zones.ts';

const utc = zoneOf('UTC');

describe('a cap', () => {
  const sent = (sentAt: number, rest: Partial<Sent> = {}): Sent => ({
    ...{ campaignId: 'c', dedupeKey: undefined, channel: 'sms', class: 'marketing', sentAt, failed: false },
    ...rest,
  });
  const rule = { max: 2, windowMs: HOUR };

  it('looks at every window that contains the send, those of later sends too', () => {
    const past = [sent(at(9)), sent(at(10))];
    expect(breaks(rule, past, 'marketing', at(9, 30), utc)).toBe(false);
    expect(breaks(rule, [...past, sent(at(10, 10))], 'marketing', at(9, 30), utc)).toBe(true);
    expect(breaks(rule, [...past, sent(at(10, 30))], 'marketing', at(9, 30), utc)).toBe(false);
    // Too many in a window that this send is no part of is not its fault.
    const crowd = [0, 1, 2].map((minute) => sent(at(12, minute)));
    expect(breaks(rule, crowd, 'marketing', at(9), utc)).toBe(false);
  });

  it('of a class or a channel counts that alone and binds the class alone', () => {
    const news = { ...rule, class: 'news' };
    const two = [sent(at(9), { class: 'news' }), sent(at(9, 1), { class: 'news' })];
    expect(breaks(news, two, 'news', at(9, 2), utc)).toBe(true);
    expect(breaks(news, two, 'marketing', at(9, 2), utc)).toBe(false);
    expect(breaks(news, [sent(at(9)), sent(at(9))], 'news', at(9, 2), utc)).toBe(false);
    const sms = { ...rule, channel: 'sms' };
    expect(breaks(sms, [sent(at(9)), sent(at(9), { channel: 'email' })], 'marketing', at(9, 2), utc)).toBe(false);
    expect(breaks(sms, [sent(at(9)), sent(at(9))], 'marketing', at(9, 2), utc)).toBe(true);
  });
});

describe('a condition', () => {
  const scope: Scope = {
    properties: { price: 10, name: 'tea', none: null },
    facts: { silentMs: 5 },
    profile: profile({ attributes: { country: 'KE' } }),
    metrics: {
      ...{ events: 3, sessions: 1, firstSeenAt: T0, lastSeenAt: T0 + DAY - MINUTE },
      eventTypes: new Map([['view', 3]]),
    },
    now: T0 + 2 * DAY - MINUTE - 1,
  };
  const price = (rest: Partial<Leaf>): boolean => holds({ property: 'price', ...rest }, scope);

  it('compares to the last unit', () => {
    expect([price({ gt: 9 }), price({ gt: 10 }), price({ gte: 10 }), price({ gte: 11 })]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([price({ lt: 11 }), price({ lt: 10 }), price({ lte: 10 }), price({ lte: 9 })]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([price({ eq: 10 }), price({ eq: '10' }), price({ ne: 10 }), price({ ne: 9 })]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([price({ in: [9, 10] }), price({ in: [9] })]).toEqual([true, false]);
  });

  it('finds nothing equal to, or comparable with, a field that is missing or null', () => {
    for (const property of ['none', 'missing', 'toString']) {
      const leaf = (rest: Partial<Leaf>): boolean => holds({ property, ...rest }, scope);
      expect([leaf({ eq: null }), leaf({ in: [null] }), leaf({ lt: 1 }), leaf({ exists: true })]).not.toContain(true);
      expect([leaf({ ne: 1 }), leaf({ exists: false })]).toEqual([true, true]);
    }
    expect(price({ exists: true })).toBe(true);
    expect(holds({ property: 'name', gt: 1 }, scope)).toBe(false);
    expect(price({ gt: '1' })).toBe(false);
  });

  it('reads facts, attributes and metrics', () => {
    const leaves: Leaf[] = [
      { fact: 'silentMs', eq: 5 },
      { attribute: 'country', eq: 'KE' },
      { metric: 'events', eq: 3 },
      { metric: 'sessions', eq: 1 },
      { metric: 'events.view', eq: 3 },
      { metric: 'events.buy', eq: 0 },
      { metric: 'daysSinceFirstSeen', eq: 1 },
      { metric: 'daysSinceLastSeen', eq: 0 },
    ];
    for (const leaf of leaves) expect({ leaf, holds: holds(leaf, scope) }).toEqual({ leaf, holds: true });
    const nobody = { ...scope, profile: undefined, metrics: { ...scope.metrics, events: 0 } };
    expect(holds({ attribute: 'country', exists: true }, nobody)).toBe(false);
    expect(holds({ metric: 'daysSinceLastSeen', exists: true }, nobody)).toBe(false);
    expect(holds({ metric: 'events', eq: 0 }, nobody)).toBe(false);
    expect(() => holds({ metric: 'purchases', eq: 1 }, scope)).toThrow('no metric "purchases"');
  });

  it('nests by all, any and not', () => {
    const [yes, no]: [Condition, Condition] = [
      { property: 'price', eq: 10 },
      { property: 'price', eq: 11 },
    ];
    const of = (condition: Condition): boolean => holds(condition, scope);
    expect([of({ all: [yes, yes] }), of({ all: [yes, no] }), of({ all: [] })]).toEqual([true, false, true]);
    expect([of({ any: [no, yes] }), of({ any: [no, no] }), of({ any: [] })]).toEqual([true, false, false]);
    expect([of({ not: no }), of({ not: yes }), of({ not: { all: [yes, no] } })]).toEqual([true, false, true]);
    expect(holds(undefined, scope)).toBe(true);
  });
});
