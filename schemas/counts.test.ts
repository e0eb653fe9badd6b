import { expect, test } from 'vitest';
import { withOneMore } from './counts.ts';

test('one more of a name is counted in a copy', () => {
  const counts = { view: 2 };
  expect(withOneMore(counts, 'view')).toEqual({ view: 3 });
  expect(withOneMore(counts, 'buy')).toEqual({ view: 2, buy: 1 });
  expect(counts).toEqual({ view: 2 });
});

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('"%s" is a name like any other', (name) => {
  const twice = withOneMore(withOneMore({ view: 1 }, name), name);
  expect(Object.entries(twice)).toEqual([
    ['view', 1],
    [name, 2],
  ]);
  expect(Object.getPrototypeOf(twice)).toBe(Object.prototype);
});
