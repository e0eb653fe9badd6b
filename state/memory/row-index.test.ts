import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyRow, type Row } from '../row.ts';
import { RowIndex } from './row-index.ts';

describe('an index of rows', () => {
  test('agrees with a map, whatever the ids', () => {
    const ids = fc.uniqueArray(
      fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', 'a', 'é', '\0')),
    );
    fc.assert(
      fc.property(ids, ids, (added, others) => {
        const index = new RowIndex();
        const model = new Map<string, Row>();
        for (const id of added) {
          expect(index.get(id)).toBeUndefined();
          const row = emptyRow(id);
          index.add(id, row);
          model.set(id, row);
        }
        expect(index.size).toBe(model.size);
        for (const id of [...added, ...others]) expect(index.get(id)).toBe(model.get(id));
      }),
    );
  });

  test('finds every row after it has grown many times', () => {
    const index = new RowIndex();
    const rows = Array.from({ length: 20_000 }, (_, i) => emptyRow(`u${i}`));
    for (const row of rows) index.add(row.key, row);
    expect(index.size).toBe(rows.length);
    for (const row of rows) expect(index.get(`${row.key}`)).toBe(row);
    expect(index.get(`u${rows.length}`)).toBeUndefined();
  });

  test('tells apart ids of one hash', () => {
    // Known to have one FNV-1a hash of 32 bits.
    const [a, b] = ['costarring', 'liquid'];
    const index = new RowIndex();
    const row = emptyRow(a);
    index.add(a, row);
    expect(index.get(b)).toBeUndefined();
    const other = emptyRow(b);
    index.add(b, other);
    expect([index.get(a), index.get(b)]).toEqual([row, other]);
    expect(index.get(a)).toBe(row);
  });
});
