import { describe, expect, it } from 'vitest';
import { instantOf, isMeant, momentText, parseMoment, writtenText } from './moments.ts';

const nairobi = { start: '2026-03-02', zone: 'Africa/Nairobi' };
const at = (text: string, calendar = nairobi): string => new Date(instantOf(parseMoment(text), calendar)).toISOString();

describe('a moment of a scenario', () => {
  it("is a local time of a day counted from 1, in the user's zone", () => {
    expect(at('day 1 00:00')).toBe('2026-03-01T21:00:00.000Z');
    expect(at('day 8 09:30')).toBe('2026-03-09T06:30:00.000Z');
    expect(at('day 0 12:00')).toBe('2026-03-01T09:00:00.000Z');
    expect(at('day -3')).toBe('2026-02-25T21:00:00.000Z');
  });

  it('is a time before or after the first midnight, or an instant', () => {
    expect(at('-3d')).toBe('2026-02-26T21:00:00.000Z');
    expect(at('2h')).toBe('2026-03-01T23:00:00.000Z');
    expect(at('2026-03-09T06:30:00+03:00')).toBe('2026-03-09T03:30:00.000Z');
  });

  it('keeps the local time where clocks change', () => {
    const berlin = { start: '2026-03-28', zone: 'Europe/Berlin' };
    expect(at('day 1 09:00', berlin)).toBe('2026-03-28T08:00:00.000Z');
    expect(at('day 2 09:00', berlin)).toBe('2026-03-29T07:00:00.000Z');
    expect(momentText(Date.parse('2026-03-29T07:00:00Z'), berlin)).toBe('day 2 09:00');
    expect(isMeant(parseMoment('day 2'), Date.parse('2026-03-29T21:59:59Z'), berlin)).toBe(true);
    expect(isMeant(parseMoment('day 2'), Date.parse('2026-03-29T22:00:00Z'), berlin)).toBe(false);
  });

  it('is meant to the minute', () => {
    const moment = parseMoment('day 8 09:30');
    expect(isMeant(moment, Date.parse('2026-03-09T06:30:59.999Z'), nairobi)).toBe(true);
    expect(isMeant(moment, Date.parse('2026-03-09T06:31:00Z'), nairobi)).toBe(false);
    expect(isMeant(moment, Date.parse('2026-03-09T06:29:59.999Z'), nairobi)).toBe(false);
  });

  it('is told as it is written', () => {
    expect(momentText(Date.parse('2026-03-09T06:30:00Z'), nairobi)).toBe('day 8 09:30');
    expect(momentText(Date.parse('2026-03-09T06:30:05Z'), nairobi)).toBe('day 8 09:30:05');
    expect(writtenText(parseMoment('day 8'), nairobi)).toBe('day 8');
    expect(writtenText(parseMoment('-1d'), nairobi)).toBe('day 0 00:00');
  });

  it.each(['tomorrow', 'day 1 24:00', 'day 1 9:00', '2026-03-09T06:30:00', '3 days', ''])('is not %j', (text) => {
    expect(() => parseMoment(text)).toThrow(RangeError);
  });
});
