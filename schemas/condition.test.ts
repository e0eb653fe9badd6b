import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Condition, compileCondition, conditionModel, explainCondition, type Lookup } from './condition.ts';

type Values = Readonly<Record<string, boolean | number | string | null>>;

const over =
  (values: Values): Lookup =>
  (subject, name) =>
    values[`${subject}.${name}`];
const holds = (condition: Condition, values: Values): boolean => compileCondition(condition)(over(values));
const why = (condition: Condition, values: Values): string | undefined => explainCondition(condition, over(values));

describe('a comparison', () => {
  const country = { 'attribute.country': 'KE' };
  const age = { 'attribute.age': 30 };
  const vip = { 'attribute.vip': true };

  it.each<[Condition, Values, boolean]>([
    [{ attribute: 'country', eq: 'KE' }, country, true],
    [{ attribute: 'country', eq: 'UG' }, country, false],
    [{ attribute: 'age', eq: 30 }, age, true],
    [{ attribute: 'age', eq: '30' }, age, false],
    [{ attribute: 'vip', eq: true }, vip, true],
    [{ attribute: 'vip', eq: 'true' }, vip, false],
    [{ attribute: 'vip', eq: false }, vip, false],
    [{ attribute: 'country', ne: 'UG' }, country, true],
    [{ attribute: 'country', ne: 'KE' }, country, false],
    [{ attribute: 'age', ne: '30' }, age, true],
    [{ attribute: 'country', in: ['KE', 'UG'] }, country, true],
    [{ attribute: 'country', in: ['UG'] }, country, false],
    [{ attribute: 'age', in: ['30', 31] }, age, false],
    [{ attribute: 'age', gt: 29 }, age, true],
    [{ attribute: 'age', gt: 30 }, age, false],
    [{ attribute: 'age', gte: 30 }, age, true],
    [{ attribute: 'age', lt: 31 }, age, true],
    [{ attribute: 'age', lt: 30 }, age, false],
    [{ attribute: 'age', lte: 30 }, age, true],
    [{ attribute: 'age', gt: '29' }, age, false],
    [{ attribute: 'age', lt: '31' }, age, false],
    [{ attribute: 'country', gt: 'KD' }, country, true],
    [{ attribute: 'country', gt: 'ke' }, country, false],
    [{ attribute: 'country', gt: 1 }, country, false],
    [{ attribute: 'vip', gte: 0 }, vip, false],
    [{ attribute: 'country', exists: true }, country, true],
    [{ attribute: 'country', exists: false }, country, false],
  ])('%j over %j is %s', (condition, values, expected) => {
    expect(holds(condition, values)).toBe(expected);
  });

  it.each<Condition>([
    { fact: 'x', eq: 'a' },
    { fact: 'x', in: ['a', 0, false, ''] },
    { fact: 'x', gt: -1 },
    { fact: 'x', gte: 0 },
    { fact: 'x', lt: 1 },
    { fact: 'x', lte: '' },
    { fact: 'x', exists: true },
  ])('%j does not hold without a value', (condition) => {
    expect(holds(condition, {})).toBe(false);
    expect(holds(condition, { 'fact.x': null })).toBe(false);
  });

  it('holds without a value when it asks for another value or for none', () => {
    for (const values of [{}, { 'fact.x': null }]) {
      expect(holds({ fact: 'x', ne: 'a' }, values)).toBe(true);
      expect(holds({ fact: 'x', exists: false }, values)).toBe(true);
    }
  });

  it('asks about the subject it names', () => {
    expect(holds({ property: 'n', eq: 1 }, { 'fact.n': 1, 'property.n': 2, 'metric.n': 1 })).toBe(false);
    expect(holds({ metric: 'n', eq: 1 }, { 'fact.n': 2, 'metric.n': 1 })).toBe(true);
  });
});

describe('nesting', () => {
  const a: Condition = { fact: 'a', eq: true };
  const b: Condition = { fact: 'b', eq: true };

  it('joins by all, any and not', () => {
    const both = { 'fact.a': true, 'fact.b': true };
    const one = { 'fact.a': true, 'fact.b': false };
    expect([holds({ all: [a, b] }, both), holds({ all: [a, b] }, one)]).toEqual([true, false]);
    expect([holds({ any: [a, b] }, one), holds({ any: [a, b] }, {})]).toEqual([true, false]);
    expect([holds({ not: a }, one), holds({ not: { any: [a, b] } }, {})]).toEqual([false, true]);
  });

  it('explains exactly what does not hold', () => {
    const leaf = fc.record({ fact: fc.constantFrom('a', 'b', 'c'), eq: fc.boolean() });
    const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
      condition: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.record({ all: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
        fc.record({ any: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
        fc.record({ not: tie('condition') }),
      ),
    }));
    const values = fc.record({ 'fact.a': fc.boolean(), 'fact.b': fc.boolean(), 'fact.c': fc.constant(null) });
    fc.assert(
      fc.property(condition, values, (condition, values) => {
        expect(why(condition, values) === undefined).toBe(holds(condition, values));
        expect(conditionModel.parse(condition)).toEqual(condition);
      }),
    );
  });
});

describe('an explanation', () => {
  it.each<[Condition, Values, string]>([
    [
      { attribute: 'country', in: ['KE', 'UG'] },
      { 'attribute.country': 'NG' },
      'attribute country is "NG", needs one of KE, UG',
    ],
    [{ attribute: 'country', in: ['KE'] }, {}, 'attribute country is absent, needs one of KE'],
    [{ attribute: 'n', in: ['1', 1, 'true', true] }, {}, 'attribute n is absent, needs one of "1", 1, "true", true'],
    [{ property: 'amount', gte: 100 }, { 'property.amount': 20 }, 'property amount is 20, needs at least 100'],
    [{ property: 'amount', gt: 100 }, { 'property.amount': '200' }, 'property amount is "200", needs more than 100'],
    [{ metric: 'n', lt: 3 }, { 'metric.n': 3 }, 'metric n is 3, needs less than 3'],
    [{ metric: 'n', lte: 3 }, { 'metric.n': 4 }, 'metric n is 4, needs at most 3'],
    [{ fact: 'x', eq: true }, { 'fact.x': false }, 'fact x is false, needs true'],
    [{ fact: 'x', ne: 'a' }, { 'fact.x': 'a' }, 'fact x is "a", needs anything but "a"'],
    [{ fact: 'x', exists: false }, { 'fact.x': 2 }, 'fact x is 2, needs absent'],
    [{ fact: 'x', exists: true }, {}, 'fact x is absent, needs present'],
    [
      {
        all: [
          { fact: 'x', eq: 1 },
          { fact: 'y', eq: 2 },
        ],
      },
      { 'fact.x': 1 },
      'fact y is absent, needs 2',
    ],
    [
      {
        any: [
          { fact: 'x', eq: 1 },
          { fact: 'y', eq: 2 },
        ],
      },
      {},
      'none of these holds: fact x is absent, needs 1; fact y is absent, needs 2',
    ],
    [{ not: { fact: 'x', in: ['a'] } }, { 'fact.x': 'a' }, 'must not hold: fact x is one of a'],
    [
      { not: { any: [{ all: [{ fact: 'x', eq: 1 }, { not: { fact: 'y', eq: 2 } }] }, { fact: 'z', exists: true }] } },
      { 'fact.x': 1 },
      'must not hold: (fact x is 1 and not fact y is 2) or fact z is present',
    ],
  ])('of %j over %j is %j', (condition, values, expected) => {
    expect(why(condition, values)).toBe(expected);
  });
});

describe('the model', () => {
  const messages = (input: unknown): string[] =>
    (conditionModel.safeParse(input).error?.issues ?? []).map(
      ({ path, message }) => `${path.join('.')}: ${message.split('\n')[0]}`,
    );

  it.each<[unknown, string]>([
    [{ attribute: 'a' }, ': does not compare with anything'],
    [{ eq: 1 }, ': does not say what it asks about'],
    [{}, ': does not say what it asks about'],
    [{ attribute: 'a', fact: 'b', eq: 1 }, ': asks about fact and attribute at once'],
    [{ attribute: 'a', gt: 1, lt: 5 }, ': compares by gt and lt at once'],
    [{ attribute: 'a', eq: 1, not: { fact: 'b', eq: 1 } }, ': mixes attribute, eq, not'],
    [{ all: [{ attribute: 'a' }] }, 'all.0: does not compare with anything'],
    [{ attribute: 'a', eq: null }, 'eq: has no value to compare with'],
    [{ attribute: 'a', eq: [1] }, 'eq: is not text, a number, true or false'],
    [{ attribute: 'a', gte: true }, 'gte: cannot be ordered'],
    [{ attribute: 'a', gte: Number.NaN }, 'gte: cannot be ordered'],
    [{ group: 'a', in: ['b'] }, ': asks whether the user is in a group, which is either true or false'],
    [{ segment: 'a', eq: 'yes' }, ': asks whether the user is in a segment, which is either true or false'],
    [{ group: { in: ['a'] }, eq: true }, ': compares in: with eq'],
    [{ group: ['a'] }, 'group: is a list'],
    [{ metric: 'daysSinceLastSeen@7d', gte: 1 }, ': "daysSinceLastSeen@7d" counts nothing in a window'],
  ])('refuses %j', (input, message) => {
    expect(messages(input)).toContain(message);
  });

  it('takes a membership without a comparison for one with true, and a list of them for any', () => {
    const parsed = (input: unknown): unknown => conditionModel.parse(input);
    expect(parsed({ group: 'a' })).toEqual({ group: 'a', eq: true });
    expect(parsed({ segment: 'a', eq: false })).toEqual({ segment: 'a', eq: false });
    const any = {
      any: [
        { group: 'a', eq: true },
        { group: 'b', eq: true },
      ],
    };
    expect([parsed({ group: { in: ['a', 'b'] } }), parsed(any)]).toEqual([any, any]);
    expect(why({ group: 'a', eq: true }, { 'group.a': false })).toBe('the user is not in group a');
    expect(why({ segment: 'a', eq: false }, { 'segment.a': true })).toBe('the user is in segment a');
  });

  it('takes a window of what is counted, and lets a type of events hold an @', () => {
    for (const metric of ['events@7d', 'events.buy@30d', 'sessions@90s', 'events.a@b', 'events.a@b@1d'])
      expect(conditionModel.safeParse({ metric, gte: 1 }).success).toBe(true);
  });

  it('refuses empty lists, empty names and unknown keys', () => {
    for (const input of [
      { all: [] },
      { any: [] },
      { attribute: 'a', in: [] },
      { attribute: '', eq: 1 },
      { attribute: 'a', like: 'x' },
    ]) {
      expect(conditionModel.safeParse(input).success).toBe(false);
    }
  });
});

it('orders text as its UTF-8 bytes are ordered', () => {
  expect(holds({ fact: 'x', gt: '\uff5e' }, { 'fact.x': '\u{1f600}' })).toBe(true);
  expect(holds({ fact: 'x', lt: 'a' }, { 'fact.x': 'Z' })).toBe(true);
});
