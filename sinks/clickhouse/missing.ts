// A MergeTree without replication writes an insert's token down and only then moves its part into place. A server killed
// between the two takes the retry for a duplicate, and the rows would be lost. So after an insert whose forerunner may have
// been cut off, the rows are looked for, and put in place past the deduplication where they are missing. (The views have
// them by then: a retry feeds each view that hasn't seen the token, whatever the table says. Replicated tables and
// ClickHouse Cloud commit token and part in one step and need none of this.)
import type { ClickHouseClient } from '@clickhouse/client';

export interface WrittenRows {
  readonly table: string;
  readonly partition: number;
  readonly offsets: readonly number[];
  /** Inserts the rows of these offsets into a table of the same columns. */
  insertInto(table: string, offsets: ReadonlySet<number>): Promise<void>;
}

/** Puts the rows in place that aren't there. Returns how many were missing. */
export async function insertMissing(client: ClickHouseClient, written: WrittenRows): Promise<number> {
  const { table, partition, offsets } = written;
  const engine = await engineOf(client, table);
  if (/^(Replicated|Shared)/.test(engine)) return 0;
  const present = await offsetsPresent(client, written);
  const missing = new Set(offsets.filter((offset) => !present.has(offset)));
  // Where the newest row of a key replaces the others, some are gone by right; but an insert came in whole or not at all.
  if (missing.size === 0 || (engine.startsWith('Replacing') && present.size > 0)) return 0;

  // A part attached from another table passes by the views, which an insert would feed again.
  const aside = `${table}_missing_${partition}`;
  await client.command({ query: `DROP TABLE IF EXISTS ${aside} SYNC` });
  await client.command({ query: `CREATE TABLE ${aside} AS ${table}` });
  await written.insertInto(aside, missing);
  await client.command({ query: `ALTER TABLE ${table} ATTACH PARTITION ALL FROM ${aside}` });
  await client.command({ query: `DROP TABLE ${aside} SYNC` });
  return missing.size;
}

async function engineOf(client: ClickHouseClient, table: string): Promise<string> {
  const query = 'SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = {table:String}';
  const result = await client.query({ query, query_params: { table }, format: 'JSONEachRow' });
  return (await result.json<{ readonly engine: string }>())[0]?.engine ?? '';
}

async function offsetsPresent(client: ClickHouseClient, written: WrittenRows): Promise<ReadonlySet<number>> {
  const result = await client.query({
    query: `SELECT toString(_offset) AS offset FROM ${written.table}
            WHERE _partition = {partition:Int32} AND _offset BETWEEN {first:Int64} AND {last:Int64}`,
    query_params: {
      partition: written.partition,
      first: written.offsets.at(0) ?? 0,
      last: written.offsets.at(-1) ?? 0,
    },
    format: 'JSONEachRow',
  });
  const rows = await result.json<{ readonly offset: string }>();
  return new Set(rows.map((row) => Number(row.offset)));
}
