import { describe, expect, test } from 'vitest';
import { withActivity } from '../../schemas/learned.ts';
import type { UserEngagement } from '../../schemas/state-types.ts';
import { type CaseOptions, caseOf } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { dayOf, earliestMoment, expiryOf, holidaysAhead } from './moments.ts';
import { candidateOf } from './records.ts';
import { sendTime } from './send-time.ts';

/** The earliest moment on email, as text without the milliseconds. */
function earliest(options: CaseOptions, channel = 'email'): string {
  return new Date(earliestMoment(caseOf(options), channel)).toISOString().slice(0, 16);
}
const utc = (text: string): number => Date.parse(text);
const scheduled = (schedule: object, rest: object = {}) => ({ campaign: { schedule, ...rest } });

describe('a local time', () => {
  const nine = scheduled({ sendTime: '09:00' });

  test('is the next one of the user', () => {
    expect(earliest({ ...nine, now: at('09:00') })).toBe('2026-03-02T09:00');
    expect(earliest({ ...nine, now: at('09:00:00.001') })).toBe('2026-03-03T09:00');
    expect(earliest({ ...nine, now: at('05:00'), profile: { timezone: 'Africa/Nairobi' } })).toBe('2026-03-02T06:00');
    expect(earliest({ ...nine, now: at('07:00'), profile: { timezone: 'Africa/Nairobi' } })).toBe('2026-03-03T06:00');
  });

  test('is the jump where daylight saving skips it, and the first where it comes twice', () => {
    // New York: 02:00 to 03:00 does not exist on 8 March; 01:00 to 02:00 comes twice on 1 November.
    const profile = { timezone: 'America/New_York' };
    const half = (time: string, now: string) => earliest({ ...scheduled({ sendTime: time }), profile, now: utc(now) });
    expect(half('02:30', '2026-03-08T05:00Z')).toBe('2026-03-08T07:00');
    expect(half('02:30', '2026-03-08T07:01Z')).toBe('2026-03-09T06:30');
    expect(half('01:30', '2026-11-01T04:00Z')).toBe('2026-11-01T05:30');
    expect(half('01:30', '2026-11-01T06:00Z')).toBe('2026-11-02T06:30');
  });

  test('is the jump over midnight too', () => {
    // Nuuk, 28 March 2026: from 23:00 to midnight.
    const profile = { timezone: 'America/Nuuk' };
    const late = { ...scheduled({ sendTime: '23:30' }), profile };
    expect(earliest({ ...late, now: utc('2026-03-29T00:00Z') })).toBe('2026-03-29T01:00');
    expect(earliest({ ...late, now: utc('2026-03-29T01:30Z') })).toBe('2026-03-30T00:30');
  });

  test('moves to the end of quiet hours that it lies in', () => {
    expect(earliest({ ...scheduled({ sendTime: '09:00', quietHours: '08:00-10:30' }), now: at('08:30') })).toBe(
      '2026-03-02T10:30',
    );
  });
});

describe('an instant', () => {
  test('is not come before, and the expiry counts from it', () => {
    const options = scheduled({ sendTime: { at: '2026-03-05T12:00:00Z' }, expiresAfter: '1h' });
    expect(earliest(options)).toBe('2026-03-05T12:00');
    expect(expiryOf(caseOf(options))).toBe(utc('2026-03-05T13:00Z'));
    const later = { ...options, now: at('09:00', 5) };
    expect(earliest(later)).toBe('2026-03-07T09:00');
    expect(expiryOf(caseOf(later))).toBe(at('10:00', 5));
  });

  test('of the request is kept like that of the campaign; the later counts', () => {
    const request = { notBefore: at('15:00') };
    expect(earliest({ request })).toBe('2026-03-02T15:00');
    expect(expiryOf(caseOf({ request }))).toBe(at('15:00', 2));
    expect(earliest({ request, ...scheduled({ sendTime: { at: '2026-03-02T12:00:00Z' } }) })).toBe('2026-03-02T15:00');
    expect(earliest({ request, ...scheduled({ sendTime: '09:00' }) })).toBe('2026-03-03T09:00');
    expect(earliest({ request: { notBefore: at('08:00') } })).toBe('2026-03-02T09:00');
    expect(earliest({ request, ...scheduled({ quietHours: '14:00-16:00' }) })).toBe('2026-03-02T16:00');
  });

  test('ahead does not save a request that came too late', () => {
    const judged = (watermark: number) =>
      sendTime.judge(caseOf({ request: { notBefore: at('09:00', 9) }, watermark })).verdict;
    expect(judged(at('09:00', 2))).toBe('pass');
    expect(judged(at('09:00:00.001', 2))).toBe('block');
  });
});

describe('a holiday', () => {
  const policy = { holidays: ['2026-03-02', '03-03', '2025-03-04', '12-25'] };

  test('is skipped whole, in the zone of the user', () => {
    expect(earliest({ policy })).toBe('2026-03-04T00:00');
    expect(earliest({ policy, profile: { timezone: 'America/New_York' } })).toBe('2026-03-04T05:00');
    expect(earliest({ policy, profile: { timezone: 'America/New_York' }, now: at('04:59') })).toBe('2026-03-02T04:59');
  });

  test('leaves quiet hours, best hours and local times as they are', () => {
    expect(earliest({ policy, ...scheduled({ quietHours: '21:00-08:00' }) })).toBe('2026-03-04T08:00');
    expect(earliest({ policy, ...scheduled({ sendTime: 'best' }) })).toBe('2026-03-04T09:00');
    expect(earliest({ policy, ...scheduled({ sendTime: '07:15' }) })).toBe('2026-03-04T07:15');
    // The end of quiet hours is on the holiday: the next day's.
    const late = scheduled({ sendTime: '23:00', quietHours: '22:00-06:00' });
    expect(earliest({ policy, ...late, now: at('23:00', -1) })).toBe('2026-03-05T06:00');
  });

  test('does not bind transactional messages, nor a campaign that ignores it', () => {
    expect(earliest({ policy, campaign: { class: 'transactional' } })).toBe('2026-03-02T09:00');
    expect(earliest({ policy, ...scheduled({ holidays: 'ignore' }) })).toBe('2026-03-02T09:00');
  });

  test('up to the expiry is told to pace', () => {
    const c = caseOf({ policy, now: at('20:00', -1) });
    c.earliestAt = c.now;
    expect(holidaysAhead(c)).toEqual(['2026-03-02', '2026-03-03']);
    expect(candidateOf(c, 0).sendingWindow?.holidays).toEqual(['2026-03-02', '2026-03-03']);
    expect(candidateOf(caseOf({ policy, ...scheduled({ holidays: 'ignore' }) }), 0).sendingWindow?.holidays).toEqual(
      [],
    );
    expect(sendTime.judge(caseOf({ policy })).facts.holidays).toBe('2026-03-02, 2026-03-03');
  });
});

describe('best hours', () => {
  const best = { sendTime: 'best' };
  const sessionsAt = (hour: number, count: number): UserEngagement =>
    Array.from({ length: count }).reduce<UserEngagement | undefined>(
      (known) => withActivity(known, { day: dayOf(at('09:00')), hour, send: null, answer: 0 }),
      undefined,
    ) as UserEngagement;

  test("are the user's own once five sessions or answers are known, else the campaign's, else the channel's", () => {
    const own = { ...best, bestHours: ['12:00-13:00'] };
    expect(earliest({ ...scheduled(best), now: at('10:00') })).toBe('2026-03-03T09:00');
    expect(earliest({ ...scheduled(own), now: at('10:00') })).toBe('2026-03-02T12:00');
    expect(earliest({ ...scheduled(own), engagement: sessionsAt(19, 4) })).toBe('2026-03-02T12:00');
    expect(earliest({ ...scheduled(own), engagement: sessionsAt(19, 5) })).toBe('2026-03-02T19:00');
  });

  test('are told with whose they are', () => {
    const facts = (options: CaseOptions) => sendTime.judge(caseOf({ ...options, ranked: ['email'] })).facts;
    expect(facts(scheduled(best))).toMatchObject({ bestHours: '09:00-10:00', bestHoursOf: 'channel' });
    expect(facts({ ...scheduled(best), engagement: sessionsAt(0, 5) })).toMatchObject({
      ...{ sendTime: 'best', bestHours: '00:00-01:00', bestHoursOf: 'user' },
    });
  });

  test('give way to quiet hours that leave nothing of them, and to none that leave a minute', () => {
    const within = (quietHours: string) => earliest({ ...scheduled({ ...best, quietHours }), now: at('08:30') });
    expect(within('09:00-10:00')).toBe('2026-03-02T08:30');
    expect(within('08:00-11:00')).toBe('2026-03-02T11:00');
    expect(within('09:00-09:59')).toBe('2026-03-02T09:59');
    expect(within('09:01-08:59')).toBe('2026-03-02T09:00');
    expect(within('23:00-22:00')).toBe('2026-03-02T22:00');
  });
});
