import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assign, type Member } from './assigner.ts';

const member = (
  id: string,
  owned: readonly number[] = [],
  states: readonly (readonly [number, number])[] = [],
): Member => ({
  id,
  owned,
  generation: 1,
  states: new Map(states),
});

describe('the assignment of tasks', () => {
  test('gives every task to one member, evenly, whatever they claim', () => {
    const anyMember = fc.record({
      owned: fc.uniqueArray(fc.nat(20)),
      generation: fc.nat(3),
      states: fc.array(fc.tuple(fc.nat(20), fc.nat(5))).map((entries) => new Map(entries)),
    });
    fc.assert(
      fc.property(fc.array(anyMember, { minLength: 1, maxLength: 6 }), fc.nat(20), (some, count) => {
        const members = some.map((m, i) => ({ ...m, id: `m${i}` }));
        const assigned = assign(members, count);
        expect([...assigned.values()].flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        const sizes = [...assigned.values()].map((tasks) => tasks.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(assign([...members].reverse(), count)).toEqual(assigned);
      }),
    );
  });

  test('moves no more tasks than a new member needs', () => {
    const assigned = assign([member('a', [0, 1, 2]), member('b', [3, 4, 5]), member('c')], 6);
    expect([...assigned.values()].map((tasks) => tasks.length)).toEqual([2, 2, 2]);
    expect(assigned.get('a')?.every((task) => task < 3)).toBe(true);
    expect(assigned.get('b')?.every((task) => task > 2)).toBe(true);
  });

  test('gives the tasks of a member that left to those who have their state', () => {
    const assigned = assign(
      [
        member('a', [0], [[3, 10]]),
        member(
          'b',
          [1],
          [
            [2, 5],
            [3, 9],
          ],
        ),
      ],
      4,
    );
    expect(assigned).toEqual(
      new Map([
        ['a', [0, 3]],
        ['b', [1, 2]],
      ]),
    );
  });

  test('believes the later of two owners', () => {
    const members = [
      { ...member('a', [0]), generation: 3 },
      { ...member('b', [0]), generation: 4 },
    ];
    expect(assign(members, 1).get('b')).toEqual([0]);
  });
});
