import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allTopics, decisions, events, profiles, receipts, sends, type Topic } from '../../schemas/topics.ts';
import { RecordRefused, SinkUnavailable } from '../sink.ts';
import { clickhouseSink } from './clickhouse.ts';
import { columnsOf, tableOf } from './columns.ts';
import { type Embedded, startEmbedded } from './front.ts';
import { allMigrations, migrate, statementsOf } from './migrations.ts';
import { AT, batchOf, context, decision, event, samples, send } from './testing/samples.ts';

let folder: string;
let embedded: Embedded;
let server: ClickHouseClient;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-clickhouse-'));
  embedded = await startEmbedded({ folder });
  server = createClient({ url: embedded.url });
});
afterAll(async () => {
  await server.close();
  await embedded.close();
  rmSync(folder, { recursive: true, force: true });
});

async function rows(query: string): Promise<Record<string, unknown>[]> {
  return (await server.query({ query, format: 'JSONEachRow' })).json();
}

async function openSink(database: string) {
  const sink = clickhouseSink({ url: embedded.url, database });
  await sink.open();
  return sink;
}

const epochMs = (text: unknown) => Date.parse(`${String(text).replace(' ', 'T')}Z`);

describe('the ClickHouse sink', () => {
  it('stores every field of every topic but personal data, as it was', async () => {
    const sink = await openSink('every');
    for (const { topic, values } of samples) {
      await sink.write(batchOf(topic, values, 5, 2), context);
      const stored = await rows(`SELECT * FROM every.${tableOf(topic)} ORDER BY _offset`);
      expect(stored.map((row) => [row._partition, Number(row._offset)])).toEqual(values.map((_, i) => [2, 5 + i]));
      values.forEach((value, i) => {
        for (const column of columnsOf(topic)) {
          const expected = column.read(value as Record<string, unknown>);
          const actual = stored[i]?.[column.name];
          if (column.type.includes('DateTime64')) expect(epochMs(actual), column.name).toBe(epochMs(expected));
          else if (column.type.includes('Int64'))
            expect(JSON.stringify(actual), column.name).toBe(JSON.stringify(expected));
          else expect(actual, column.name).toEqual(expected);
        }
      });
    }
    await sink.close();
  });

  it('keeps addresses and message contents out of every table', async () => {
    const sink = await openSink('personal');
    for (const { topic, values } of samples) await sink.write(batchOf(topic, values), context);
    for (const { topic } of samples) {
      const text = JSON.stringify(await rows(`SELECT * FROM personal.${tableOf(topic)}`));
      expect(text).not.toContain('+254700000001');
      expect(text).not.toContain('Amina');
    }
    await sink.close();
  });

  it('keeps the times of 1970 and of 2099 to the millisecond, and numbers in a free map as numbers', async () => {
    const sink = await openSink('values');
    const values = [0, 1, 999, 1000, 4_102_444_799_999].map((occurredAt, i) => ({
      ...event(i),
      occurredAt,
      properties: { amount: 1.5 },
    }));
    await sink.write(batchOf(events, values), context);
    const stored = await rows('SELECT toUnixTimestamp64Milli(occurred_at) AS ms FROM `values`.events ORDER BY _offset');
    expect(stored.map((row) => Number(row.ms))).toEqual(values.map((value) => value.occurredAt));
    expect(await rows("SELECT sum(properties_numbers['amount']) AS total FROM `values`.events")).toEqual([
      { total: 7.5 },
    ]);
    await sink.close();
  });

  it('writes a batch once, however often it is retried, in the tables and in the views', async () => {
    const first = await openSink('again');
    const decided = batchOf(
      decisions,
      Array.from({ length: 10 }, (_, i) => decision(i)),
    );
    const sent = batchOf(
      sends,
      Array.from({ length: 4 }, (_, i) => send(i)),
    );
    await first.write(decided, context);
    await first.write(decided, context);
    await first.write(sent, context);
    await first.close();
    const second = await openSink('again');
    await second.write(decided, context);
    await second.write(sent, context);
    await second.close();
    expect(await rows('SELECT count() AS n FROM again.decisions')).toEqual([{ n: 10 }]);
    expect(await rows('SELECT outcome, reason, decisions FROM again.decisions_per_day ORDER BY outcome')).toEqual([
      { outcome: 'blocked', reason: 'frequency-cap', decisions: 5 },
      { outcome: 'sent', reason: '', decisions: 5 },
    ]);
    expect(await rows('SELECT day, sends, cost_micros FROM again.spend_per_day')).toEqual([
      { day: '2026-03-14', sends: 4, cost_micros: 30_000 },
    ]);
  });

  it('counts equal batches of different offsets as the different records they are', async () => {
    const sink = await openSink('equal');
    await sink.write(batchOf(sends, [send(1)], 0), context);
    await sink.write(batchOf(sends, [send(1)], 1), context);
    expect(await rows('SELECT sends FROM equal.spend_per_day')).toEqual([{ sends: 2 }]);
    await sink.close();
  });

  it('stores events of many years in one batch', async () => {
    const sink = await openSink('years');
    const month = 31 * 86_400_000;
    const values = Array.from({ length: 240 }, (_, i) => ({ ...event(i), occurredAt: i * month }));
    await sink.write(batchOf(events, values), context);
    await sink.write(batchOf(events, values), context);
    expect(await rows('SELECT count() AS n, uniqExact(_offset) AS u FROM years.events')).toEqual([{ n: 240, u: 240 }]);
    await sink.close();
  });

  it('shows a repeated receipt once, and of a profile its newest', async () => {
    const sink = await openSink('newest');
    const receipt = samples.find((s) => s.topic.name === 'receipts')?.values[0] as never;
    const profile = samples.find((s) => s.topic.name === 'profiles')?.values[0] as Record<string, unknown>;
    await sink.write(batchOf(receipts as Topic<unknown>, [receipt], 0), context);
    await sink.write(batchOf(receipts as Topic<unknown>, [receipt], 1), context);
    await sink.write(batchOf(profiles as Topic<unknown>, [profile], 0), context);
    await sink.write(batchOf(profiles as Topic<unknown>, [{ ...profile, locale: 'sw-KE' }], 1), context);
    expect(await rows('SELECT receipt_id FROM newest.receipts_once')).toEqual([{ receipt_id: 'r1#0#sent' }]);
    expect(await rows('SELECT user_id, locale FROM newest.profiles_now')).toEqual([{ user_id: 'u1', locale: 'sw-KE' }]);
    await sink.close();
  });

  it('names the one record that a column refuses, without quoting it, and stores the batch without it', async () => {
    const sink = await openSink('refused');
    const secret = 'Amina (at row 1)';
    const bad = { ...event(2), sessionId: `${secret}\ud800` };
    const batch = batchOf(events, [event(0), event(1), bad, event(3)], 40);
    const refused = await sink.write(batch, context).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RecordRefused);
    expect(refused).toMatchObject({ offset: 42, message: expect.stringContaining('session_id') });
    expect(String((refused as Error).stack)).not.toContain('Amina');
    const rest = { ...batch, records: batch.records.filter((record) => record.offset !== 42) };
    await sink.write(rest, context);
    await sink.write(rest, context);
    expect(await rows('SELECT toInt32(_offset) AS o FROM refused.events ORDER BY o')).toEqual([
      { o: 40 },
      { o: 41 },
      { o: 43 },
    ]);
    const empty = await sink
      .write({ ...batch, records: [{ key: 'k', value: null, partition: 0, offset: 7 }] }, context)
      .catch((error: unknown) => error);
    expect(empty).toMatchObject({ name: 'RecordRefused', offset: 7 });
    await sink.close();
  });

  it('asks to be called again when nothing listens, and when the server is overloaded', async () => {
    const nobody = clickhouseSink({ url: 'http://127.0.0.1:1' });
    await expect(nobody.open()).rejects.toThrow(SinkUnavailable);
    await expect(nobody.write(batchOf(events, [event(1)]), context)).rejects.toThrow(
      /ClickHouse at http:\/\/127.0.0.1:1 can't be reached/,
    );
    await nobody.close();

    const busy = createServer((request, response) => {
      request.resume();
      response.writeHead(500, { 'X-ClickHouse-Exception-Code': '252' });
      response.end('Code: 252. DB::Exception: Too many parts (3000). (TOO_MANY_PARTS) (version 26.7)');
    });
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const overloaded = clickhouseSink({ url: `http://127.0.0.1:${(busy.address() as AddressInfo).port}` });
    await expect(overloaded.write(batchOf(events, [event(1)]), context)).rejects.toThrow(SinkUnavailable);
    await overloaded.close();
    busy.close();
  });

  it('stops with the code and a way out when a table was taken away', async () => {
    const sink = await openSink('dropped');
    await server.command({ query: 'DROP TABLE dropped.outcomes' });
    const outcome = samples.find((s) => s.topic.name === 'outcomes');
    const failed = sink.write(batchOf(outcome?.topic as Topic<unknown>, outcome?.values ?? []), context);
    await expect(failed).rejects.toThrow(/can't store records of outcomes: .*code 60.*Restart the sink/s);
    await expect(failed).rejects.not.toThrow(SinkUnavailable);
    await sink.close();
  });

  it('refuses a database name that is none', () => {
    expect(() => clickhouseSink({ url: embedded.url, database: 'a`b' })).toThrow('letters, digits and underscores');
  });
});

describe('the migrations', () => {
  it('give every topic a table with exactly the columns of its fields', async () => {
    const sink = await openSink('shape');
    for (const topic of allTopics) {
      const found = await rows(
        `SELECT name, type FROM system.columns WHERE database = 'shape' AND table = '${tableOf(topic)}' ORDER BY position`,
      );
      const expected = [
        ...columnsOf(topic).map(({ name, type }) => ({ name, type })),
        { name: '_partition', type: 'Int32' },
        { name: '_offset', type: 'Int64' },
      ];
      const byName = (a: { name?: unknown }, b: { name?: unknown }) => (String(a.name) < String(b.name) ? -1 : 1);
      expect(found.sort(byName), `add a migration for the fields of ${topic.name}`).toEqual(expected.sort(byName));
    }
    await sink.close();
  });

  it('do nothing when run again, and add only what is new', async () => {
    await server.command({ query: 'CREATE DATABASE upgraded' });
    const client = createClient({ url: embedded.url, database: 'upgraded' });
    const known = allMigrations();
    const versions = known.map((m) => m.version);
    expect(await migrate(client, known)).toEqual(versions);
    const before = await rows(
      "SELECT name, metadata_modification_time AS t FROM system.tables WHERE database = 'upgraded' ORDER BY name",
    );
    expect(await migrate(client, known)).toEqual([]);
    expect(
      await rows(
        "SELECT name, metadata_modification_time AS t FROM system.tables WHERE database = 'upgraded' ORDER BY name",
      ),
    ).toEqual(before);

    const sink = clickhouseSink({ url: embedded.url, database: 'upgraded' });
    await sink.write(batchOf(events, [event(1)]), context);
    const next = {
      version: versions.length + 1,
      name: 'add-country',
      sql: "ALTER TABLE events ADD COLUMN IF NOT EXISTS country String DEFAULT 'KE';\n",
    };
    expect(await migrate(client, [...known, next])).toEqual([next.version]);
    // An instance of the older version goes on writing, and starts again, beside the newer one.
    await sink.open();
    await sink.write(batchOf(events, [event(2)], 1), context);
    expect(await rows('SELECT event_id, country FROM upgraded.events ORDER BY _offset')).toEqual([
      { event_id: 'e1', country: 'KE' },
      { event_id: 'e2', country: 'KE' },
    ]);
    await sink.close();
    await client.close();
  });

  it('can be run again after a crash between any two statements', async () => {
    await server.command({ query: 'CREATE DATABASE halfway' });
    const client = createClient({ url: embedded.url, database: 'halfway' });
    for (const migration of allMigrations()) {
      for (const query of statementsOf(migration.sql)) await client.command({ query });
    }
    expect(await migrate(client, allMigrations())).toEqual(allMigrations().map((m) => m.version));
    await client.close();
  });

  it('refuse a database that another file of the same number was applied to', async () => {
    await server.command({ query: 'CREATE DATABASE edited' });
    const client = createClient({ url: embedded.url, database: 'edited' });
    const [first] = allMigrations();
    if (first === undefined) throw new Error('There is a first migration.');
    await migrate(client, [first]);
    await expect(migrate(client, [{ ...first, sql: `${first.sql}\n` }])).rejects.toThrow(
      'write the change as a new migration',
    );
    await client.close();
  });
});

describe('docs/clickhouse.md', () => {
  const text = readFileSync(new URL('../../docs/clickhouse.md', import.meta.url), 'utf8');

  it('names every table and view that an analyst sees', async () => {
    const sink = await openSink('named');
    const tables = await rows(
      "SELECT name FROM system.tables WHERE database = 'named' AND NOT match(name, '_(sums|feed)$')",
    );
    for (const { name } of tables) expect(text).toContain(`\`${String(name)}\``);
    await sink.close();
  });

  it('has queries that run', async () => {
    const sink = await openSink('asked');
    for (const { topic, values } of samples) await sink.write(batchOf(topic, values), context);
    const client = createClient({ url: embedded.url, database: 'asked' });
    const queries = [...text.matchAll(/```sql\n([\s\S]*?)```/g)].flatMap(([, sql]) => statementsOf(sql ?? ''));
    expect(queries.length).toBeGreaterThan(4);
    for (const query of queries) {
      const answer = await (await client.query({ query, format: 'JSONEachRow' })).json();
      expect(answer.length, query).toBeGreaterThan(0);
    }
    await client.close();
    await sink.close();
  });
});

it('dates the samples as their comment says', () => {
  expect(new Date(AT).toISOString()).toBe('2026-03-14T09:26:53.589Z');
});
