// Keyed state against a plain map, over every engine, with so few hot rows that they come and go all the time; and what
// becomes of cells that other versions wrote.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { codecOf } from '../schemas/avro.ts';
import { ByteWriter } from '../schemas/byte-writer.ts';
import { KeyedState, StateUnreadable } from './keyed-state.ts';
import { MemoryStore } from './memory/memory-store.ts';
import { openRocksStore } from './rocksdb/rocks-store.ts';
import { emptyRow, encodeRow, unpackRow } from './row.ts';
import type { Cell, Store } from './store.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-state-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Count {
  readonly count: number;
}
interface Named extends Count {
  readonly name: string;
}
const long = { name: 'count', type: 'long' };
const recordOf = (...fields: object[]): string => JSON.stringify({ type: 'record', name: 'Kept', fields });
const cellOf = <T>(tag: number, json: string): Cell<T> => ({ name: `cell-${tag}`, tag, codec: codecOf<T>(json) });

const low = cellOf<Count>(0, recordOf(long));
const high = cellOf<Count>(7, recordOf(long));
const withName = cellOf<Named>(0, recordOf(long, { name: 'name', type: 'string', default: 'nobody' }));
const cells = [low, high];

async function commit(state: KeyedState, store: Store): Promise<void> {
  const { changes, token } = state.takeChanges();
  await store.write(changes);
  state.committed(token);
}

/** A store that holds one row: `cell` set to `value` under "k". */
async function storeWith<T>(cell: Cell<T>, value: T): Promise<MemoryStore> {
  const store = new MemoryStore();
  const state = new KeyedState({ store, cells: [cell] });
  state.set(state.row('k'), cell, value);
  await commit(state, store);
  return store;
}

const rowBytes = (store: Store): Buffer => store.get(Buffer.from('rk')) as Buffer;

const engines: readonly (readonly [string, () => Promise<Store>])[] = [
  ['memory', async () => new MemoryStore()],
  ['rocksdb', () => openRocksStore(mkdtempSync(join(root, 'db-')))],
];

describe.each(engines)('keyed state over a store in %s', (engine, open) => {
  const keys = ['a', 'b', 'c', 'd', 'é', '😀', 'a\0b', ''];
  const key = fc.constantFrom(...keys);
  const cell = fc.constantFrom(...cells);
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('set' as const),
        key,
        cell,
        value: fc.option(fc.nat(9), { nil: undefined }),
      }),
    },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('get' as const), key, cell }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('prefetch' as const), keys: fc.array(key, { maxLength: 5 }) }),
    },
    { weight: 3, arbitrary: fc.constantFrom({ do: 'savepoint' as const }, { do: 'rollback' as const }) },
    {
      weight: 3,
      arbitrary: fc.constantFrom({ do: 'take' as const }, { do: 'write' as const }, { do: 'done' as const }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) },
  );

  test('agrees with a plain map through savepoints, commits under way, evictions and restarts', async () => {
    const store = await open();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.nat(3), async (steps, hotRows) => {
        await store.write(store.scan(Buffer.alloc(0), Buffer.from([255])).map(([k]) => ({ key: k })));
        const reopen = (): KeyedState => new KeyedState({ store, cells, hotRows });
        let state = reopen();
        let model = new Map<string, number>();
        let safe = new Map<string, number>();
        let durable = new Map<string, number>();
        let flight:
          | (ReturnType<KeyedState['takeChanges']> & { readonly model: Map<string, number>; written: boolean })
          | undefined;
        const name = (k: string, c: Cell<unknown>): string => `${k}|${c.tag}`;
        const write = async (): Promise<void> => {
          if (flight === undefined || flight.written) return;
          flight.written = true;
          durable = flight.model;
          await store.write(flight.changes);
        };
        const done = async (): Promise<void> => {
          await write();
          if (flight !== undefined) state.committed(flight.token);
          flight = undefined;
        };
        const expectAll = (expected: Map<string, number>): void => {
          for (const k of keys) {
            for (const c of cells) expect(state.get(state.row(k), c)?.count).toBe(expected.get(name(k, c)));
          }
        };
        for (const s of steps) {
          if (s.do === 'set') {
            state.set(state.row(s.key), s.cell, s.value === undefined ? undefined : { count: s.value });
            if (s.value === undefined) model.delete(name(s.key, s.cell));
            else model.set(name(s.key, s.cell), s.value);
          } else if (s.do === 'get')
            expect(state.get(state.row(s.key), s.cell)?.count).toBe(model.get(name(s.key, s.cell)));
          else if (s.do === 'prefetch') state.prefetch(s.keys);
          else if (s.do === 'savepoint') {
            state.savepoint();
            safe = new Map(model);
          } else if (s.do === 'rollback') {
            state.rollback();
            model = new Map(safe);
          } else if (s.do === 'take') {
            await done();
            state.savepoint();
            safe = new Map(model);
            flight = { ...state.takeChanges(), model: new Map(model), written: false };
          } else if (s.do === 'write') await write();
          else if (s.do === 'done') await done();
          else {
            flight = undefined;
            model = new Map(durable);
            safe = new Map(durable);
            state = reopen();
          }
        }
        expectAll(model);
        await done();
        await commit(state, store);
        state = reopen();
        expectAll(model);
      }),
      { numRuns: engine === 'memory' ? 800 : 80 },
    );
    await store.close();
  });

  test('lets go of rows it has committed, and of no other', async () => {
    const store = await open();
    const state = new KeyedState({ store, cells, hotRows: 10 });
    for (let i = 0; i < 100; i++) state.set(state.row(`key ${i}`), low, { count: i });
    expect(state.held).toBeGreaterThanOrEqual(100);
    await commit(state, store);
    for (let i = 0; i < 100; i++) expect(state.get(state.row(`key ${i}`), low)).toEqual({ count: i });
    expect(state.held).toBeLessThanOrEqual(21);
    await store.close();
  });

  test('holds twice the bytes it may at most', async () => {
    const store = await open();
    const state = new KeyedState({ store, cells, hotBytes: 1000 });
    const bytes = 13 + 1;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 200; i++) state.set(state.row(`key ${i}`), low, { count: i % 64 });
      await commit(state, store);
    }
    for (let i = 0; i < 200; i++) expect(state.get(state.row(`key ${i}`), low)).toEqual({ count: i % 64 });
    await commit(state, store);
    expect(state.held).toBeLessThanOrEqual((2 * 1000) / bytes + 2);
    await store.close();
  });
});

describe('a row in hand', () => {
  test('that was evicted before it is set is not lost', () => {
    const state = new KeyedState({ store: new MemoryStore(), cells, hotRows: 1 });
    const row = state.row('mine');
    for (const other of ['a', 'b', 'c', 'd', 'e']) state.row(other);
    state.set(row, low, { count: 1 });
    expect(state.get(state.row('mine'), low)).toEqual({ count: 1 });
  });
});

describe('keyed state without a store', () => {
  test('keeps everything decoded', () => {
    const state = new KeyedState({ cells, hotRows: 1 });
    const value = { count: 1 };
    for (const k of ['a', 'b', 'c', 'd']) state.set(state.row(k), low, value);
    expect(['a', 'b', 'c', 'd'].map((k) => state.get(state.row(k), low))).toEqual([value, value, value, value]);
    expect(state.get(state.row('a'), low)).toBe(value);
  });
});

describe('state of another version', () => {
  test('written by an older schema is read with the default of the field it lacks', async () => {
    const store = await storeWith(low, { count: 3 });
    const state = new KeyedState({ store, cells: [withName] });
    expect(state.get(state.row('k'), withName)).toEqual({ count: 3, name: 'nobody' });
  });

  test('written by a newer schema is read without the field this one lacks', async () => {
    const store = await storeWith(withName, { count: 3, name: 'x' });
    const state = new KeyedState({ store, cells: [low] });
    expect(state.get(state.row('k'), low)).toEqual({ count: 3 });
  });

  test('keeps its schema when a cell that nobody looked at is written again', async () => {
    const store = await storeWith(low, { count: 3 });
    for (const version of [withName, withName]) {
      const state = new KeyedState({ store, cells: [version, high] });
      state.set(state.row('k'), high, { count: 1 });
      await commit(state, store);
    }
    const state = new KeyedState({ store, cells: [withName, high] });
    expect(state.get(state.row('k'), withName)).toEqual({ count: 3, name: 'nobody' });
  });

  test.each([[[low, high]], [[low]]])(
    'keeps cells that this version does not know, whatever their tags (%#)',
    async (known) => {
      const between = cellOf<Count>(3, recordOf(long));
      const newest = cellOf<Count>(200, recordOf(long));
      const all = [low, between, high, newest];
      const store = new MemoryStore();
      const newer = new KeyedState({ store, cells: all });
      for (const cell of all) newer.set(newer.row('k'), cell, { count: cell.tag });
      await commit(newer, store);

      const older = new KeyedState({ store, cells: known });
      older.set(older.row('k'), low, { count: 99 });
      await commit(older, store);
      const again = new KeyedState({ store, cells: all });
      expect(all.map((cell) => again.get(again.row('k'), cell)?.count)).toEqual([99, 3, 7, 200]);

      const last = new KeyedState({ store, cells: known });
      last.set(last.row('k'), low, undefined);
      await commit(last, store);
      const after = new KeyedState({ store, cells: all });
      expect(all.map((cell) => after.get(after.row('k'), cell)?.count)).toEqual([undefined, 3, 7, 200]);
    },
  );

  test('is unreadable when its schema does not resolve', async () => {
    const store = await storeWith(low, { count: 3 });
    const other = cellOf<{ readonly text: string }>(0, recordOf({ name: 'text', type: 'string' }));
    const state = new KeyedState({ store, cells: [other] });
    expect(() => state.get(state.row('k'), other)).toThrow(StateUnreadable);
  });

  test('that this version can not read is refused before a row of it is met', async () => {
    const store = await storeWith(low, { count: 3 });
    const other = cellOf<{ readonly text: string }>(0, recordOf({ name: 'text', type: 'string' }));
    const state = new KeyedState({ store, cells: [other] });
    const fingerprint = low.codec.fingerprint.toString('hex');
    expect(() => state.checkSchemas()).toThrow(StateUnreadable);
    expect(() => state.checkSchemas()).toThrow(`cell cell-0: state that the schema Kept ${fingerprint} wrote can't`);
    expect(() => state.checkSchemas()).toThrow('no matching field for default-less Kept.text');
  });

  test('is not refused for a new field with a default, a field that is gone, or a cell that this version does not know', async () => {
    const store = await storeWith(low, { count: 3 });
    const stranger = cellOf<Count>(0, JSON.stringify({ type: 'record', name: 'Other', namespace: 'x', fields: [] }));
    for (const cell of [low, withName, stranger]) new KeyedState({ store, cells: [cell] }).checkSchemas();
    const newer = await storeWith(withName, { count: 3, name: 'x' });
    new KeyedState({ store: newer, cells: [low] }).checkSchemas();
  });

  test('is unreadable when the schema that wrote it is gone', async () => {
    const store = await storeWith(low, { count: 3 });
    await store.write([{ key: Buffer.concat([Buffer.from('s'), low.codec.fingerprint]) }]);
    const state = new KeyedState({ store, cells: [withName] });
    expect(() => state.get(state.row('k'), withName)).toThrow(StateUnreadable);
  });
});

describe('damaged state', () => {
  test('is unreadable wherever its bytes are cut', async () => {
    const store = await storeWith(low, { count: 300 });
    const whole = rowBytes(store);
    for (let length = 1; length < whole.length; length++) {
      await store.write([{ key: Buffer.from('rk'), value: whole.subarray(0, length) }]);
      const state = new KeyedState({ store, cells: [low] });
      expect(() => state.row('k'), `cut to ${length} bytes`).toThrow(StateUnreadable);
      state.prefetch(['k']);
      expect(() => state.row('k'), `cut to ${length} bytes, read ahead`).toThrow(StateUnreadable);
    }
  });

  test('is unreadable when a cell holds other bytes than its schema says', async () => {
    const store = await storeWith(low, { count: 3 });
    const bytes = Buffer.concat([rowBytes(store), Buffer.from([1])]);
    bytes.writeUInt32BE(2, 9);
    await store.write([{ key: Buffer.from('rk'), value: bytes }]);
    const state = new KeyedState({ store, cells: [low] });
    expect(() => state.get(state.row('k'), low)).toThrow(StateUnreadable);
  });

  test('names the cell and never its content', async () => {
    const text = cellOf<{ readonly text: string }>(0, recordOf({ name: 'text', type: 'string' }));
    const store = await storeWith(text, { text: 'secret' });
    const state = new KeyedState({ store, cells: [low] });
    const error = (() => {
      try {
        return state.get(state.row('k'), low);
      } catch (thrown) {
        return thrown as Error;
      }
    })() as Error;
    expect(error.message).toContain('cell-0');
    expect(error.message).not.toContain('secret');
  });
});

describe('a row', () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.option(fc.nat()), fc.option(fc.nat()), (a, b) => {
        const row = emptyRow('k');
        if (a !== null) row.values[0] = { count: a };
        if (b !== null) row.values[7] = { count: b };
        const list: Cell<unknown>[] = [];
        for (const cell of cells) list[cell.tag] = cell;
        const writer = new ByteWriter();
        encodeRow(row, list, writer);
        const bytes = writer.take();
        expect(bytes.length === 0).toBe(a === null && b === null);
        encodeRow(unpackRow('k', bytes.toString('latin1')), list, writer);
        expect(writer.take()).toEqual(bytes);
      }),
    );
  });
});
