import { expect, test } from 'vitest';
import type { LogRecord } from '../log.ts';
import { Cursor } from './cursor.ts';
import type { RecordSet } from './protocol/record-set.ts';

const INPUT = { topic: 't', partition: 0 };

function record(offset: number): LogRecord {
  return { offset, timestamp: 0, key: null, value: null, headers: {} };
}

/** What a broker gave from `offset` on: records, and a marker behind the last of them. */
function fetched(offset: number, ...offsets: readonly number[]): RecordSet & { readonly stable: number } {
  const next = (offsets.at(-1) ?? offset) + 2;
  return { records: offsets.map(record), next, stable: next };
}

test('a reader behind the last record goes on with what comes behind the marker, without asking again', () => {
  const cursor = new Cursor(INPUT, 0);
  cursor.put(fetched(0, 0, 1), false, 1);
  cursor.put(fetched(3, 3, 4), false, 2);
  expect(cursor.covers(2)).toBe(true);
  expect(cursor.take(2, 10, 1000).map((r) => r.offset)).toEqual([3, 4]);
});

test('a reader of records that are no longer at hand does not go on here', () => {
  const cursor = new Cursor(INPUT, 0);
  cursor.put(fetched(0, 0, 1), false, 1);
  cursor.put(fetched(3, 3, 4), false, 2);
  expect(cursor.covers(1)).toBe(false);
});
