import { expect, it } from 'vitest';
import { ANY_HOUR, distanceTo, hasHour, hours, hoursText, hoursToFile, parseHours } from './hours.ts';

it('reads one range, a list of them, or any', () => {
  expect(parseHours('18:00-20:00')).toBe(hours(18, 20));
  expect(parseHours(['07:00-08:00', '22:00-01:00'])).toBe(hours(7, 8) | hours(22, 1));
  expect(parseHours('any')).toBe(ANY_HOUR);
  expect(parseHours(['00:00-12:00', '12:00-00:00'])).toBe(ANY_HOUR);
});

it('refuses what names no hour, or part of one', () => {
  expect(() => parseHours([])).toThrow('names no hour');
  expect(() => parseHours('18:30-20:00')).toThrow('does not lie on whole hours');
  expect(() => parseHours('18:00')).toThrow('is not a daily window');
  expect(() => parseHours([['18:00-20:00']])).toThrow('is a list, not hours');
});

it('is written as it is read', () => {
  for (const set of [hours(0, 1), hours(23, 2), hours(7, 9) | hours(12, 14), ANY_HOUR]) {
    expect(parseHours(hoursToFile(set))).toBe(set);
  }
  expect(hoursText(hours(7, 9) | hours(22, 1))).toBe('07:00-09:00, 22:00-01:00');
  expect(hoursText(ANY_HOUR)).toBe('any');
});

it('has the hours from the start to before the end, and knows how far others are, round the clock', () => {
  const set = hours(22, 1);
  expect(Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => hasHour(set, hour))).toEqual([0, 22, 23]);
  expect([0, 1, 21, 11, 12, 10].map((hour) => distanceTo(set, hour))).toEqual([0, 1, 1, 11, 10, 10]);
  expect(distanceTo(hours(9, 10), 21)).toBe(12);
});
