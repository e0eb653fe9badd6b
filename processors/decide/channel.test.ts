import { describe, expect, test } from 'vitest';
import { type CaseOptions, caseOf, sent } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { channel } from './channel.ts';
import { addressOf } from './reach.ts';

function ranked(options: CaseOptions): readonly string[] {
  const c = caseOf({ ranked: [], ...options });
  channel.judge(c);
  return c.ranked;
}

describe('the channel gate', () => {
  test('scores nothing where one channel alone is viable', () => {
    const c = caseOf({ campaign: { channels: ['email', 'sms'] }, profile: { contacts: { sms: '+1' } }, ranked: [] });
    expect(channel.judge(c)).toEqual({
      verdict: 'pass',
      facts: { email: 'no address', sms: 'viable', chosen: 'sms' },
    });
    expect(c.ranked).toEqual(['sms']);
  });

  test('ranks the viable ones by their scores, says why the first is first, and how much it rests on', () => {
    const c = caseOf({ campaign: { channels: ['email', 'push', 'sms'] }, ranked: [] });
    expect(channel.judge(c)).toEqual({
      verdict: 'pass',
      facts: {
        ...{ email: 0.48, push: 'no address', sms: 0.4917, chosen: 'sms' },
        ...{ why: 'SMS: usually answered more', confidence: 0 },
      },
    });
    expect(c.ranked).toEqual(['sms', 'email']);
  });

  test('says of every channel what stands against it', () => {
    const channels = ['push', 'whatsapp', 'sms', 'telegram', 'email'];
    const policy = { channels: { whatsapp: { enabled: false } }, caps: [{ max: 1, window: '1d', channel: 'sms' }] };
    const contacts = { push: 'p', whatsapp: '+1', sms: '+1', email: 'u@example.org' };
    const c = caseOf({
      campaign: { channels },
      policy,
      profile: { contacts },
      consented: channels.slice(1),
      sent: [sent(at('08:00'))],
    });
    expect(channel.judge(c).facts).toEqual({
      push: 'no consent',
      whatsapp: 'disabled',
      sms: 'capped: 1 per 1d on sms',
      telegram: 'no address',
      email: 'viable',
      chosen: 'email',
    });
  });

  test('blocks when none is viable', () => {
    const facts = { sms: 'no address', email: 'no address' };
    expect(channel.judge(caseOf({ profile: { contacts: {} } }))).toEqual({
      verdict: 'block',
      reason: 'no-channel',
      facts,
    });
    expect(channel.judge(caseOf({ profile: null }))).toMatchObject({ reason: 'no-channel', facts });
  });

  test('takes an empty address, and names that every object has, for none', () => {
    expect(ranked({ profile: { contacts: { sms: '', email: 'u@example.org' } } })).toEqual(['email']);
    expect(addressOf('constructor', caseOf())).toBeUndefined();
  });

  test("judges a channel's cap for the moment quiet hours leave it", () => {
    const policy = { caps: [{ max: 1, window: '1d', channel: 'sms' }], quietHours: '08:00-12:00' };
    expect(ranked({ policy, sent: [sent(at('12:00', -1))] })).toEqual(['sms', 'email']);
    expect(ranked({ policy, sent: [sent(at('12:00:00.001', -1))] })).toEqual(['email']);
  });
});
