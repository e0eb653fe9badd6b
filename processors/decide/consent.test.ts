import { describe, expect, test } from 'vitest';
import type { ConsentEntry } from '../../schemas/state-types.ts';
import { type CaseOptions, caseOf, granted, revoked } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { consent } from './consent.ts';

const one = at('01:00');
const two = at('02:00');

/** The channels of the campaign (sms, email) that have consent. */
function consented(consents: readonly ConsentEntry[], options: CaseOptions = {}): readonly string[] {
  const c = caseOf({ consented: [], ...options, consents });
  const { verdict } = consent.judge(c);
  expect(verdict).toBe(c.consented.length > 0 ? 'pass' : 'block');
  return c.consented;
}

describe('the consent gate', () => {
  test('blocks marketing without a grant', () => {
    const verdict = consent.judge(caseOf({ consents: [] }));
    const facts = { purpose: 'marketing', sms: 'never granted', email: 'never granted' };
    expect(verdict).toEqual({ verdict: 'block', reason: 'no-consent', facts });
  });

  test('passes with any channel, and keeps those alone', () => {
    expect(consented([granted('marketing', one)])).toEqual(['sms', 'email']);
    expect(consented([granted('marketing', one, 'email')])).toEqual(['email']);
    expect(consented([granted('marketing', one, 'push')])).toEqual([]);
  });

  test('lets the later of the general change and that of the channel win', () => {
    expect(consented([granted('marketing', one), revoked('marketing', two, 'sms')])).toEqual(['email']);
    expect(consented([granted('marketing', two), revoked('marketing', one, 'sms')])).toEqual(['sms', 'email']);
    expect(consented([revoked('marketing', one), granted('marketing', two, 'sms')])).toEqual(['sms']);
    expect(consented([revoked('marketing', two), granted('marketing', one, 'sms')])).toEqual([]);
  });

  test('lets a revocation win a tie, whichever of the two it is', () => {
    expect(consented([granted('marketing', one), revoked('marketing', one, 'sms')])).toEqual(['email']);
    expect(consented([revoked('marketing', one), granted('marketing', one, 'sms')])).toEqual([]);
  });

  test('counts the purpose `all` for every purpose, both ways', () => {
    expect(consented([granted('all', one)])).toEqual(['sms', 'email']);
    expect(consented([granted('marketing', one), revoked('all', two)])).toEqual([]);
    expect(consented([granted('all', one), revoked('marketing', two)])).toEqual([]);
    expect(consented([revoked('all', one), granted('marketing', two)])).toEqual(['sms', 'email']);
  });

  test("asks the campaign's own purpose, else its class", () => {
    const campaign = { purpose: 'news' };
    expect(consented([granted('marketing', one)], { campaign })).toEqual([]);
    expect(consented([granted('news', one)], { campaign })).toEqual(['sms', 'email']);
  });

  test('counts a grant from its date, and a revocation as soon as it is known', () => {
    const future = at('10:00');
    expect(consented([granted('marketing', future)])).toEqual([]);
    expect(consented([granted('marketing', future)], { now: future })).toEqual(['sms', 'email']);
    expect(consented([granted('marketing', one), revoked('marketing', future)])).toEqual([]);
  });

  test('sees the newest grant that has come, not one still to come', () => {
    const entry = {
      purpose: 'marketing',
      channel: null,
      revokedAt: null,
      unsubscribed: false,
      grantedAt: [two, at('10:00')],
    };
    expect(consented([entry, revoked('marketing', one, 'sms')])).toEqual(['sms', 'email']);
    expect(consented([entry, revoked('marketing', at('03:00'), 'sms')])).toEqual(['email']);
  });

  test('needs none for transactional messages, but heeds an opt-out of `transactional` or `all`', () => {
    const campaign = { class: 'transactional', purpose: 'receipts' };
    expect(consented([], { campaign })).toEqual(['sms', 'email']);
    expect(consented([revoked('marketing', one)], { campaign })).toEqual(['sms', 'email']);
    expect(consented([revoked('receipts', one)], { campaign })).toEqual(['sms', 'email']);
    expect(consented([revoked('transactional', one, 'sms')], { campaign })).toEqual(['email']);
    expect(consented([revoked('all', one)], { campaign })).toEqual([]);
    expect(consented([revoked('all', one), granted('transactional', two)], { campaign })).toEqual(['sms', 'email']);
  });
});
