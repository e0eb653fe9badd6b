import { describe, expect, test } from 'vitest';
import { caseOf } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { audience } from './audience.ts';

const kenya = { audience: { attribute: 'country', eq: 'KE' } };

describe('the audience gate', () => {
  test('is for outside requests alone: a trigger asks for its audience itself', () => {
    expect(audience.applies?.(caseOf({ request: { source: 'trigger', cause: 'event:x' } }))).toBe(false);
    for (const source of ['api', 'batch', 'program'] as const)
      expect(audience.applies?.(caseOf({ request: { source } }))).toBe(true);
  });

  test('passes everybody where the campaign names none', () => {
    expect(audience.judge(caseOf())).toEqual({ verdict: 'pass', facts: {} });
  });

  test('blocks who is not in it, and says what is missing', () => {
    expect(audience.judge(caseOf({ campaign: kenya, profile: { attributes: { country: 'KE' } } })).verdict).toBe(
      'pass',
    );
    const { verdict, facts } = audience.judge(caseOf({ campaign: kenya, profile: { attributes: { country: 'TZ' } } }));
    expect(verdict).toBe('block');
    expect(facts.why).toContain('country');
    expect(audience.judge(caseOf({ campaign: kenya, profile: null })).verdict).toBe('block');
  });

  test('asks metrics at the time of the request', () => {
    const campaign = { audience: { metric: 'daysSinceLastSeen', gte: 2 } };
    const metrics = {
      events: 1,
      sessions: 0,
      firstSeenAt: at('09:00'),
      lastSeenAt: at('09:00'),
      types: ['view'],
      counts: [1],
    };
    const judged = (now: number): string => audience.judge(caseOf({ campaign, metrics, now })).verdict;
    expect([judged(at('08:59', 2)), judged(at('09:00', 2))]).toEqual(['block', 'pass']);
  });

  test('asks the data of the request as properties and facts, own names alone', () => {
    const asked = (leaf: object, data: Readonly<Record<string, string>>): string =>
      audience.judge(caseOf({ campaign: { audience: leaf }, request: { data } })).verdict;
    expect(asked({ property: 'plan', eq: 'gold' }, { plan: 'gold' })).toBe('pass');
    expect(asked({ fact: 'plan', eq: 'gold' }, { plan: 'gold' })).toBe('pass');
    expect(asked({ property: 'plan', eq: 'gold' }, {})).toBe('block');
    expect(asked({ property: 'constructor', exists: true }, {})).toBe('block');
  });
});
