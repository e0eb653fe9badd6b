import { describe, expect, test } from 'vitest';
import { type CaseOptions, caseOf } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { sendTime } from './send-time.ts';

function earliest(options: CaseOptions): string {
  const c = caseOf(options);
  sendTime.judge(c);
  return new Date(c.earliestAt).toISOString();
}
const utc = (text: string): number => Date.parse(text);

describe('the send-time gate', () => {
  test('is the time of the request where nothing moves it', () => {
    expect(earliest({})).toBe('2026-03-02T09:00:00.000Z');
  });

  test('leaves quiet hours at their end; the start is within them and the end is not', () => {
    const campaign = { schedule: { quietHours: '09:00-10:30' } };
    expect(earliest({ campaign, now: at('08:59:59.999') })).toBe('2026-03-02T08:59:59.999Z');
    expect(earliest({ campaign, now: at('09:00') })).toBe('2026-03-02T10:30:00.000Z');
    expect(earliest({ campaign, now: at('10:30') })).toBe('2026-03-02T10:30:00.000Z');
  });

  test('knows quiet hours over midnight, in the zone of the user', () => {
    const campaign = { schedule: { quietHours: '21:00-08:00' } };
    const profile = { timezone: 'Africa/Nairobi' };
    expect(earliest({ campaign, profile, now: utc('2026-03-02T17:59:59Z') })).toBe('2026-03-02T17:59:59.000Z');
    expect(earliest({ campaign, profile, now: utc('2026-03-02T18:00:00Z') })).toBe('2026-03-03T05:00:00.000Z');
    expect(earliest({ campaign, profile, now: utc('2026-03-02T22:00:00Z') })).toBe('2026-03-03T05:00:00.000Z');
  });

  test('ends at the jump when daylight saving skips the end of quiet hours', () => {
    // New York, 8 March 2026: 02:00 to 03:00 does not exist; the jump is at 07:00 UTC.
    const profile = { timezone: 'America/New_York' };
    const campaign = { schedule: { quietHours: '22:00-02:30' } };
    expect(earliest({ campaign, profile, now: utc('2026-03-08T05:00:00Z') })).toBe('2026-03-08T07:00:00.000Z');
    const till8 = { schedule: { quietHours: '22:00-08:00' } };
    expect(earliest({ campaign: till8, profile, now: utc('2026-03-08T05:00:00Z') })).toBe('2026-03-08T12:00:00.000Z');
  });

  test('goes by the clock of the day when daylight saving ends', () => {
    // New York, 1 November 2026: 01:00 to 02:00 comes twice; 08:00 is 13:00 UTC.
    const campaign = { schedule: { quietHours: '22:00-08:00' } };
    const profile = { timezone: 'America/New_York' };
    expect(earliest({ campaign, profile, now: utc('2026-11-01T04:00:00Z') })).toBe('2026-11-01T13:00:00.000Z');
  });

  test("has the policy's quiet hours for marketing alone, and a campaign's own instead of them", () => {
    const policy = { quietHours: '08:00-12:00' };
    expect(earliest({ policy })).toBe('2026-03-02T12:00:00.000Z');
    expect(earliest({ policy, campaign: { class: 'transactional' } })).toBe('2026-03-02T09:00:00.000Z');
    const own = { schedule: { quietHours: '09:00-10:00' } };
    expect(earliest({ policy, campaign: own })).toBe('2026-03-02T10:00:00.000Z');
    expect(earliest({ policy, campaign: { ...own, class: 'transactional' } })).toBe('2026-03-02T10:00:00.000Z');
  });

  test('takes an unknown zone for UTC, and says so', () => {
    const facts = (timezone: string | null) => sendTime.judge(caseOf({ profile: { timezone } })).facts;
    expect(facts('Nowhere/Land')).toMatchObject({ timezone: 'UTC', timezoneKnown: false });
    expect(facts(null)).toMatchObject({ timezone: 'UTC', timezoneKnown: false });
    expect(facts('Africa/Nairobi')).toEqual({
      timezone: 'Africa/Nairobi',
      earliestAt: '2026-03-02T09:00:00.000Z',
      expiresAt: '2026-03-04T09:00:00.000Z',
    });
  });

  test('waits for the best hours of the channel where asked to', () => {
    const best = { schedule: { sendTime: 'best' } };
    expect(earliest({ campaign: { ...best, channels: ['email'] }, now: at('08:00') })).toBe('2026-03-02T09:00:00.000Z');
    expect(earliest({ campaign: { ...best, channels: ['email'] }, now: at('09:59') })).toBe('2026-03-02T09:59:00.000Z');
    expect(earliest({ campaign: { ...best, channels: ['email'] }, now: at('10:00') })).toBe('2026-03-03T09:00:00.000Z');
    expect(earliest({ campaign: { ...best, channels: ['push'] }, now: at('03:00') })).toBe('2026-03-02T03:00:00.000Z');
    const whatsapp = { campaign: { ...best, channels: ['whatsapp'] } };
    expect(earliest(whatsapp)).toBe('2026-03-02T10:00:00.000Z');
    expect(earliest({ ...whatsapp, profile: { customerType: 'new' } })).toBe('2026-03-02T18:00:00.000Z');
  });

  test('keeps quiet hours that leave no best hour', () => {
    const campaign = { channels: ['email'], schedule: { sendTime: 'best', quietHours: '08:00-11:00' } };
    const moment = earliest({ campaign, now: at('08:30') });
    expect(moment >= '2026-03-02T11:00:00.000Z').toBe(true);
    expect(moment.slice(11, 13) < '08' || moment.slice(11, 13) >= '11').toBe(true);
  });

  test('expires when the moment is past the request plus expiresAfter; exactly there it is in time', () => {
    const judged = (expiresAfter: string) =>
      sendTime.judge(caseOf({ campaign: { schedule: { quietHours: '08:00-12:00', expiresAfter } } }));
    expect(judged('3h')).toMatchObject({ verdict: 'pass', facts: { quietHours: '08:00-12:00' } });
    expect(judged('179m')).toMatchObject({ verdict: 'block', reason: 'expired' });
  });

  test('expires what comes after its message expired', () => {
    const judged = (watermark: number) =>
      sendTime.judge(caseOf({ campaign: { schedule: { expiresAfter: '1h' } }, watermark }));
    expect(judged(at('10:00')).verdict).toBe('pass');
    expect(judged(at('10:00:00.001'))).toMatchObject({
      verdict: 'block',
      reason: 'expired',
      facts: { cameAfter: '2026-03-02T10:00:00.001Z' },
    });
  });
});
