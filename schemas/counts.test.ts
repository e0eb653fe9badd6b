import { expect, test } from 'vitest';
import { summed, withOneMore } from './counts.ts';

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

test('counts are summed name by name, whatever the names', () => {
  const sum = summed(withOneMore({ view: 1 }, '__proto__'), withOneMore({ view: 2 }, 'constructor'));
  expect(Object.entries(sum)).toEqual([
    ['view', 3],
    ['__proto__', 1],
    ['constructor', 1],
  ]);
});
