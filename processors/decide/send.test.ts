import { describe, expect, test } from 'vitest';
import { caseOf, revoked, sent } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { mayBeSent } from './send.ts';

describe('the send gate', () => {
  test('passes what is still right, with the counts of the caps', () => {
    const c = caseOf({ policy: { caps: [{ max: 2, window: '1d' }] }, sent: [sent(at('08:00'))] });
    expect(mayBeSent(c, 'active', 'sms')).toEqual({
      verdict: 'pass',
      facts: { at: '2026-03-02T09:00:00.000Z', '2 per 1d': 1 },
    });
  });

  test.each(['paused', 'ended', 'draft'] as const)('blocks when the campaign is %s by now', (status) => {
    expect(mayBeSent(caseOf(), status, 'sms')).toMatchObject({ reason: 'campaign-inactive', facts: { status } });
  });

  test('blocks when consent to the chosen channel was revoked', () => {
    const c = caseOf({ consents: [revoked('marketing', at('08:00'), 'sms')], campaign: { class: 'transactional' } });
    expect(mayBeSent(c, 'active', 'sms').verdict).toBe('pass');
    const optedOut = caseOf({ consents: [revoked('marketing', at('08:00'))] });
    expect(mayBeSent(optedOut, 'active', 'sms')).toMatchObject({
      reason: 'no-consent',
      facts: { sms: 'revoked 2026-03-02T08:00:00.000Z' },
    });
  });

  test('blocks when a cap over all channels, or one of the channel, is full', () => {
    const all = caseOf({ policy: { caps: [{ max: 1, window: '1d' }] }, sent: [sent(at('08:00'))] });
    expect(mayBeSent(all, 'active', 'email')).toMatchObject({ reason: 'frequency-cap', facts: { rule: '1 per 1d' } });
    const own = caseOf({ policy: { caps: [{ max: 1, window: '1d', channel: 'sms' }] }, sent: [sent(at('08:00'))] });
    expect(mayBeSent(own, 'active', 'sms')).toMatchObject({
      reason: 'frequency-cap',
      facts: { rule: '1 per 1d on sms' },
    });
    expect(mayBeSent(own, 'active', 'email').verdict).toBe('pass');
  });

  test('blocks when the address is gone', () => {
    const c = caseOf({ profile: { contacts: { email: 'u@example.org' } } });
    expect(mayBeSent(c, 'active', 'sms')).toMatchObject({ reason: 'no-channel', facts: { sms: 'no address' } });
  });

  test('blocks when the channel was switched off', () => {
    const c = caseOf({ policy: { channels: { sms: { enabled: false } } } });
    expect(mayBeSent(c, 'active', 'sms')).toMatchObject({ reason: 'no-channel', facts: { sms: 'disabled' } });
    expect(mayBeSent(c, 'active', 'email').verdict).toBe('pass');
  });

  test('does not look at quiet hours: the slot was found outside them', () => {
    expect(mayBeSent(caseOf({ policy: { quietHours: '08:00-12:00' } }), 'active', 'sms').verdict).toBe('pass');
  });
});
