import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonBytes, jsonAppend } from './json-bytes.ts';
import { jsonForm } from './json-form.ts';
import { recordOf } from './testing/arbitrary.ts';
import { allTopics, sends, sessions } from './topics.ts';

/** What the bytes hold after the values were appended one after another; a capacity of 1 makes them grow. */
function appended(topic: (typeof allTopics)[number], values: readonly unknown[], capacity = 1): string {
  const out = new JsonBytes(capacity);
  for (const value of values) jsonAppend(topic)(value, out);
  return out.bytes.toString('utf8', 0, out.length);
}

describe('the bytes of a record', () => {
  it.each(allTopics.map((topic) => [topic.name, topic] as const))('of %s are those of its JSON form', (_, topic) => {
    fc.assert(
      fc.property(fc.array(recordOf<unknown>(topic.schema), { maxLength: 3 }), (values) => {
        expect(appended(topic, values)).toBe(values.map((value) => jsonForm(topic).write(value)).join(''));
      }),
      { numRuns: 200 },
    );
  });

  it.each([0, 9, 10, 999, 999_999_999, 1e9, 2 ** 52, -1, 0.5, 1e-7, 3e22, -0])('hold the number %d', (value) => {
    const send = { costMicros: value };
    expect(appended(sends, [send])).toBe(jsonForm(sends).write(send as never));
  });

  it.each([0, 951_782_399_999, Date.UTC(2099, 11, 31, 23, 59, 59, 999), Date.UTC(10_000, 0, 1), -1])(
    'hold the time %d',
    (startedAt) => {
      expect(appended(sessions, [{ startedAt }])).toBe(jsonForm(sessions).write({ startedAt } as never));
    },
  );

  it.each(['', 'plain', 'a "quoted" \\ line\n', '\u007f', 'ümlaut 日本 😀', '\ud800', 'x'.repeat(100_000)])(
    'hold any text (%#)',
    (sessionId) => {
      expect(appended(sessions, [{ sessionId }])).toBe(jsonForm(sessions).write({ sessionId } as never));
    },
  );

  it.each(['"', '\\', '\n', '\u007f', 'é', 'Ł', '日', '😀', '\ud800'])(
    'hold a text of any length with %j anywhere',
    (special) => {
      for (let length = 0; length <= 40; length++) {
        for (const at of [0, length >> 1, length]) {
          const text = 'x'.repeat(at) + special + 'x'.repeat(length - at);
          for (const sessionId of [text, special.repeat(length)])
            expect(appended(sessions, [{ sessionId }])).toBe(jsonForm(sessions).write({ sessionId } as never));
        }
      }
    },
  );

  it('are an empty object where everything is absent', () => {
    expect(appended(sessions, [{ startedAt: null }])).toBe('{}');
    expect(appended(sessions, [{ eventTypes: {}, appSessionIds: [] }])).toBe('{"eventTypes":{},"appSessionIds":[]}');
  });
});
