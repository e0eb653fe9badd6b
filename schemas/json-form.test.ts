import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { BadValue, jsonForm } from './json-form.ts';
import { recordOf } from './testing/arbitrary.ts';
import { allTopics, candidates, decisions, events, outcomes, profiles, type Topic } from './topics.ts';
import type { UserEvent } from './types.ts';

const event = { eventId: 'e', tenantId: 't', userId: 'u', occurredAt: 0, type: 'view' };
const read = <T>(topic: Topic<T>, json: unknown): T => jsonForm(topic).read(json);
const timeOf = (occurredAt: unknown): number => read(events, { ...event, occurredAt }).occurredAt;

function problemOf(topic: Topic<unknown>, json: unknown): { path: string; message: string } {
  try {
    read(topic, json);
  } catch (error) {
    if (error instanceof BadValue) return { path: error.path, message: error.message };
    throw error;
  }
  throw new Error(`${JSON.stringify(json)} was taken`);
}

describe.each(allTopics.map((topic) => [topic.name, topic] as const))('the JSON form of %s', (_, topic) => {
  const form = jsonForm(topic);

  it('is read back as it was written, and stays as it is', () => {
    fc.assert(
      fc.property(recordOf<unknown>(topic.schema), (value) => {
        const line = form.write(value);
        expect(line).not.toContain('\n');
        const again = form.read(JSON.parse(line));
        expect(again).toEqual(value);
        expect(form.write(again)).toBe(line);
        expect(topic.codec.decode(topic.codec.encode(again))).toEqual(value);
      }),
      { numRuns: 80 },
    );
  });

  it('takes any JSON there is or says where it is wrong, and whatever it takes can be written as Avro', () => {
    const [sample] = fc.sample(recordOf<Record<string, unknown>>(topic.schema), { seed: 1, numRuns: 1 });
    const names = topic.schema.fields.map((f) => f.name);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.jsonValue(), (name, given) => {
        const json = { ...(JSON.parse(form.write(sample)) as object), [name]: given };
        try {
          const value = form.read(JSON.parse(JSON.stringify(json)));
          expect(topic.codec.decode(topic.codec.encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
        } catch (error) {
          if (!(error instanceof BadValue)) throw error;
          expect(error.path.startsWith(name), `${error.path} for ${name}`).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a value that is not in the JSON form', () => {
  it.each<[string, Topic<unknown>, unknown, string, RegExp]>([
    ['null', events, null, '', /expected an object \(UserEvent\), got null/],
    ['a list', events, [], '', /got a list/],
    ['a string', events, 'x', '', /got a string/],
    ['a missing field', events, { ...event, userId: undefined }, 'userId', /is missing/],
    ['null where none may be', events, { ...event, userId: null }, 'userId', /expected a string, got null/],
    ['a number for a string', events, { ...event, type: 5 }, 'type', /expected a string, got a number/],
    ['an unknown field', events, { ...event, colour: 1 }, 'colour', /unknown field; known are eventId, /],
    ['a field named constructor', events, { ...event, constructor: 1 }, 'constructor', /unknown field/],
    ['a field named __proto__', events, JSON.parse('{"__proto__": {"userId": "x"}, "type": "t"}'), '', /./],
    [
      'an object in a map',
      events,
      { ...event, properties: { a: {} } },
      'properties.a',
      /one of boolean, number, string, null, got an object/,
    ],
    ['a list in a map', events, { ...event, properties: { a: [] } }, 'properties.a', /got a list/],
    ['a list for a map', events, { ...event, properties: [] }, 'properties', /expected an object, got a list/],
    [
      'a number among addresses',
      profiles,
      { tenantId: 't', userId: 'u', updatedAt: 0, contacts: { sms: 1 } },
      'contacts.sms',
      /a string, got a number/,
    ],
    [
      'a word that is no symbol',
      profiles,
      { tenantId: 't', userId: 'u', updatedAt: 0, notificationFrequency: 'often' },
      'notificationFrequency',
      /one of high, medium, low/,
    ],
    [
      'a string for a list',
      profiles,
      { tenantId: 't', userId: 'u', updatedAt: 0, channelPreferences: 'sms' },
      'channelPreferences',
      /expected a list/,
    ],
    [
      'a number in a list',
      profiles,
      { tenantId: 't', userId: 'u', updatedAt: 0, channelPreferences: ['sms', 1] },
      'channelPreferences[1]',
      /a string/,
    ],
    ['an empty tenant', events, { ...event, tenantId: '' }, 'tenantId', /must not be empty or contain/],
    ['a tenant with a zero byte', events, { ...event, tenantId: 'a\0' }, 'tenantId', /U\+0000/],
    ['a user with a zero byte', events, { ...event, userId: 'a\0seen 5' }, 'userId', /U\+0000/],
    ['an event id with a zero byte', events, { ...event, eventId: '\0r' }, 'eventId', /U\+0000/],
    ['a tenant with a slash', events, { ...event, tenantId: 'a/b' }, 'tenantId', /must not be empty or contain/],
    ['an empty user', events, { ...event, userId: '' }, 'userId', /must not be empty/],
    ['an empty event id', events, { ...event, eventId: '' }, 'eventId', /must not be empty/],
    ['a long event id', events, { ...event, eventId: 'e'.repeat(1025) }, 'eventId', /at most 1024 characters/],
    ['a long type', events, { ...event, type: 't'.repeat(1025) }, 'type', /at most 1024 characters/],
  ])('is refused: %s', (_, topic, json, path, message) => {
    const problem = problemOf(topic, JSON.parse(JSON.stringify(json) ?? 'null'));
    expect(problem.message).toMatch(message);
    if (!message.test('x')) expect(problem.path).toBe(path);
  });

  it('is named within records within lists', () => {
    const [decision] = fc.sample(recordOf<object>(decisions.schema), { seed: 1, numRuns: 1 });
    const steps = [
      { gate: 'a', verdict: 'pass' },
      { gate: 'b', verdict: 'maybe' },
    ];
    expect(problemOf(decisions, { ...decision, steps }).path).toBe('steps[1].verdict');
    expect(problemOf(decisions, { ...decision, steps: [{ gate: 'a', verdict: 'pass', why: 1 }] }).path).toBe(
      'steps[0].why',
    );
    expect(problemOf(decisions, { ...decision, steps: [{ gate: 'a', verdict: 'pass', facts: { x: [] } }] }).path).toBe(
      'steps[0].facts.x',
    );
  });

  it('is refused where Avro could not write it: whole numbers out of range', () => {
    const [candidate] = fc.sample(recordOf<object>(candidates.schema), { seed: 1, numRuns: 1 });
    for (const hop of [2 ** 31, -(2 ** 31) - 1, 1.5, 1e300, '1', true]) {
      expect(problemOf(candidates, { ...candidate, hop }), String(hop)).toMatchObject({ path: 'hop' });
    }
    for (const costMicros of [2 ** 53, Number.MAX_SAFE_INTEGER, 2 ** 52 + 1, -(2 ** 52) - 1, 0.5]) {
      expect(problemOf(candidates, { ...candidate, costMicros }), String(costMicros)).toMatchObject({
        path: 'costMicros',
      });
    }
    expect(read(candidates, { ...candidate, hop: 2 ** 31 - 1 }).hop).toBe(2 ** 31 - 1);
  });

  it('is refused when a number is not finite', () => {
    const [outcome] = fc.sample(recordOf<object>(outcomes.schema), { seed: 1, numRuns: 1 });
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(problemOf(outcomes, { ...outcome, value }).message).toMatch(/no finite number/);
      expect(problemOf(events, { ...event, properties: { x: value } }).path).toBe('properties.x');
    }
  });

  it('does not show long names whole', () => {
    expect(problemOf(events, { ...event, ['x'.repeat(500)]: 1 }).path.length).toBeLessThan(70);
  });
});

describe('names that every JavaScript object has', () => {
  it('are ordinary names of a map, and change no other object', () => {
    const json = JSON.parse('{"constructor":"a","toString":1,"hasOwnProperty":null}') as object;
    const value = read(events, { ...event, properties: json });
    const again = events.codec.decode(events.codec.encode(value));
    expect(Object.entries(again.properties)).toEqual([
      ['constructor', 'a'],
      ['toString', 1],
      ['hasOwnProperty', null],
    ]);
  });

  it.each(['1', 'null', '"x"'])('but for __proto__, which nobody could read back: refused (%s)', (given) => {
    const json = JSON.parse(`{"properties":{"__proto__":${given}}}`) as object;
    expect(problemOf(events, { ...event, ...json }).path).toBe('properties.__proto__');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('are unknown fields of a record', () => {
    const json = JSON.parse(JSON.stringify(event).replace('{', '{"__proto__":{"sessionId":"x"},')) as object;
    expect(problemOf(events, json).path).toBe('__proto__');
  });
});

describe('text that is not well formed', () => {
  it('is read as Avro will write it', () => {
    const value = read(events, { ...event, userId: 'u\ud800', properties: { p: '\udc00x' } });
    expect(value.userId).toBe('u\ufffd');
    expect(events.codec.decode(events.codec.encode(value))).toEqual(value);
    expect(problemOf(events, { ...event, properties: { '\ud800': 1 } }).message).toMatch(/well-formed/);
  });
});

describe('times', () => {
  const LATEST = Date.UTC(2100, 0, 1);

  it('are those of Date.parse in the common form, for any instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LATEST - 1 }), (ms) => {
        expect(timeOf(new Date(ms).toISOString())).toBe(ms);
      }),
      { numRuns: 5000 },
    );
  });

  it('are those of luxon on every day from 1970 to 2099', () => {
    for (let day = 0; day < LATEST; day += 86_400_000) {
      const text = new Date(day).toISOString();
      if (timeOf(text) !== day || timeOf(`${text.slice(0, 10)}T00:00Z`) !== day) expect.fail(text);
    }
  });

  it('have any offset and any precision', () => {
    const offset = fc.tuple(
      fc.constantFrom('+', '-'),
      fc.integer({ min: 0, max: 14 }),
      fc.constantFrom(0, 15, 30, 45),
      fc.boolean(),
    );
    const fraction = fc.stringMatching(/^(|\.\d{1,9})$/);
    fc.assert(
      fc.property(
        fc.integer({ min: 86_400_000, max: LATEST - 86_400_001 }),
        offset,
        fraction,
        (ms, [sign, h, m, colon], f) => {
          const zone = `${sign}${String(h).padStart(2, '0')}${colon ? ':' : ''}${String(m).padStart(2, '0')}`;
          const text = `${new Date(ms).toISOString().slice(0, 19)}${f}${zone}`;
          expect(timeOf(text), text).toBe(DateTime.fromISO(text).toMillis());
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('are epoch ms too, cut to whole ones', () => {
    expect([0, 1, 1.9, LATEST - 1].map(timeOf)).toEqual([0, 1, 1, LATEST - 1]);
  });

  it.each([
    ['2024-02-29T12:00:00.000Z', '2024-02-29T12:00:00Z'],
    ['2000-02-29T12:00:00.000Z', '2000-02-29T12:00:00Z'],
    ['2026-02-01T00:00:00.000Z', '2026-01-31T24:00:00Z'],
    ['2025-12-31T21:00:00.000Z', '2026-01-01T00:00:00.000+03:00'],
    ['1970-01-01T00:00:00.000Z', '1970-01-01T01:00:00+01:00'],
  ])('take %s from %s', (iso, given) => {
    expect(new Date(timeOf(given)).toISOString()).toBe(iso);
  });

  it.each([
    '2026-02-30T00:00:00Z',
    '2026-02-29T00:00:00.000Z',
    '2025-02-29T12:00:00+01:00',
    '2026-04-31T00:00:00.000Z',
    '2026-06-31T00:00:00Z',
    '2026-13-01T00:00:00.000Z',
    '2026-00-01T00:00:00.000Z',
    '2026-01-00T00:00:00.000Z',
    '2026-01-32T00:00:00.000Z',
    '2026-01-01T25:00:00.000Z',
    '2026-01-01T24:00:01.000Z',
    '2026-01-01T00:60:00.000Z',
    '2026-12-31T23:59:60.000Z',
    '2026-01-01T00:00:00+25:00',
  ])('that do not exist are refused: %s', (given) => {
    expect(problemOf(events, { ...event, occurredAt: given })).toEqual({
      path: 'occurredAt',
      message: 'occurredAt: is no time that exists',
    });
  });

  it.each([
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00.000',
    '2026-01-01',
    '2026-01-01 00:00:00Z',
    '1 January 2026',
    '',
    'now',
    '1767225600000',
    '2026-1-1T00:00:00Z',
    '+002026-01-01T00:00:00Z',
    '20260101T000000Z',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00,5Z',
    '2026-01-01t00:00:00z',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z\n',
    '2026-01-01T00:00:00 UTC',
    '٢٠٢٦-01-01T00:00:00.000Z',
    '2026-01-01T00:00:00.00AZ',
  ])('without a zone or in another form are refused: %j', (given) => {
    expect(problemOf(events, { ...event, occurredAt: given }).message).toMatch(
      /^occurredAt: expected a time as ISO-8601 with a zone/,
    );
  });

  it.each<unknown>([
    -1,
    -0.5,
    LATEST,
    1e300,
    '1969-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00+01:00',
    '2100-01-01T00:00:00.000Z',
    '2099-12-31T23:00:00-01:00',
    '0000-01-01T00:00:00.000Z',
    '0099-06-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
  ])('before 1970 or after 2099 are refused: %j', (given) => {
    expect(problemOf(events, { ...event, occurredAt: given }).message).toBe(
      'occurredAt: is outside 1970-01-01 to 2100-01-01',
    );
  });

  it.each<[unknown, string]>([
    [true, 'a boolean'],
    [null, 'null'],
    [{}, 'an object'],
    [[], 'a list'],
    [Number.NaN, 'no finite number'],
  ])('of another type are refused: %j', (given, kind) => {
    expect(problemOf(events, { ...event, occurredAt: given }).message).toMatch(new RegExp(`got ${kind}$`));
  });
});

describe('defaults', () => {
  it('stand for what is absent, and null is left out when written', () => {
    const { tenantId: _, ...rest } = event;
    const value = read(events, rest);
    expect(value).toEqual({ ...event, tenantId: 'default', sessionId: null, properties: {} } satisfies UserEvent);
    expect(jsonForm(events).write(value)).toBe(
      '{"eventId":"e","tenantId":"default","userId":"u","occurredAt":"1970-01-01T00:00:00.000Z","type":"view","properties":{}}',
    );
  });
});
