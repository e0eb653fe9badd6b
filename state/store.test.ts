// One suite over every engine: what the contract of a store says, and that they agree with a plain sorted model.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryStore } from './memory/memory-store.ts';
import { FolderInUse, RocksDatabase } from './rocksdb/rocks-database.ts';
import { openRocksStore, RocksStore } from './rocksdb/rocks-store.ts';
import type { Store, StoreChange } from './store.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-store-'));
let folders = 0;
const newFolder = (): string => join(root, String(folders++));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const bytes = (...values: number[]): Buffer => Buffer.from(values);
const text = (value: string): Buffer => Buffer.from(value);
const LOWEST = Buffer.alloc(0);
const HIGHEST = Buffer.alloc(64, 0xff);
const put = (key: Buffer, value: Buffer): StoreChange => ({ key, value });

/** A store that shares its database with neighbours on both sides of it, whose entries it must never show. */
async function openBetweenNeighbours(): Promise<Store> {
  const database = await RocksDatabase.open(newFolder());
  for (const prefix of [bytes(6, 0xff), bytes(8)]) {
    await new RocksStore(database, prefix).write([put(LOWEST, text('neighbour')), put(HIGHEST, text('neighbour'))]);
  }
  return new RocksStore(database, bytes(7), true);
}

const engines: readonly (readonly [string, () => Promise<Store>])[] = [
  ['memory', async () => new MemoryStore()],
  ['rocksdb', () => openRocksStore(newFolder())],
  ['rocksdb, a prefix of a shared database', openBetweenNeighbours],
];

describe.each(engines)('a store in %s', (_, open) => {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store.close());

  test('gives back what was written and undefined for the rest', async () => {
    await store.write([put(text('a'), text('1')), put(text('b'), text('2'))]);
    expect(store.get(text('a'))).toEqual(text('1'));
    expect(store.get(text('c'))).toBeUndefined();
    expect(store.getMany([text('b'), text('c'), text('a'), text('b')])).toEqual([
      text('2'),
      undefined,
      text('1'),
      text('2'),
    ]);
    expect(store.getMany([])).toEqual([]);
  });

  test('tells an empty value from none', async () => {
    await store.write([put(text('empty'), LOWEST)]);
    expect(store.get(text('empty'))).toEqual(LOWEST);
    expect(store.getMany([text('empty'), text('none')])).toEqual([LOWEST, undefined]);
    expect(store.scan(LOWEST, HIGHEST)).toEqual([[text('empty'), LOWEST]]);
  });

  test('takes the empty key', async () => {
    await store.write([put(LOWEST, text('nothing'))]);
    expect(store.get(LOWEST)).toEqual(text('nothing'));
    expect(store.scan(LOWEST, bytes(0))).toEqual([[LOWEST, text('nothing')]]);
  });

  test('scans byte by byte, 0x00 and 0xff included', async () => {
    const ordered = [
      bytes(0),
      bytes(0, 0),
      bytes(0, 0xff),
      bytes(1),
      bytes(0x7f),
      bytes(0x80),
      bytes(0xff),
      bytes(0xff, 0),
      bytes(0xff, 0xff),
    ];
    await store.write([...ordered].reverse().map((key) => put(key, key)));
    expect(store.scan(LOWEST, HIGHEST).map(([key]) => key)).toEqual(ordered);
    expect(store.scan(bytes(0, 0xff), bytes(0xff, 0)).map(([key]) => key)).toEqual(ordered.slice(2, 7));
    expect(store.scan(bytes(0, 1), bytes(0x80)).map(([key]) => key)).toEqual(ordered.slice(2, 5));
  });

  test('scans no more than the limit, and nothing of an empty or reversed range', async () => {
    await store.write([...'abcdef'].map((c) => put(text(c), text(c))));
    expect(store.scan(text('b'), text('z'), 2).map(String)).toEqual(['b,b', 'c,c']);
    expect(store.scan(text('b'), text('z'), 0)).toEqual([]);
    expect(store.scan(text('c'), text('c'))).toEqual([]);
    expect(store.scan(text('d'), text('b'))).toEqual([]);
    expect(store.scan(text('x'), LOWEST)).toEqual([]);
  });

  test('deletes, also what is not there', async () => {
    await store.write([put(text('a'), text('1')), put(text('b'), text('2'))]);
    await store.write([{ key: text('a') }, { key: text('none') }]);
    expect(store.get(text('a'))).toBeUndefined();
    expect(store.scan(LOWEST, HIGHEST)).toEqual([[text('b'), text('2')]]);
  });

  test('applies the changes of one write in their order', async () => {
    const key = text('k');
    await store.write([put(key, text('1')), { key }, put(key, text('2'))]);
    expect(store.get(key)).toEqual(text('2'));
    await store.write([put(key, text('3')), { key }]);
    expect(store.get(key)).toBeUndefined();
  });

  test('keeps its own copy of what it was given', async () => {
    const key = text('key');
    const value = text('value');
    await store.write([put(key, value)]);
    key.fill(0);
    value.fill(0);
    expect(store.get(text('key'))).toEqual(text('value'));
  });

  test('agrees with a plain sorted model', async () => {
    const key = fc
      .uint8Array({ maxLength: 3 })
      .map((b) => Buffer.from(b.map((v) => [0, 1, 0x7f, 0x80, 0xfe, 0xff][v % 6] as number)));
    const change = fc.record({
      key,
      value: fc.option(
        fc.uint8Array({ maxLength: 5 }).map((b) => Buffer.from(b)),
        { nil: undefined },
      ),
    });
    const query = fc.record({ gte: key, lt: key, limit: fc.option(fc.nat(6), { nil: undefined }) });
    const step = fc.record({ changes: fc.array(change, { maxLength: 12 }), query });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        await store.write(store.scan(LOWEST, HIGHEST).map(([k]) => ({ key: k })));
        const model = new Map<string, Buffer>();
        for (const { changes, query } of steps) {
          await store.write(changes.map(({ key, value }) => (value === undefined ? { key } : { key, value })));
          for (const { key, value } of changes) {
            if (value === undefined) model.delete(key.toString('hex'));
            else model.set(key.toString('hex'), value);
          }
          const sorted = [...model]
            .map(([k, v]) => [Buffer.from(k, 'hex'), v] as const)
            .sort(([a], [b]) => a.compare(b));
          const wanted = sorted
            .filter(([k]) => k.compare(query.gte) >= 0 && k.compare(query.lt) < 0)
            .slice(0, query.limit);
          expect(store.scan(query.gte, query.lt, query.limit)).toEqual(wanted);
          expect(store.scan(LOWEST, HIGHEST)).toEqual(sorted);
          const keys = changes.map((c) => c.key);
          expect(store.getMany(keys)).toEqual(keys.map((k) => model.get(k.toString('hex'))));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a store in memory', () => {
  test('stays ordered and quick through 400,000 keys in any order', async () => {
    const store = new MemoryStore();
    // In one plain sorted array this takes longer than a test may.
    const count = 400_000;
    // 7919 is prime to the count, so this visits every number once, far apart.
    const changes = Array.from({ length: count }, (_, i) => {
      const key = Buffer.allocUnsafe(4);
      key.writeUInt32BE((i * 7919) % count);
      return { key, value: key };
    });
    await store.write(changes);
    const keys = store.scan(LOWEST, HIGHEST).map(([key]) => key.readUInt32BE());
    expect(keys).toHaveLength(count);
    expect(keys.findIndex((key, i) => key !== i)).toBe(-1);
    await store.write(changes.filter((_, i) => i % 2 === 0).map(({ key }) => ({ key })));
    expect(store.scan(LOWEST, HIGHEST)).toHaveLength(count / 2);
  });
});

describe('a store in RocksDB', () => {
  test('keeps everything when it is opened again', async () => {
    const folder = newFolder();
    const first = await openRocksStore(folder);
    await first.write(Array.from({ length: 1000 }, (_, i) => put(text(`key ${i}`), text(`value ${i}`))));
    await first.write([{ key: text('key 7') }]);
    await first.close();
    const second = await openRocksStore(folder, { sync: true });
    expect(second.scan(LOWEST, HIGHEST)).toHaveLength(999);
    expect(second.getMany([text('key 7'), text('key 8')])).toEqual([undefined, text('value 8')]);
    await second.close();
  });

  test('refuses a folder that is in use, and says how to mend it', async () => {
    const folder = newFolder();
    const first = await openRocksStore(folder);
    const second = await openRocksStore(folder).catch((error: unknown) => error);
    expect(second).toBeInstanceOf(FolderInUse);
    expect((second as Error).message).toBe(`another instance is running on ${folder}; stop it or use another --dir`);
    await first.close();
    await (await openRocksStore(folder)).close();
  });

  test('throws once it is closed instead of ending the process', async () => {
    const folder = newFolder();
    const store = await openRocksStore(folder);
    await store.close();
    await store.close();
    expect(() => store.get(text('a'))).toThrow(`the database in ${folder} is closed`);
    expect(() => store.scan(LOWEST, HIGHEST)).toThrow('is closed');
    await expect(store.write([put(text('a'), text('b'))])).rejects.toThrow('is closed');
  });

  test('writes nothing of a batch in which one change is bad', async () => {
    const store = await openRocksStore(newFolder());
    const bad = { key: text('b'), value: 'no buffer' as unknown as Buffer };
    await store.write([put(text('a'), text('1'))]);
    await expect(store.write([put(text('c'), text('1')), bad, { key: null as unknown as Buffer }])).rejects.toThrow();
    await store.write([put(text('d'), text('1'))]);
    expect(store.scan(LOWEST, HIGHEST).map(([key]) => String(key))).toEqual(['a', 'd']);
    await store.close();
  });
});
