import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecOf, frame, loadCodec, schemaNameOf, unframe } from './avro.ts';
import { recordOf } from './testing/arbitrary.ts';
import { allTopics, topicNamed } from './topics.ts';

describe.each(allTopics.map((topic) => [topic.name, topic] as const))('the codec of %s', (_, { codec, schema }) => {
  it('reads what it writes, byte for byte', () => {
    fc.assert(
      fc.property(recordOf<unknown>(schema), (value) => {
        const bytes = codec.encode(value);
        expect(codec.decode(bytes)).toEqual(value);
        expect(codec.encode(codec.decode(bytes))).toEqual(bytes);
        expect(codec.decodeFrom(codec.json, bytes)).toEqual(value);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses damaged bytes instead of reading on', () => {
    const [value] = fc.sample(recordOf<unknown>(schema), { seed: 1, numRuns: 1 });
    const bytes = codec.encode(value);
    expect(() => codec.decode(bytes.subarray(0, bytes.length - 1))).toThrow();
    expect(() => codec.decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow();
  });
});

describe('a codec', () => {
  it('refuses a value that is not of its schema', () => {
    const { codec } = topicNamed('events') ?? {};
    const [event] = fc.sample(
      recordOf<Record<string, unknown>>((topicNamed('events') as (typeof allTopics)[number]).schema),
      1,
    );
    expect(() => codec?.encode({ ...event, occurredAt: 1.5 })).toThrow();
    expect(() => codec?.encode({ ...event, userId: undefined })).toThrow();
    expect(() => codec?.encode({ ...event, properties: { f: () => 0 } })).toThrow();
  });

  it('has a fingerprint of 8 bytes that docs do not change and fields do', () => {
    const json = (doc: string, name: string): string =>
      JSON.stringify({ type: 'record', name: 'R', doc, fields: [{ name, type: 'string' }] });
    expect(codecOf(json('a', 'f')).fingerprint).toHaveLength(8);
    expect(codecOf(json('a', 'f')).fingerprint).toEqual(codecOf(json('b', 'f')).fingerprint);
    expect(codecOf(json('a', 'f')).fingerprint).not.toEqual(codecOf(json('a', 'g')).fingerprint);
  });

  it('says which file is missing', () => {
    expect(() => loadCodec('avsc/none')).toThrow(/none\.avsc/);
  });
});

describe('a value that another version of the schema wrote', () => {
  const record = (...fields: object[]): string => JSON.stringify({ type: 'record', name: 'R', namespace: 'n', fields });
  const id = { name: 'id', type: 'string' };
  const kind = { name: 'kind', type: { type: 'enum', name: 'K', symbols: ['a', 'b'] }, default: 'a' };
  const list = (...fields: object[]): object => ({
    name: 'list',
    type: { type: 'array', items: { type: 'record', name: 'I', fields } },
  });
  const maybe = { name: 'maybe', type: ['null', 'string'], default: null };

  it('has the default of a field it lacks and none of a field that is gone', () => {
    const newer = codecOf<unknown>(record(id, maybe, kind));
    const older = codecOf<unknown>(record({ name: 'gone', type: 'long' }, id));
    expect(newer.decodeFrom(older.json, older.encode({ gone: 5, id: 'x' }))).toEqual({
      id: 'x',
      maybe: null,
      kind: 'a',
    });
    expect(
      older.decodeFrom(
        record(id, { name: 'gone', type: 'long' }),
        codecOf(record(id, { name: 'gone', type: 'long' })).encode({ id: 'x', gone: 5 }),
      ),
    ).toEqual({ gone: 5, id: 'x' });
  });

  it('is evolved within lists, and from a type to a union with it', () => {
    const older = codecOf<unknown>(record(list(id)));
    const newer = codecOf<unknown>(record(list(maybe, { ...id, type: ['null', 'string'] })));
    expect(newer.decodeFrom(older.json, older.encode({ list: [{ id: 'x' }, { id: 'y' }] }))).toEqual({
      list: [
        { maybe: null, id: 'x' },
        { maybe: null, id: 'y' },
      ],
    });
  });

  it('throws when the two do not resolve', () => {
    const older = codecOf<unknown>(record(id));
    const newer = codecOf<unknown>(record(id, { name: 'needed', type: 'long' }));
    expect(() => newer.decodeFrom(older.json, older.encode({ id: 'x' }))).toThrow();
    expect(() => newer.checkReads(older.json)).toThrow('needed');
    older.checkReads(newer.json);
  });

  it('has a name in full', () => {
    const fields: object[] = [];
    expect(schemaNameOf(JSON.stringify({ type: 'record', name: 'A', fields }))).toBe('A');
    expect(schemaNameOf(JSON.stringify({ type: 'record', name: 'A', namespace: 'b.c', fields }))).toBe('b.c.A');
    expect(schemaNameOf(JSON.stringify({ type: 'record', name: 'x.A', namespace: 'b.c', fields }))).toBe('x.A');
  });
});

describe('the Confluent wire format', () => {
  it('is a zero byte, the schema id in four bytes, the Avro bytes', () => {
    expect(frame(258, Buffer.from([7, 8]))).toEqual(Buffer.from([0, 0, 0, 1, 2, 7, 8]));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.uint8Array(), (schemaId, bytes) => {
        const avro = Buffer.from(bytes);
        expect(unframe(frame(schemaId, avro))).toEqual({ schemaId, avro });
      }),
    );
  });

  it('is not what begins otherwise or is too short', () => {
    expect(unframe(Buffer.from([1, 0, 0, 0, 1, 2]))).toBeUndefined();
    expect(unframe(Buffer.from([0, 0, 0, 0]))).toBeUndefined();
    expect(unframe(Buffer.from('{"json":1}'))).toBeUndefined();
    expect(unframe(Buffer.alloc(0))).toBeUndefined();
  });
});
