// The tables of the sink, version by version. A migration's file is frozen once it is released: a change is a new file, whose
// statements can be run again (IF NOT EXISTS, ADD COLUMN IF NOT EXISTS, OR REPLACE), as a crash may stop one half-way.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { ClickHouseClient } from '@clickhouse/client';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** The database and the files disagree: a person has to decide. */
export class MigrationConflict extends Error {
  override readonly name = 'MigrationConflict';
}

const FOLDER = new URL('./migrations/', import.meta.url);

/** The files `<version>-<name>.sql`, in order. Throws when a version is missing or there twice. */
export function allMigrations(): readonly Migration[] {
  const files = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sql'))
    .sort();
  return files.map((file, index) => {
    const [, digits, name] = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file) ?? [];
    if (digits === undefined || name === undefined || Number(digits) !== index + 1) {
      throw new Error(
        `The migration ${file} should be number ${index + 1}: name it ${String(index + 1).padStart(4, '0')}-what-it-does.sql.`,
      );
    }
    return { version: Number(digits), name, sql: readFileSync(new URL(file, FOLDER), 'utf8') };
  });
}

const LEDGER = `CREATE TABLE IF NOT EXISTS beckon_migrations
(
    version UInt32,
    name String,
    checksum String COMMENT 'SHA-256 of the statements.',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY version`;

/**
 * Brings the client's database up to the last of `migrations` and returns the versions applied now. Two processes may do it
 * at once. A database that is ahead (made by a newer version) is left as it is: migrations only add. Throws `MigrationConflict`
 * when an applied migration is another one than here.
 */
export async function migrate(client: ClickHouseClient, migrations: readonly Migration[]): Promise<readonly number[]> {
  await client.command({ query: LEDGER });
  const applied = await appliedChecksums(client);
  const added: number[] = [];
  for (const migration of migrations) {
    const checksum = createHash('sha256').update(migration.sql).digest('hex');
    const before = applied.get(migration.version);
    if (before === checksum) continue;
    if (before !== undefined) {
      throw new MigrationConflict(
        `Migration ${migration.version} (${migration.name}) of the ClickHouse database differs from the one applied to it. ` +
          'Put the file back as it was and write the change as a new migration.',
      );
    }
    for (const query of statementsOf(migration.sql)) await client.command({ query });
    const row = { version: migration.version, name: migration.name, checksum };
    await client.insert({
      table: 'beckon_migrations',
      values: [row],
      format: 'JSONEachRow',
      columns: ['version', 'name', 'checksum'],
    });
    added.push(migration.version);
  }
  return added;
}

/** The statements of a file: each ends with a semicolon at the end of its line. */
export function statementsOf(sql: string): readonly string[] {
  const code = sql.replaceAll(/^--.*$/gm, '');
  return code
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

async function appliedChecksums(client: ClickHouseClient): Promise<ReadonlyMap<number, string>> {
  const result = await client.query({
    query: 'SELECT version, checksum FROM beckon_migrations FINAL',
    format: 'JSONEachRow',
  });
  const rows = await result.json<{ readonly version: number; readonly checksum: string }>();
  return new Map(rows.map((row) => [row.version, row.checksum]));
}
