import { describe, expect, test } from 'vitest';
import { type CaseOptions, caseOf, sent } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { capped, frequencyCap } from './frequency-cap.ts';
import type { Told } from './gate.ts';

const judged = (options: CaseOptions): string => frequencyCap.judge(caseOf(options)).verdict;
const daily = { caps: [{ max: 1, window: '1d' }] };

describe('the frequency cap gate', () => {
  test('has 3 a day and 10 a week as its default', () => {
    const sentAt = (...times: readonly number[]) => ({ policy: { caps: undefined }, sent: times.map((t) => sent(t)) });
    const three = [at('06:00'), at('07:00'), at('08:00')];
    expect(judged(sentAt(...three.slice(1)))).toBe('pass');
    expect(frequencyCap.judge(caseOf(sentAt(...three)))).toMatchObject({
      verdict: 'block',
      reason: 'frequency-cap',
      facts: { rule: '3 per 1d', '3 per 1d': 3, '10 per 7d': 3 },
    });
    const ten = [1, 2, 3, 4, 5].flatMap((day) => [at('10:00', -day), at('11:00', -day)]);
    expect(frequencyCap.judge(caseOf(sentAt(...ten)))).toMatchObject({ facts: { rule: '10 per 7d', '10 per 7d': 10 } });
    expect(judged(sentAt(...ten.slice(1)))).toBe('pass');
  });

  test('rolls: what was sent exactly the window ago no longer counts', () => {
    expect(judged({ policy: daily, sent: [sent(at('09:00:00.001', -1))] })).toBe('block');
    expect(judged({ policy: daily, sent: [sent(at('09:00', -1))] })).toBe('pass');
  });

  test('looks at every window that holds the moment, also those that end later', () => {
    // A request that comes out of order is judged between messages sent before and after its time.
    const policy = { caps: [{ max: 2, window: '1d' }] };
    const later = [sent(at('10:00')), sent(at('11:00'))];
    expect(judged({ policy, sent: later })).toBe('block');
    expect(judged({ policy, sent: [sent(at('08:00')), sent(at('09:00', 1))] })).toBe('pass');
    expect(judged({ policy, sent: [sent(at('09:30', -1)), sent(at('08:30', 1))] })).toBe('pass');
    expect(judged({ policy: daily, sent: [sent(at('08:59:59.999', 1))] })).toBe('block');
    expect(judged({ policy: daily, sent: [sent(at('09:00', 1))] })).toBe('pass');
  });

  test('neither blocks nor counts transactional messages, and does not count failed ones', () => {
    const before = sent(at('08:00'));
    expect(judged({ policy: daily, sent: [before], campaign: { class: 'transactional' } })).toBe('pass');
    expect(judged({ policy: daily, sent: [{ ...before, class: 'transactional' }] })).toBe('pass');
    expect(judged({ policy: daily, sent: [{ ...before, failed: true }] })).toBe('pass');
  });

  test('may name its class, which is marketing', () => {
    const policy = { caps: [{ max: 1, window: '1d', class: 'marketing' }] };
    expect(judged({ policy, sent: [sent(at('08:00'))] })).toBe('block');
    expect(judged({ policy, sent: [sent(at('08:00'), { class: 'transactional' })] })).toBe('pass');
  });

  test('counts calendar days in the zone of the user', () => {
    const policy = { caps: [{ max: 1, window: '1d', calendar: true }] };
    const nairobi = { timezone: 'Africa/Nairobi' };
    // 21:00 UTC is midnight in Nairobi.
    const of = (sentAt: number, profile: object): string => judged({ policy, profile, sent: [sent(sentAt)] });
    expect([of(at('00:00'), {}), of(at('23:59:59.999', -1), {})]).toEqual(['block', 'pass']);
    expect([of(at('21:00', -1), nairobi), of(at('20:59:59.999', -1), nairobi)]).toEqual(['block', 'pass']);
  });

  test('counts today among the days of a longer calendar window', () => {
    const policy = { caps: [{ max: 1, window: '7d', calendar: true }] };
    expect(judged({ policy, sent: [sent(at('00:00', -6))] })).toBe('block');
    expect(judged({ policy, sent: [sent(at('23:59', -7))] })).toBe('pass');
  });

  test('is scaled by how often the user wants to hear from us, and rounded down', () => {
    const policy = { caps: [{ max: 3, window: '1d' }], notificationFrequency: { low: 0.5, high: 2 } };
    const sentAt = (count: number) => Array.from({ length: count }, (_, i) => sent(at('08:00') + i));
    const wants = (notificationFrequency: 'low' | 'medium' | 'high', count: number): string =>
      judged({ policy, profile: { notificationFrequency }, sent: sentAt(count) });
    expect([wants('low', 0), wants('low', 1)]).toEqual(['pass', 'block']);
    expect([wants('medium', 2), wants('medium', 3)]).toEqual(['pass', 'block']);
    expect([wants('high', 5), wants('high', 6)]).toEqual(['pass', 'block']);
  });

  test('leaves the caps of one channel to the channel gate', () => {
    const policy = { caps: [{ max: 1, window: '1d', channel: 'sms' }] };
    const c = caseOf({ policy, sent: [sent(at('08:00'))] });
    expect(frequencyCap.judge(c).verdict).toBe('pass');
    const told: Told = {};
    expect([capped(c, 'sms', c.now, told), told]).toEqual([
      '1 per 1d on sms',
      { '1 per 1d on sms': 1, winner: 'other' },
    ]);
    const nothing: Told = {};
    expect([capped(c, 'email', c.now, nothing), nothing]).toEqual([null, {}]);
    expect(capped(caseOf({ policy, sent: [sent(at('08:00'), { channel: 'email' })] }), 'sms', c.now)).toBeNull();
  });

  test('is judged for the earliest moment outside quiet hours', () => {
    const policy = { ...daily, quietHours: '08:00-12:00' };
    expect(judged({ policy, sent: [sent(at('11:59', -1))] })).toBe('pass');
    expect(judged({ policy, sent: [sent(at('12:01', -1))] })).toBe('block');
  });

  test('lets nothing through at a maximum of 0', () => {
    expect(judged({ policy: { caps: [{ max: 0, window: '1d' }] } })).toBe('block');
  });

  test('names the campaign of the newest message in the window that is full', () => {
    const winner = (options: CaseOptions): unknown => frequencyCap.judge(caseOf(options)).facts.winner;
    const first = sent(at('07:00'), { campaignId: 'first' });
    const second = sent(at('08:00'), { campaignId: 'second' });
    expect(winner({ policy: { caps: [{ max: 2, window: '1d' }] }, sent: [second, first] })).toBe('second');
    expect(winner({ policy: { caps: [{ max: 1, window: '90m' }] }, sent: [first, second] })).toBe('second');
    // Before a message that was already sent: the window that ends with it is the full one.
    const later = sent(at('09:30'), { campaignId: 'later' });
    expect(winner({ policy: { caps: [{ max: 1, window: '1h' }] }, sent: [later] })).toBe('later');
    expect(winner({ policy: { caps: [{ max: 2, window: '1d' }] }, sent: [first] })).toBeUndefined();
    expect(winner({ policy: { caps: [{ max: 0, window: '1d' }] }, sent: [] })).toBeUndefined();
    const failed = { ...second, failed: true };
    expect(winner({ policy: { caps: [{ max: 1, window: '1d' }] }, sent: [first, failed] })).toBe('first');
  });
});
