import { describe, expect, it } from 'vitest';
import { reasons, reasonText } from '../../schemas/reasons.ts';
import type { DecisionStep } from '../../schemas/types.ts';
import { gateText, reasonWords } from './gates.ts';

const context = { currency: 'USD', requestedAt: (id: string) => (id === 'r1' ? 0 : undefined) };
const told = (gate: string, verdict: DecisionStep['verdict'], facts: DecisionStep['facts']): string =>
  gateText({ gate, verdict, facts }, context);
const AT = '2026-01-08T09:00:00.000Z';

describe('gateText', () => {
  it.each([
    ['campaign', 'block', { status: 'paused' }, 'campaign: blocked: the campaign is paused'],
    ['campaign', 'block', { status: 'unknown' }, 'campaign: blocked: no campaign of this id was in force'],
    [
      'request',
      'block',
      { reserved: 'schedule:' },
      'request: blocked: ids that begin with "schedule:" are Beckon\'s own: ask with another',
    ],
    ['audience', 'pass', {}, 'audience: passed: the user is in the audience'],
    [
      'audience',
      'block',
      { why: 'attribute country is absent, needs "KE"' },
      'audience: blocked: attribute country is absent, needs "KE"',
    ],
    ['holdout', 'pass', {}, 'holdout: passed: not held out'],
    [
      'holdout',
      'block',
      { scope: 'global', share: 0.05 },
      'holdout: blocked: the user is among the 5 % held out of all campaigns',
    ],
    [
      'holdout',
      'block',
      { scope: 'winback', share: 0.1 },
      'holdout: blocked: the user is among the 10 % held out of this campaign',
    ],
    [
      'consent',
      'pass',
      { purpose: 'marketing', sms: `granted ${AT}`, email: 'never granted' },
      'consent: passed: purpose marketing, sms granted 2026-01-08 09:00:00 UTC, email never granted',
    ],
    [
      'consent',
      'block',
      { purpose: 'marketing', sms: `revoked ${AT}` },
      'consent: blocked: purpose marketing, sms revoked 2026-01-08 09:00:00 UTC',
    ],
    ['duplicate', 'block', { repeated: true }, 'duplicate: blocked: the very same request came before'],
    [
      'consent',
      'block',
      { purpose: 'marketing', sms: `unsubscribed ${AT}` },
      'consent: blocked: purpose marketing, sms unsubscribed 2026-01-08 09:00:00 UTC',
    ],
    [
      'content',
      'pass',
      { sms: 'missing data.amount', chosen: 'email' },
      'content: passed: email chosen, sms missing data.amount',
    ],
    [
      'content',
      'block',
      { missing: 'data.amount' },
      'content: blocked: the text needs data.amount, which has no value',
    ],
    [
      'send',
      'block',
      { at: AT, missing: 'profile.firstName' },
      'send: blocked: the text needs profile.firstName, which has no value, at 2026-01-08 09:00:00 UTC',
    ],
    ['duplicate', 'pass', { windowMs: 86_400_000 }, 'duplicate: passed: no such message within 1d'],
    [
      'duplicate',
      'block',
      { pending: 'r1' },
      'duplicate: blocked: a message asked for at 1970-01-01 00:00:00 UTC is still to be sent',
    ],
    [
      'duplicate',
      'block',
      { sentBefore: 's', sentAt: AT, windowMs: 5_400_000 },
      'duplicate: blocked: one was sent at 2026-01-08 09:00:00 UTC, so none may follow within 1h 30m',
    ],
    [
      'frequency-cap',
      'block',
      { at: AT, '3 per 1d': 3, '10 per 7d': 4, rule: '3 per 1d' },
      'frequency cap: blocked: 3 of 3 messages in 1d, at 2026-01-08 09:00:00 UTC',
    ],
    [
      'frequency-cap',
      'block',
      { at: AT, '3 per 1d': 3, rule: '3 per 1d', winner: 'loan-due' },
      'frequency cap: blocked: 3 of 3 messages in 1d, the last of them from loan-due, at 2026-01-08 09:00:00 UTC',
    ],
    [
      'frequency-cap',
      'block',
      { '4 per 1d': 2, rule: '4 per 1d' },
      'frequency cap: blocked: 2 of 4 messages in 1d (the user wishes for fewer, which lowers the cap)',
    ],
    [
      'delivery',
      'block',
      { channel: 'sms', hop: 0, error: null },
      'delivery: blocked: sms could not deliver the message, so the next channel was tried',
    ],
    [
      'delivery',
      'block',
      { channel: 'email', hop: 1, noReceiptWithin: '1h' },
      'delivery: blocked: nobody said within 1h that email had delivered the message, so the next channel was tried',
    ],
    [
      'channel',
      'pass',
      { sms: 'no address', email: 'viable', chosen: 'email' },
      'channel: passed: email chosen, sms no address',
    ],
    ['channel', 'block', { sms: 'disabled', email: 'no consent' }, 'channel: blocked: sms disabled, email no consent'],
    [
      'send-time',
      'block',
      { earliestAt: AT, expiresAt: '2026-01-08T08:00:00.000Z', timezone: 'UTC', timezoneKnown: false },
      "send time: blocked: earliest 2026-01-08 09:00:00 UTC, UTC, as the user's zone is not known, expires 2026-01-08 08:00:00 UTC",
    ],
    [
      'send-time',
      'pass',
      { earliestAt: AT, timezone: 'Africa/Nairobi', quietHours: '21:00-08:00' },
      'send time: passed: earliest 2026-01-08 09:00:00 UTC (2026-01-08 12:00 in Africa/Nairobi), outside the quiet hours 21:00-08:00 (Africa/Nairobi)',
    ],
    [
      'budget',
      'block',
      { reservedMicros: 9_995_000, totalMicros: 10_000_000, movedBy: null },
      'budget: blocked: 9.995 USD was reserved before, total 10.00 USD',
    ],
    [
      'budget',
      'pass',
      { reservedMicros: 0, dailyMicros: 1_000_000, movedBy: 'budget-daily' },
      'budget: passed: 0.00 USD was reserved before, 1.00 USD a day, moved by the daily limit',
    ],
    [
      'budget',
      'pass',
      { reservedMicros: 0, movedBy: 'quiet-hours', movers: 'budget-pace, quiet-hours, budget-daily' },
      'budget: passed: 0.00 USD was reserved before, moved by pacing, then by quiet hours, then by the daily limit',
    ],
    ['send', 'block', { at: AT, status: 'ended' }, 'send: blocked: the campaign is ended, at 2026-01-08 09:00:00 UTC'],
    [
      'send',
      'block',
      { at: AT, sms: 'revoked 2026-01-08T08:30:00.000Z' },
      'send: blocked: sms revoked 2026-01-08 08:30:00 UTC, at 2026-01-08 09:00:00 UTC',
    ],
    ['send', 'block', { at: AT, sms: 'no address' }, 'send: blocked: sms no address, at 2026-01-08 09:00:00 UTC'],
    ['unheard-of', 'pass', { answer: 42, why: null }, 'unheard of: passed: answer 42, why null'],
    ['unheard-of', 'pass', {}, 'unheard of: passed'],
  ] as const)('tells %s, %s, %j', (gate, verdict, facts, text) => {
    expect(told(gate, verdict, facts)).toBe(text);
  });
});

describe('reasonWords', () => {
  it('has words for every reason, and shows one it does not know as it is', () => {
    for (const reason of reasons) expect(reasonWords({ reason })).toBe(reasonText[reason]);
    expect(reasonWords({ reason: 'new-reason' })).toBe('new-reason');
    expect(reasonWords({ reason: null })).toBeUndefined();
  });
});
