// The ClickHouse sink: every topic into its table, each record once. A batch is one insert under the batch's id as its
// deduplication token, so a retry, after a crash too, adds nothing to the table or to the views fed by it.
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { allTopics, type Topic } from '../../schemas/topics.ts';
import { RecordRefused, type Sink, type SinkBatch, type SinkContext, type SinkRecord } from '../sink.ts';
import { type Column, columnsOf, tableOf } from './columns.ts';
import { asSinkError, refusedRow } from './errors.ts';
import { allMigrations, MigrationConflict, migrate } from './migrations.ts';
import { insertMissing, type WrittenRows } from './missing.ts';

export interface ClickHouseOptions {
  /** "http://host:8123" or "https://…". */
  readonly url: string;
  /** Made when absent; default "beckon". Letters, digits and underscores. */
  readonly database?: string;
  readonly username?: string;
  readonly password?: string;
  /** Default: every topic. */
  readonly consumes?: readonly Topic<never>[];
}

/** One insert of this many rows is cheap for ClickHouse and small in memory. */
const MAX_BATCH = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** One block an insert, whole or not at all, and remembered by its token in the table and in the views' tables. */
const INSERT_SETTINGS = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  materialized_views_ignore_errors: 0,
  input_format_parallel_parsing: 0,
  input_format_skip_unknown_fields: 0,
  max_partitions_per_insert_block: 0,
  date_time_input_format: 'basic',
} as const;

/** Throws when the database's name is none. Nothing is connected before `open`. */
export function clickhouseSink(options: ClickHouseOptions): Sink {
  const database = options.database ?? 'beckon';
  if (!/^[A-Za-z_]\w*$/.test(database)) {
    throw new Error(`The ClickHouse database name "${database}" may hold only letters, digits and underscores.`);
  }
  const topics = options.consumes ?? allTopics;
  const client = connect(options, database);
  const url = new URL(options.url).origin;
  const tables = new Map(topics.map((topic) => [topic.name, tableFor(topic)]));
  // Places whose last insert may have been cut off half-way: all at first, for this process may follow one that was killed.
  const certain = new Set<string>();

  return {
    name: 'clickhouse',
    consumes: topics,
    maxBatch: MAX_BATCH,

    async open() {
      const server = connect(options, 'default');
      try {
        // A user of a managed server may lack the right to make one that is there.
        const found = await server.query({ query: `EXISTS DATABASE ${database}`, format: 'JSONCompactEachRow' });
        const [[exists] = []] = await found.json<readonly number[]>();
        if (exists !== 1) await server.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` });
        await migrate(client, allMigrations());
      } catch (error) {
        if (error instanceof MigrationConflict) throw error;
        throw asSinkError(error, `prepare the database ${database}`, url);
      } finally {
        await server.close();
      }
    },

    async write(batch: SinkBatch, context: SinkContext) {
      if (batch.records.length === 0) return;
      const table = tables.get(batch.topic.name) ?? tableFor(batch.topic);
      const insert: Insert = { client, table, rows: rowsOf(batch.records, table), signal: context.signal };
      const place = `${batch.topic.name}/${batch.partition}`;
      // Since it was certain here another instance may have had the place.
      const doubtful = !certain.delete(place) || context.resumed === true;
      try {
        await insertRows(insert, { ...INSERT_SETTINGS, insert_deduplication_token: batch.id });
        if (doubtful) await insertMissing(client, writtenRows(batch, insert));
      } catch (error) {
        throw refusal(error, batch) ?? asSinkError(error, `store records of ${batch.topic.name}`, url);
      }
      certain.add(place);
    },

    async close() {
      await client.close();
    },
  };
}

/** A client of the server that the options name. */
export function connect(options: ClickHouseOptions, database: string): ClickHouseClient {
  return createClient({
    url: options.url,
    database,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    application: 'beckon',
    request_timeout: REQUEST_TIMEOUT_MS,
    // The client's own log quotes queries and rows; what failed is thrown.
    log: { level: ClickHouseLogLevel.OFF },
  });
}

interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly names: readonly [string, ...string[]];
}

type Row = Readonly<Record<string, unknown>>;

interface Insert {
  readonly client: ClickHouseClient;
  readonly table: Table;
  readonly rows: readonly Row[];
  readonly signal: AbortSignal;
}

function tableFor(topic: Topic<unknown>): Table {
  const columns = columnsOf(topic);
  return { name: tableOf(topic), columns, names: ['_partition', '_offset', ...columns.map((c) => c.name)] };
}

function rowsOf(records: readonly SinkRecord[], table: Table): Row[] {
  return records.map((record) => {
    const row: Record<string, unknown> = { _partition: record.partition, _offset: record.offset };
    try {
      for (const column of table.columns) row[column.name] = column.read(record.value as Row);
    } catch {
      throw new RecordRefused(record.offset, `The record doesn't have the fields of table ${table.name}.`);
    }
    return row;
  });
}

async function insertRows(insert: Insert, settings: Readonly<Record<string, string | number>>): Promise<void> {
  await insert.client.insert({
    table: insert.table.name,
    columns: [...insert.table.names] as [string, ...string[]],
    values: insert.rows,
    format: 'JSONEachRow',
    clickhouse_settings: settings,
    abort_signal: insert.signal,
  });
}

function writtenRows(batch: SinkBatch, insert: Insert): WrittenRows {
  return {
    table: insert.table.name,
    partition: batch.partition,
    offsets: batch.records.map((record) => record.offset),
    insertInto(name, offsets) {
      const rows = insert.rows.filter((_, i) => offsets.has(batch.records[i]?.offset ?? -1));
      return insertRows(
        { ...insert, table: { ...insert.table, name }, rows },
        { ...INSERT_SETTINGS, insert_deduplicate: 0 },
      );
    },
  };
}

/** The record at fault, if one is: an insert that fails for a value stored nothing. */
function refusal(error: unknown, batch: SinkBatch): RecordRefused | undefined {
  const refused = refusedRow(error);
  const record = refused === undefined ? undefined : batch.records[refused.row];
  return refused === undefined || record === undefined ? undefined : new RecordRefused(record.offset, refused.message);
}
