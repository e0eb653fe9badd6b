import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { decisions, events, sends } from '../../schemas/topics.ts';
import { type Sink, type SinkBatch, SinkUnavailable } from '../sink.ts';
import { clickhouseSink } from './clickhouse.ts';
import { type Embedded, startEmbedded } from './front.ts';
import { batchOf, context, decision, event, send } from './testing/samples.ts';

let folder: string;
let embedded: Embedded;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-crashes-'));
  embedded = await startEmbedded({ folder });
});
afterEach(async () => {
  await embedded.close();
  rmSync(folder, { recursive: true, force: true });
});

async function withClient<T>(use: (client: ClickHouseClient) => Promise<T>): Promise<T> {
  const client = createClient({ url: embedded.url, database: 'beckon' });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

const rows = (query: string) =>
  withClient(async (client) => (await client.query({ query, format: 'JSONEachRow' })).json<Record<string, unknown>>());

/** What the runtime does: the same call again for as long as the sink asks for it. */
async function insist(call: () => Promise<void>): Promise<number> {
  for (let failures = 0; ; failures += 1) {
    try {
      await call();
      return failures;
    } catch (error) {
      if (!(error instanceof SinkUnavailable)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function reopened(): Promise<Sink> {
  const sink = clickhouseSink({ url: embedded.url });
  await insist(() => sink.open());
  return sink;
}

const TOTALS = `SELECT
  (SELECT count() FROM events) AS events, (SELECT uniqExact(_offset) FROM events) AS different_events,
  (SELECT count() FROM decisions) AS decisions, (SELECT sum(d.decisions) FROM decisions_per_day AS d) AS decisions_in_view,
  (SELECT count() FROM sends) AS sends, (SELECT sum(s.sends) FROM spend_per_day AS s) AS sends_in_view,
  (SELECT sum(s.cost_micros) FROM spend_per_day AS s) AS cost_in_view`;

it('loses and doubles nothing when the server is killed at any moment of an insert', async () => {
  const size = 2000;
  // After the start of a batch's inserts, in ms: before, within and between them, and after.
  const kills = [0, 3, 8, 15, 25, 40, 60, 90, 130, 180];
  let sink = await reopened();
  let failures = 0;
  for (const [i, after] of kills.entries()) {
    const first = i * size;
    const numbers = Array.from({ length: size }, (_, n) => first + n);
    const batches: SinkBatch[] = [
      batchOf(
        events,
        numbers.map((n) => event(n)),
        first,
      ),
      batchOf(
        decisions,
        numbers.map((n) => decision(n)),
        first,
      ),
      batchOf(
        sends,
        numbers.map((n) => send(n)),
        first,
      ),
    ];
    const { pid } = embedded;
    const killed = new Promise<void>((resolve) =>
      setTimeout(() => {
        process.kill(pid, 'SIGKILL');
        resolve();
      }, after),
    );
    for (const batch of batches) failures += await insist(() => sink.write(batch, context));
    await killed;
    await vi.waitFor(() => expect(embedded.pid).not.toBe(pid), { timeout: 10_000, interval: 5 });
    // Every other time the sink dies too, and the first batches it is handed again are the last ones it had.
    if (i % 2 === 1) {
      await sink.close();
      sink = await reopened();
      for (const batch of batches) await insist(() => sink.write(batch, context));
    }
  }
  await sink.close();
  await insist(async () => void (await reopened()));
  const n = size * kills.length;
  expect(failures).toBeGreaterThan(0);
  expect(await rows(TOTALS)).toEqual([
    {
      events: n,
      different_events: n,
      decisions: n,
      decisions_in_view: n,
      sends: n,
      sends_in_view: n,
      cost_in_view: n * 7500,
    },
  ]);
});

it.each(['sends', 'spend_per_day_sums'])(
  'stores a batch whose token was written down in %s by a process killed before the rows were in place',
  async (table) => {
    const sink = await reopened();
    const early = batchOf(sends, [send(0)], 0);
    const late = batchOf(sends, [send(1), send(2)], 1);
    await sink.write(early, context);
    await sink.write(late, context);
    await sink.close();
    const [newest] = await rows(
      `SELECT path FROM system.parts WHERE active AND database = 'beckon' AND table = '${table}' ORDER BY max_block_number DESC LIMIT 1`,
    );
    const part = String(newest?.path).replace(/\/$/, '');
    await embedded.close();
    expect(readdirSync(dirname(part))).toContain('deduplication_logs');
    rmSync(part, { recursive: true });

    embedded = await startEmbedded({ folder });
    const again = await reopened();
    await again.write(late, context);
    await again.write(late, context);
    await again.write(early, context);
    await again.close();
    expect(await rows('SELECT count() AS n FROM sends')).toEqual([{ n: 3 }]);
    expect(await rows('SELECT sends, cost_micros FROM spend_per_day')).toEqual([{ sends: 3, cost_micros: 22_500 }]);
  },
);

it('puts rows in place that a server knows by token alone, and feeds the views once', async () => {
  const sink = await reopened();
  const batch = batchOf(
    sends,
    Array.from({ length: 5 }, (_, i) => send(i)),
    10,
  );
  await sink.write(batch, context);
  await sink.close();
  await withClient((client) =>
    client.command({
      query: 'ALTER TABLE sends DELETE WHERE _offset >= 12',
      clickhouse_settings: { mutations_sync: '2' },
    }),
  );
  const again = await reopened();
  await again.write(batch, context);
  await again.write(batch, context);
  await again.close();
  expect(await rows('SELECT toInt32(_offset) AS o FROM sends ORDER BY o')).toEqual(
    [10, 11, 12, 13, 14].map((o) => ({ o })),
  );
  expect(await rows('SELECT sends FROM spend_per_day')).toEqual([{ sends: 5 }]);
  expect(await rows("SELECT name FROM system.tables WHERE database = 'beckon' AND name LIKE '%missing%'")).toEqual([]);
});

it('looks for the rows of a batch that another instance began meanwhile, though it was certain of the place', async () => {
  const [early, half, next] = [[send(0)], [send(1), send(2)], [send(3)]].map((values, i) =>
    batchOf(sends, values, [0, 1, 3][i]),
  );
  const here = await reopened();
  await here.write(early as SinkBatch, context);
  // The other instance's insert leaves its token, and its rows are gone with the server.
  const elsewhere = await reopened();
  await elsewhere.write(half as SinkBatch, context);
  await elsewhere.close();
  await withClient((client) =>
    client.command({
      query: 'ALTER TABLE sends DELETE WHERE _offset >= 1',
      clickhouse_settings: { mutations_sync: '2' },
    }),
  );
  await here.write(half as SinkBatch, { ...context, resumed: true });
  await here.write(next as SinkBatch, { ...context, resumed: false });
  await here.close();
  expect(await rows('SELECT toInt32(_offset) AS o FROM sends ORDER BY o')).toEqual([0, 1, 2, 3].map((o) => ({ o })));
  expect(await rows('SELECT sum(s.sends) AS n FROM spend_per_day AS s')).toEqual([{ n: 4 }]);
});
