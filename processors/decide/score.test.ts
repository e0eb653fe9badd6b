import { describe, expect, test } from 'vitest';
import { withActivity, withSend } from '../../schemas/learned.ts';
import type { UserEngagement } from '../../schemas/state-types.ts';
import { type CaseOptions, caseOf } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { channel } from './channel.ts';
import { dayOf } from './moments.ts';
import { rank, type Scored, whyFirst } from './score.ts';

const DAY = dayOf(at('09:00'));

function ranked(options: CaseOptions, channels = ['sms', 'email']): readonly Scored[] {
  return rank(channels, caseOf({ ...options, campaign: { channels, ...options.campaign } }));
}
/** The weight of one factor alone is all. */
const only = (part: string) => ({ weights: { [part]: 1 } });
function scores(part: string, options: CaseOptions, channels?: string[]): Record<string, number> {
  const all = ranked({ ...options, policy: { ...only(part), ...options.policy } }, channels);
  return Object.fromEntries(all.map(({ channel, score }) => [channel, score]));
}
/** So many messages on a channel, of which the first are replied to at 19:00. */
function history(channel: string, sends: number, replies: number, known?: UserEngagement): UserEngagement {
  let learned = known;
  for (let i = 0; i < sends; i++) {
    const send = (learned?.recent.length ?? 0) + 1;
    learned = withSend(learned, send, channel, DAY);
    if (i < replies) learned = withActivity(learned, { day: DAY, hour: 19, send, answer: 4 });
  }
  return learned as UserEngagement;
}

describe('the factor', () => {
  test("customerType is the user's own order, falling evenly to nothing", () => {
    const profile = { channelPreferences: ['email', 'push', 'sms'], customerType: 'business' };
    expect(scores('customerType', { profile }, ['sms', 'email', 'whatsapp'])).toEqual({
      email: 1,
      sms: 0.3333,
      whatsapp: 0,
    });
  });

  test("customerType is the policy's table where the user prefers nothing, else a half", () => {
    const fitOf = (customerType: string | null, policy = {}) =>
      scores('customerType', { profile: { customerType }, policy });
    expect(fitOf('business')).toEqual({ sms: 0.4, email: 0.9 });
    expect(fitOf('co-op', { scores: { customerTypes: { 'co-op': { sms: 1 } } } })).toEqual({ sms: 1, email: 0.5 });
    for (const unknown of [null, 'constructor', '__proto__']) expect(fitOf(unknown)).toEqual({ sms: 0.5, email: 0.5 });
  });

  test("engagement starts from the campaign's prior, else the policy's, else the channel's", () => {
    expect(scores('engagement', {})).toEqual({ sms: 0.3, email: 0.2 });
    const policy = { channels: { sms: { prior: 0.6 }, email: { prior: 0.7 } } };
    expect(scores('engagement', { policy, campaign: { priors: { email: 0.1 } } })).toEqual({ sms: 0.6, email: 0.1 });
    const engagement = history('email', 5, 4);
    expect(scores('engagement', { engagement })).toEqual({ email: 0.5, sms: 0.3 });
  });

  test('device goes by the kind of device, in whatever letters; one without a row is unknown', () => {
    const fitOf = (device: string | null, policy = {}) => scores('device', { profile: { device }, policy });
    expect(fitOf('Feature-Phone')).toEqual({ sms: 1, email: 0.1 });
    const policy = { scores: { devices: { unknown: { email: 0.2 } } } };
    expect(fitOf('toaster', policy)).toEqual({ sms: 0.5, email: 0.2 });
    expect(fitOf(null, policy)).toEqual({ sms: 0.5, email: 0.2 });
    expect(fitOf('constructor')).toEqual({ sms: 0.5, email: 0.5 });
  });

  test('urgency is how near the immediacy of the channel is to what the message needs', () => {
    const fitOf = (urgency: string) => scores('urgency', { campaign: { urgency } });
    expect(fitOf('high')).toEqual({ sms: 0.9, email: 0.2 });
    expect(fitOf('normal')).toEqual({ sms: 0.6, email: 0.7 });
    expect(fitOf('low')).toEqual({ sms: 0.1, email: 0.8 });
  });

  test("timeOfDay is how near the channel's earliest moment is to its best hours, while nothing is learned", () => {
    const fitOf = (now: number, campaign = {}) => scores('timeOfDay', { now, campaign }, ['sms', 'email', 'push']);
    expect(fitOf(at('09:00'))).toEqual({ email: 1, sms: 0.9167, push: 0.5 });
    expect(fitOf(at('21:59'))).toEqual({ sms: 0.6667, push: 0.5, email: 0 });
    expect(fitOf(at('21:59'), { schedule: { sendTime: 'best' } })).toEqual({ email: 1, sms: 1, push: 0.5 });
    expect(fitOf(at('21:59'), { schedule: { quietHours: '20:00-08:00' } })).toMatchObject({ email: 0.9167 });
  });

  test('timeOfDay is how active the user is at that hour, once enough is learned', () => {
    const engagement = history('sms', 5, 5);
    const fitOf = (time: string) => scores('timeOfDay', { now: at(time), engagement });
    expect(fitOf('19:30')).toEqual({ sms: 1, email: 1 });
    expect(fitOf('18:00')).toEqual({ sms: 0.5, email: 0.5 });
    expect(fitOf('12:00')).toEqual({ sms: 0, email: 0 });
  });
});

describe('the ranking', () => {
  test('weighs every factor as the policy says', () => {
    // 0.3 · 0.5 + 0.3 · 0.3 + 0.2 · 0.5 + 0.1 · 0.6 + 0.1 · 0.9167, and so on.
    expect(ranked({}).map(({ channel, score }) => [channel, score])).toEqual([
      ['sms', 0.4917],
      ['email', 0.48],
    ]);
  });

  test("goes by the user's preferences between equals, then by the campaign's order", () => {
    const policy = { ...only('device') };
    const order = (profile: object) => ranked({ policy, profile }, ['sms', 'push', 'email']).map((s) => s.channel);
    expect(order({})).toEqual(['sms', 'push', 'email']);
    expect(order({ channelPreferences: ['email', 'push'] })).toEqual(['email', 'push', 'sms']);
  });

  test('does not depend on which other channels are viable', () => {
    const of = (channels: string[]) => ranked({}, channels).find(({ channel }) => channel === 'sms');
    expect(of(['sms', 'email'])).toEqual(of(['whatsapp', 'sms', 'push', 'telegram']));
  });
});

describe('the reason', () => {
  const contacts = { whatsapp: '+1', email: 'u@example.org', sms: '+1' };
  function why(options: CaseOptions, channels = ['whatsapp', 'email']): unknown {
    const c = caseOf({
      ...options,
      campaign: { channels, ...options.campaign },
      profile: { contacts, ...options.profile },
    });
    return channel.judge(c).facts.why;
  }

  test('names the factors that made the difference, the greatest first, in words', () => {
    const engagement = history('whatsapp', 5, 5);
    expect(why({ engagement, now: at('19:00') })).toBe('WhatsApp: replied to 5 of 5');
    expect(why({ profile: { channelPreferences: ['email'], customerType: 'new' } })).toBe(
      'Email: preferred by the user, near its best hours at 9:00',
    );
    expect(why({ profile: { device: 'feature-phone' } }, ['email', 'sms'])).toBe(
      'SMS: suits the device (feature-phone), usually answered more',
    );
    expect(why({ profile: { customerType: 'business' } })).toMatch(/^Email: suits business customers/);
  });

  test('says what decides between equals', () => {
    const policy = only('customerType');
    expect(why({ policy })).toBe('WhatsApp: as good as Email, and named first by the campaign');
    const equal = { ...only('device') };
    expect(why({ policy: equal, profile: { channelPreferences: ['email'] } })).toBe(
      'Email: as good as WhatsApp, and preferred by the user',
    );
  });

  test('tells nothing that only the profile holds', () => {
    const profile = { customerType: 'patient of Dr. Who', device: 'Amina’s phone' };
    expect(String(why({ profile }))).not.toMatch(/Who|Amina/);
  });

  test('is empty where there is nothing to compare with', () => {
    expect(whyFirst([], caseOf())).toBe('');
  });
});

test('the confidence grows with the messages that the user got on the viable channels', () => {
  const confidence = (engagement?: UserEngagement) =>
    channel.judge(caseOf(engagement === undefined ? {} : { engagement })).facts.confidence;
  expect(confidence()).toBe(0);
  expect(confidence(history('sms', 3, 0, history('email', 2, 0)))).toBe(0.5);
  expect(confidence(history('push', 30, 30))).toBe(0);
});
