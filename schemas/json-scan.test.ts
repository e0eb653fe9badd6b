import { isUtf8 } from 'node:buffer';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonForm } from './json-form.ts';
import { jsonScan } from './json-scan.ts';
import { recordOf } from './testing/arbitrary.ts';
import { allTopics, consents, events, profiles, type Topic } from './topics.ts';
import type { UserEvent } from './types.ts';

const form = jsonForm(events);
const scan = jsonScan(events)!;

/** What the long way gives; undefined when it refuses. */
function longWay<T>(topic: Topic<T>, line: string): T | undefined {
  try {
    return jsonForm(topic).read(JSON.parse(line));
  } catch {
    return undefined;
  }
}

const NEIGHBOUR = '{"eventId":"n","userId":"n","occurredAt":1,"type":"n"}';

/** Reads the block's second line, and checks it against the long way. True when it was read. */
function agrees(bytes: Buffer): boolean {
  if (!isUtf8(bytes)) return false;
  const start = NEIGHBOUR.length + 1;
  const [line = ''] = bytes.toString().split('\n');
  let taken = 0;
  for (const after of ['', `\n${NEIGHBOUR}`]) {
    scan.open(Buffer.concat([Buffer.from(`${NEIGHBOUR}\n`), bytes, Buffer.from(after)]));
    const value = scan.read(start);
    if (value === undefined) continue;
    taken++;
    expect(scan.end).toBe(start + Buffer.byteLength(line));
    const wanted = longWay(events, line);
    expect(value).toStrictEqual(wanted);
    // Names in the same order, too.
    expect(JSON.stringify(value)).toBe(JSON.stringify(wanted));
  }
  expect(taken === 0 || taken === 2, line).toBe(true);
  return taken > 0;
}

const read = (line: string): UserEvent | undefined => {
  scan.open(Buffer.from(line));
  return scan.read(0);
};

const word = fc.oneof(
  fc.stringMatching(/^[ -!#-[\]-~]{1,40}$/),
  fc.constantFrom(
    'view',
    'a',
    'Aa',
    'BB',
    'ümlaut',
    '日本',
    '🙂',
    'constructor',
    '1',
    '0',
    '__proto__',
    'type',
    '\u2028',
  ),
);
const decimal = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.nat().map(String), fc.bigInt({ min: 0n, max: 10n ** 17n }).map(String)),
    fc.option(fc.stringMatching(/^\d{1,16}$/)),
  )
  .map(([sign, whole, part]) => `${sign}${whole}${part === null ? '' : `.${part}`}`);
const time = fc.oneof(
  fc
    .date({ min: new Date(0), max: new Date('2100-01-02T00:00:00Z'), noInvalidDate: true })
    .map((t) => `"${t.toISOString()}"`),
  fc.integer({ min: 0, max: 4_102_444_900_000 }).map(String),
  fc
    .tuple(fc.integer({ min: 1968, max: 2101 }), ...[13, 32, 25, 61, 61].map((max) => fc.nat({ max })))
    .map(([year, ...rest]) => {
      const [month, day, hour, minute, second] = rest.map((n) => String(n).padStart(2, '0'));
      const milli = year % 2 === 0 ? '' : `.${String(year * 7).slice(-3)}`;
      return `"${year}-${month}-${day}T${hour}:${minute}:${second}${milli}Z"`;
    }),
);
const quoted = word.map((text) => JSON.stringify(text));
const scalar = fc.oneof(
  quoted,
  decimal,
  fc.constantFrom('null', 'true', 'false', '""', '-0', '0.0', '1e3', '00', '01.5', '1.', '-'),
);
const gap = fc.constantFrom('', '', '', ' ');
const members = (pairs: readonly (readonly [string, string])[], colon: string, comma: string): string =>
  `{${pairs.map(([name, value]) => `${name}:${colon}${value}`).join(`,${comma}`)}}`;

/** Lines as producers write them: any order of fields, with spaces or not. */
const spelled = fc
  .record({
    ids: fc.tuple(quoted, quoted, quoted),
    optional: fc.tuple(fc.option(quoted), fc.option(fc.oneof(quoted, fc.constant('null')))),
    time,
    properties: fc.option(fc.array(fc.tuple(quoted, scalar), { maxLength: 6 })),
    order: fc.option(fc.infiniteStream(fc.nat())),
    colon: gap,
    comma: gap,
    end: fc.constantFrom('', '', '\r', ' '),
  })
  .map(({ ids, optional, time, properties, order, colon, comma, end }) => {
    const all = [
      ['"eventId"', ids[0]],
      ['"tenantId"', optional[0]],
      ['"userId"', ids[1]],
      ['"sessionId"', optional[1]],
      ['"occurredAt"', time],
      ['"type"', ids[2]],
      ['"properties"', properties === null ? null : members(properties, colon, comma)],
    ] as const;
    const pairs = all.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
    if (order !== null) {
      const ranks = new Map(pairs.map((pair) => [pair, order.next().value]));
      pairs.sort((a, b) => ranks.get(a)! - ranks.get(b)!);
    }
    return members(pairs, colon, comma) + end;
  });

const ordinary: readonly (readonly [string, string])[] = [
  [
    'as the generator of events writes them',
    '{"eventId":"e1","userId":"u1","sessionId":"s1","occurredAt":"2026-01-05T00:00:07.253Z","type":"product_view","properties":{"productId":"p694","price":49.51,"n":-3,"gift":true,"new":false,"brand":null}}',
  ],
  [
    'with spaces after colons and commas',
    '{"eventId": "e1", "userId": "u1", "occurredAt": 1767571207253, "type": "t", "properties": {"a": 1.0, "b": "x"}}',
  ],
  [
    'in another order',
    '{"type":"t","occurredAt":"2024-02-28T23:59:59.999Z","userId":"u","properties":{},"eventId":"e"}',
  ],
  [
    'with letters beyond ASCII',
    '{"eventId":"é","tenantId":"日本","userId":"ü🙂","occurredAt":0,"type":"wählen","properties":{"größe":"ß"}}',
  ],
  ['on the last day of a month', '{"eventId":"e","userId":"u","occurredAt":"2099-12-31T23:59:59.999Z","type":"t"}\r'],
  ['without milliseconds', '{"eventId":"e","userId":"u","occurredAt":"2026-01-31T00:00:00Z","type":"t"}'],
];

const edit = fc.record({
  at: fc.noBias(fc.nat()),
  removed: fc.nat({ max: 3 }),
  inserted: fc.oneof(
    fc.constantFrom(
      ...'"\\{}[]:,-.0e \t\r\n\u0000\u007fé'.split(''),
      '\\u0041',
      '":"',
      '"a":1,',
      'null',
      '"type":"x",',
    ),
    fc.uint8Array({ maxLength: 2 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(''),
  ),
});

describe('the scanner of events', () => {
  it('reads what producers write as the long way does, and mostly reads it', () => {
    let taken = 0;
    let valid = 0;
    fc.assert(
      fc.property(spelled, (line) => {
        if (longWay(events, line) !== undefined) valid++;
        if (agrees(Buffer.from(line))) taken++;
      }),
      { numRuns: 4000 },
    );
    expect(valid).toBeGreaterThan(800);
    expect(taken).toBeGreaterThan(valid * 0.4);
  });

  it('reads what we write, whatever it holds, as the long way does', () => {
    fc.assert(
      fc.property(recordOf<UserEvent>(events.schema), (value) => void agrees(Buffer.from(form.write(value)))),
      { numRuns: 1000 },
    );
  });

  it('takes nothing that the long way refuses, and gives nothing else, after any small damage', () => {
    let taken = 0;
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(...ordinary.map(([, line]) => line)), spelled),
        fc.array(edit, { minLength: 1, maxLength: 2 }),
        (line, edits) => {
          let bytes = Buffer.from(line);
          for (const { at, removed, inserted } of edits) {
            const from = at % (bytes.length + 1);
            bytes = Buffer.concat([bytes.subarray(0, from), Buffer.from(inserted), bytes.subarray(from + removed)]);
          }
          if (agrees(bytes)) taken++;
        },
      ),
      { numRuns: 12_000 },
    );
    expect(taken).toBeGreaterThan(300);
  });

  it('takes no other JSON than the long way', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.json().map((json) => `{"properties":${json}}`),
        ),
        (json) => {
          agrees(Buffer.from(json));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each(ordinary)('reads lines %s', (_, line) => {
    expect(agrees(Buffer.from(line))).toBe(true);
  });

  it.each([
    ['an escape', '"type":"a\\n"'],
    ['an unknown field', '"type":"t","x":1'],
    ['a field twice', '"type":"t","type":"t"'],
    ['an empty id', '"type":"t","tenantId":""'],
    ['a slash in the tenant', '"type":"t","tenantId":"a/b"'],
    ['null where none may be', '"type":null'],
    ['a name that is __proto__', '"type":"t","properties":{"__proto__":1}'],
    ['a value in a value', '"type":"t","properties":{"a":{}}'],
    ['a long number', '"type":"t","properties":{"a":1234567890123456}'],
    ['an exponent', '"type":"t","properties":{"a":1e3}'],
    ['a leading zero', '"type":"t","properties":{"a":01}'],
    ['no digit after the point', '"type":"t","properties":{"a":1.}'],
    ['a missing field', '"properties":{}'],
    ['a comma too many', '"type":"t",'],
    ['text after it', '"type":"t"} {'],
  ])('leaves a line with %s to the long way', (_, rest) => {
    expect(read(`{"eventId":"e","userId":"u","occurredAt":1,${rest}}`)).toBeUndefined();
  });

  it('tells texts apart that share a place among those it keeps, also when a block is overwritten', () => {
    // The two have one hash.
    const block = Buffer.from('{"eventId":"e","userId":"u","occurredAt":1,"type":"Aa"}');
    const other = Buffer.from(block.toString().replace('Aa', 'BB'));
    const types: (string | undefined)[] = [];
    for (const content of [block.toString(), other.toString(), block.toString()]) {
      block.write(content);
      scan.open(block);
      types.push(scan.read(0)?.type);
    }
    expect(types).toEqual(['Aa', 'BB', 'Aa']);
  });

  it('gives texts that hold on to no block', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const blocks = 300;
    const padding = ' '.repeat(1 << 16);
    const held: string[] = [];
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < blocks; i++) {
      const id = `an-id-that-is-long-${i}`;
      const line = `{"eventId":"${id}","userId":"${i}","occurredAt":1,"type":"type-${id}"}`;
      scan.open(Buffer.from(`${line}\n${padding}`));
      const { eventId, userId, type } = scan.read(0)!;
      held.push(eventId, userId, type);
    }
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan((blocks * padding.length) / 4);
    expect(held).toHaveLength(3 * blocks);
  });
});

describe('a scanner', () => {
  it('is there for topics of plain fields alone, and reads them as the long way does', () => {
    const known: string[] = [];
    for (const topic of allTopics) {
      const other = jsonScan(topic);
      if (other === undefined) continue;
      known.push(topic.name);
      fc.assert(
        fc.property(recordOf<unknown>(topic.schema), (value) => {
          const line = jsonForm(topic).write(value);
          other.open(Buffer.from(line));
          const scanned = other.read(0);
          if (scanned !== undefined) expect(scanned).toStrictEqual(longWay(topic, line));
        }),
        { numRuns: 200 },
      );
    }
    expect(known).toEqual(expect.arrayContaining(['events', 'profiles', 'consents']));
    expect(known).not.toContain('campaigns');
  });

  it.each<[Topic<unknown>, string]>([
    [profiles, '{"userId":"u","timezone":"Africa/Nairobi","contacts":{"sms":"+1","email":"ü@x"},"updatedAt":1}'],
    [profiles, '{"userId":"u","channelPreferences":["sms", "email"],"attributes":{"a":null,"b":1.5},"updatedAt":1}'],
    [profiles, '{"userId":"u","channelPreferences":[],"notificationFrequency":"low","device":null,"updatedAt":1}'],
    [profiles, '{"userId":"u","notificationFrequency":null,"updatedAt":"2026-01-01T00:00:00Z"}'],
    [consents, '{"userId":"u","purpose":"p","granted":true,"version":"1","changedAt":1}'],
    [consents, '{"userId":"u","purpose":"p","channel":"sms","granted":false,"version":-2,"changedAt":1}'],
    [consents, '{"userId":"u","purpose":"p","granted":false,"version":null,"source":"s","changedAt":1}'],
  ])('reads an ordinary line (%#)', (topic, line) => {
    const other = jsonScan(topic)!;
    other.open(Buffer.from(line));
    expect(other.read(0)).toStrictEqual(longWay(topic, line));
  });

  it.each<[Topic<unknown>, string]>([
    [profiles, '{"userId":"u","contacts":{"sms":1},"updatedAt":1}'],
    [profiles, '{"userId":"u","contacts":[],"updatedAt":1}'],
    [profiles, '{"userId":"u","channelPreferences":["sms",1],"updatedAt":1}'],
    [profiles, '{"userId":"u","channelPreferences":["sms"}],"updatedAt":1}'],
    [profiles, '{"userId":"u","channelPreferences":{},"updatedAt":1}'],
    [profiles, '{"userId":"u","notificationFrequency":"often","updatedAt":1}'],
    [consents, '{"userId":"u","purpose":"p","granted":null,"changedAt":1}'],
    [consents, '{"userId":"u","purpose":"p","granted":"true","changedAt":1}'],
    [consents, '{"userId":"u","purpose":"p","granted":true,"version":1.5,"changedAt":1}'],
    [consents, '{"userId":"u","purpose":"p","granted":true,"version":true,"changedAt":1}'],
  ])('takes no bad line (%#)', (topic, line) => {
    const other = jsonScan(topic)!;
    other.open(Buffer.from(line));
    expect(other.read(0)).toBeUndefined();
    expect(longWay(topic, line)).toBeUndefined();
  });
});
