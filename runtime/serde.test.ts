import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codecOf, frame } from '../schemas/avro.ts';
import { campaigns, DEAD_LETTERS, events, signals, type Topic } from '../schemas/topics.ts';
import type { UserEvent } from '../schemas/types.ts';
import type { LogRecord, NewRecord } from './log.ts';
import { partitionOf } from './partition.ts';
import { ADVANCE_TO, deadLetter, Serde, timeMark } from './serde.ts';
import { type Engine, openEngine } from './testing/engine.ts';
import { event } from './testing/tiny-topology.ts';

let engine: Engine;
beforeEach(async () => {
  engine = await openEngine();
});
afterEach(() => engine.close());

const onLog = (record: NewRecord): LogRecord => ({ headers: {}, ...record, offset: 7 });
const encoded = (): LogRecord => onLog(engine.records(events, [event('u', 10)])[0] as NewRecord);
async function decode(record: LogRecord, topic: Topic<unknown> = events): Promise<unknown> {
  await engine.serde.learn([record]);
  return engine.serde.decode(topic, record);
}

describe('a record', () => {
  test('comes back as the value it was made of', async () => {
    expect(await decode(encoded())).toEqual({ value: event('u', 10), key: 't/u' });
  });

  test('has the key of its tenant and user, and its own time', () => {
    const { key, timestamp, topic } = engine.records(events, [event('u', 10)])[0] as NewRecord;
    expect([String(key), timestamp, topic]).toEqual(['t/u', 10, events.topic]);
  });

  test.each([
    ['no value', null],
    ['too short a value', Buffer.from([0, 0])],
    ['another first byte', Buffer.from('{"eventId":"json"}')],
  ])('with %s is not Avro', async (_, value) => {
    expect(await decode({ ...encoded(), value })).toMatchObject({ code: 'not-avro' });
  });

  test('of the right id whose bytes are not of the schema is not Avro', async () => {
    const { value } = encoded() as { readonly value: Buffer };
    expect(await decode({ ...encoded(), value: value.subarray(0, -1) })).toMatchObject({ code: 'not-avro' });
    expect(await decode({ ...encoded(), value: Buffer.concat([value, Buffer.from([0])]) })).toMatchObject({
      code: 'not-avro',
    });
  });

  test('of an id that nobody registered has an unknown schema', async () => {
    expect(await decode({ ...encoded(), value: frame(12, Buffer.from('x')) })).toEqual({
      code: 'unknown-schema',
      message: 'no schema has the id 12',
    });
  });

  test('of an id that was unknown is asked for again after ten seconds, and not before', async () => {
    let time = 0;
    let asked = 0;
    let known: string | undefined;
    const schema = async (): Promise<string | undefined> => {
      asked++;
      return known;
    };
    const registry = { register: async () => 1, schema };
    const serde = new Serde(registry, { now: () => time });
    const record = { ...encoded(), value: frame(2, events.codec.encode(event('u', 10))) };
    const decodedAt = async (now: number): Promise<unknown> => {
      time = now;
      await serde.learn([record, record]);
      return serde.decode(events, record);
    };
    expect(await decodedAt(0)).toMatchObject({ code: 'unknown-schema' });
    known = events.codec.json;
    expect(await decodedAt(9_999)).toMatchObject({ code: 'unknown-schema' });
    expect(asked).toBe(1);
    expect(await decodedAt(10_000)).toEqual({ value: event('u', 10), key: 't/u' });
    expect(await decodedAt(30_000)).toEqual({ value: event('u', 10), key: 't/u' });
    expect(asked).toBe(2);
  });

  test('of another topic is not of this one', async () => {
    expect(await decode(encoded(), signals)).toMatchObject({ code: 'not-avro' });
  });

  test.each([null, Buffer.from('t/other')])('with another key than its value says has a bad key', async (key) => {
    expect(await decode({ ...encoded(), key })).toMatchObject({ code: 'bad-key' });
  });

  test('whose key is text but no UTF-8 has a bad key: it would lie in another partition than the user’s', async () => {
    const [record] = engine.records(events, [event('é\ufffd', 10)]) as [NewRecord];
    expect(await decode(onLog(record))).toMatchObject({ key: 't/é\ufffd' });
    const key = Buffer.concat([Buffer.from('t/é'), Buffer.from([0xff])]);
    expect(await decode({ ...onLog(record), key })).toMatchObject({ code: 'bad-key' });
  });

  test.each([
    ['a/b', 'u'],
    ['', 'u'],
    ['t', ''],
    ['t', 'u\0seen 5'],
    ['t\0', 'u'],
  ])('of tenant %j and user %j, whose key is or could be that of another, has a bad key', async (tenantId, userId) => {
    const [record] = engine.records(events, [{ ...event(userId, 10), tenantId }]) as [NewRecord];
    expect(await decode(onLog(record))).toMatchObject({ code: 'bad-key' });
  });

  test.each([
    { wrong: { eventId: '' }, why: 'the eventId must not be empty' },
    { wrong: { eventId: 'e\0' }, why: 'the eventId must not contain the character U+0000' },
    { wrong: { eventId: 'e'.repeat(1025) }, why: 'the eventId must have at most 1024 characters' },
    { wrong: { userId: 'u'.repeat(1025) }, why: 'the userId must have at most 1024 characters' },
    { wrong: { type: 't'.repeat(1025) }, why: 'the type must have at most 1024 characters' },
  ])('has a bad id: $why', async ({ wrong, why }) => {
    const [record] = engine.records(events, [{ ...event('u', 10), ...wrong }]) as [NewRecord];
    expect(await decode(onLog(record))).toEqual({ code: 'bad-id', message: why });
  });

  test('that a producer with another partitioner wrote is in the wrong partition, unless everybody reads it', () => {
    const right = partitionOf('t/u', 4);
    const wrong = (right + 1) % 4;
    const decoded = (partition: number, partitions: number): unknown =>
      engine.serde.decode(events, encoded(), { partition, partitions });
    expect(decoded(right, 4)).toEqual({ value: event('u', 10), key: 't/u' });
    expect(decoded(0, 1)).toEqual({ value: event('u', 10), key: 't/u' });
    expect(decoded(wrong, 4)).toEqual({
      code: 'wrong-partition',
      message: expect.stringContaining(`belongs into partition ${right}`),
    });
    const definition = { tenantId: 't', campaignId: 'u', version: 1, effectiveFrom: 0, definition: '{}' };
    const campaign = onLog(engine.records(campaigns, [definition])[0] as NewRecord);
    expect(engine.serde.decode(campaigns, campaign, { partition: wrong, partitions: 4 })).toMatchObject({
      value: definition,
    });
  });

  test('written by an older schema is read by this one, once its id was learned', async () => {
    const { fields, ...rest } = JSON.parse(events.codec.json) as { readonly fields: { readonly name: string }[] };
    const older = JSON.stringify({ ...rest, fields: fields.filter(({ name }) => name !== 'properties') });
    const registry = { register: async () => 1, schema: async (id: number) => (id === 2 ? older : undefined) };
    const serde = new Serde(registry);
    await serde.open([events]);
    const { properties, ...value } = event('u', 10, { timerAt: 1 });
    const record = { ...encoded(), value: frame(2, codecOf<Omit<UserEvent, 'properties'>>(older).encode(value)) };
    expect(properties).toEqual({ timerAt: 1 });
    expect(serde.decode(events, record)).toMatchObject({ code: 'unknown-schema' });
    await serde.learn([record]);
    expect(serde.decode(events, record)).toEqual({ value: { ...value, properties: {} }, key: 't/u' });
  });

  test('written by a schema that differs in its docs alone is decoded as by our own', async () => {
    const undocumented = JSON.stringify(JSON.parse(events.codec.json), (name, value) =>
      name === 'doc' ? undefined : value,
    );
    const registry = { register: async () => 1, schema: async () => undocumented };
    const serde = new Serde(registry);
    await serde.open([events]);
    const { value } = encoded();
    const record = { ...encoded(), value: frame(2, (value as Buffer).subarray(5)) };
    await serde.learn([record]);
    expect(serde.decode(events, record)).toStrictEqual({ value: event('u', 10), key: 't/u' });
  });

  test('of a topic that was not opened is refused', () => {
    const serde = new Serde({ register: async () => 1, schema: async () => undefined });
    expect(() => serde.encode(events, event('u', 10), 1)).toThrow('topic events was not opened for writing');
  });
});

describe('a time mark', () => {
  const mark = (to: string, key: Buffer | null = null): number | undefined =>
    timeMark({ offset: 0, timestamp: 0, key, value: null, headers: { [ADVANCE_TO]: to } });

  test('names its instant as ISO-8601 or epoch ms', () => {
    expect([mark('1970-01-01T00:00:01Z'), mark('1000')]).toEqual([1000, 1000]);
  });

  test('is none with a key, a value, or without a time', () => {
    expect([mark('1000', Buffer.from('k')), mark('soon'), timeMark(encoded())]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

test('a dead letter keeps the bytes and says where they were and why they are there', () => {
  const record = encoded();
  const letter = deadLetter(record, { topic: events.topic, partition: 3 }, { code: 'bad-key', message: 'why' });
  expect(letter).toEqual({
    topic: DEAD_LETTERS,
    partition: 3,
    timestamp: 10,
    key: record.key,
    value: record.value,
    headers: { topic: events.topic, partition: '3', offset: '7', code: 'bad-key', message: 'why', time: '10' },
  });
});
