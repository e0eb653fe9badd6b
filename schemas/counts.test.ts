import { expect, test } from 'vitest';
import { countsByName, withName, withOneMore } from './counts.ts';

test('a name that is known leaves the names as they are, a new one comes last', () => {
  const names = ['view'];
  expect(withName(names, 'view')).toBe(names);
  expect(withName(names, 'buy')).toEqual(['view', 'buy']);
  expect(names).toEqual(['view']);
});

test('one more is counted in a copy, at a place that is there or the next one', () => {
  const counts = [2];
  expect(withOneMore(counts, 0)).toEqual([3]);
  expect(withOneMore(counts, 1)).toEqual([2, 1]);
  expect(counts).toEqual([2]);
});

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('"%s" is a name like any other', (name) => {
  const byName = countsByName(['view', name], [1, 2]);
  expect(Object.entries(byName)).toEqual([
    ['view', 1],
    [name, 2],
  ]);
  expect(Object.getPrototypeOf(byName)).toBe(Object.prototype);
});
