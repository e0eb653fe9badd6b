import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { lockFolder } from './folder-lock.ts';
import { type Embedded, startEmbedded } from './front.ts';

const base = mkdtempSync(join(tmpdir(), 'beckon-front-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** These clients meet broken connections by design. */
const quiet = { log: { level: ClickHouseLogLevel.OFF } };

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits for a process that isn't ours to be gone. */
async function gone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(alive(pid)).toBe(false), { timeout: 10_000, interval: 20 });
}

describe('the embedded ClickHouse', () => {
  let embedded: Embedded;
  let client: ClickHouseClient;
  beforeAll(async () => {
    embedded = await startEmbedded({ folder: join(base, 'shared') });
    client = createClient({ url: embedded.url, ...quiet });
  });
  afterAll(async () => {
    await client.close();
    await embedded.close();
  });
  const rows = async (query: string, query_params: Record<string, unknown> = {}) =>
    (await client.query({ query, query_params, format: 'JSONEachRow' })).json();

  it('answers the official client: ping, queries, parameters, settings and inserts', async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await rows('SELECT {text:String} AS text, {n:Int64} AS n', { text: "it's \\ \n\t☕", n: 7 })).toEqual([
      { text: "it's \\ \n\t☕", n: 7 },
    ]);
    const settings = { query: "SELECT getSetting('max_threads') AS n", format: 'JSONEachRow' } as const;
    expect(await (await client.query({ ...settings, clickhouse_settings: { max_threads: 1 } })).json()).toEqual([
      { n: 1 },
    ]);
    expect(await (await client.query(settings)).json()).not.toEqual([{ n: 1 }]);
    await client.command({ query: 'CREATE TABLE t (n Int32, s String) ENGINE = MergeTree ORDER BY n' });
    await client.insert({ table: 't', values: [{ n: 1, s: 'FORMAT JSON; SETTINGS' }], format: 'JSONEachRow' });
    expect(await rows('SELECT * FROM t')).toEqual([{ n: 1, s: 'FORMAT JSON; SETTINGS' }]);
  });

  it('fails as a server does, with the code and type of the error', async () => {
    const failed = await rows('SELECT * FROM nowhere').catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ClickHouseError);
    expect(failed).toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    const syntax = await client.command({ query: 'SELEKT 1 FROM' }).catch((error: unknown) => error);
    expect(syntax).toMatchObject({ code: '62', type: 'SYNTAX_ERROR' });
    const other = createClient({ url: embedded.url, database: 'nowhere', ...quiet });
    await expect(other.command({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '81' });
    await other.close();
    const unknown = client.command({ query: 'SELECT 1', clickhouse_settings: { no_such_setting: '1' } as never });
    await expect(unknown).rejects.toMatchObject({ code: '115' });
  });

  it('keeps what one query sets from the next', async () => {
    await client.command({ query: 'SET max_threads = 1' });
    await client.command({ query: 'USE system' });
    expect(await rows("SELECT currentDatabase() AS d, getSetting('max_threads') = 1 AS one")).toEqual([
      { d: 'default', one: 0 },
    ]);
  });

  it('answers many queries at once, each with its own result', async () => {
    const together = await Promise.all(Array.from({ length: 12 }, (_, i) => rows(`SELECT ${i} AS i, sleep(0.02)`)));
    expect(together.map((r) => (r[0] as { i: number }).i)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });

  it('turns away web pages, by their origin and by a foreign host name', async () => {
    const status = (headers: Record<string, string>) =>
      new Promise((resolve) =>
        request(`${embedded.url}/?query=SELECT%201`, { headers }, (r) => resolve(r.resume().statusCode)).end(),
      );
    expect(await status({ origin: 'https://example.org' })).toBe(403);
    expect(await status({ host: 'example.org' })).toBe(403);
    expect(await status({})).toBe(200);
  });

  it('refuses a port that is taken and a folder that is in use, naming them', async () => {
    const port = Number(new URL(embedded.url).port);
    await expect(startEmbedded({ folder: join(base, 'port'), port })).rejects.toThrow(
      `port ${port} of 127.0.0.1 is taken`,
    );
    await expect(lockFolder(join(base, 'shared'), 100)).rejects.toThrow(`in use by process ${embedded.pid}`);
  });

  it('comes back at the same address after its process was killed', async () => {
    const told: string[] = [];
    const own = await startEmbedded({ folder: join(base, 'killed'), onRestart: (what) => told.push(what) });
    const to = createClient({ url: own.url, ...quiet });
    await to.command({ query: 'CREATE TABLE kept (n Int32) ENGINE = MergeTree ORDER BY n' });
    await to.insert({ table: 'kept', values: [{ n: 1 }], format: 'JSONEachRow' });
    const first = own.pid;
    process.kill(first, 'SIGKILL');
    await vi.waitFor(async () => expect(await to.ping()).toEqual({ success: true }), { timeout: 10_000, interval: 20 });
    expect(await (await to.query({ query: 'SELECT n FROM kept', format: 'JSONEachRow' })).json()).toEqual([{ n: 1 }]);
    expect(own.pid).not.toBe(first);
    expect(told).toEqual([`The embedded ClickHouse (process ${first}) ended unasked; it is started again.`]);
    await to.close();
    await own.close();
    await own.close();
    expect(alive(own.pid)).toBe(false);
  });

  it('keeps its data from one start to the next', async () => {
    const folder = join(base, 'again');
    for (const start of [1, 2, 3]) {
      const own = await startEmbedded({ folder });
      const to = createClient({ url: own.url, ...quiet });
      await to.command({ query: 'CREATE TABLE IF NOT EXISTS starts (n Int32) ENGINE = MergeTree ORDER BY n' });
      await to.insert({ table: 'starts', values: [{ n: start }], format: 'JSONEachRow' });
      expect(
        await (await to.query({ query: 'SELECT max(n) AS n, count() AS c FROM starts', format: 'JSONEachRow' })).json(),
      ).toEqual([{ n: start, c: start }]);
      await to.close();
      await own.close();
    }
  });

  it('answers the queries under way before it closes', async () => {
    const own = await startEmbedded({ folder: join(base, 'closing') });
    const to = createClient({ url: own.url, ...quiet });
    await to.ping();
    const slow = to.query({ query: 'SELECT sleep(1.5) AS s', format: 'JSONEachRow' });
    const started = (await vi.waitFor(
      async () => {
        const probe = createClient({ url: own.url, ...quiet });
        const result = await probe.query({
          query: "SELECT count() AS n FROM system.processes WHERE query LIKE '%sleep(1.5)%'",
          format: 'JSONEachRow',
        });
        const [row] = await result.json<{ n: number }>();
        await probe.close();
        if (Number(row?.n) < 2) throw new Error('not yet');
        return row;
      },
      { timeout: 5_000, interval: 5 },
    )) as { n: number };
    expect(started.n).toBeGreaterThan(1);
    await own.close();
    expect(await (await slow).json()).toEqual([{ s: 0 }]);
    await to.close();
  });

  it('goes when its owner is killed, and the next owner of the folder waits for that', async () => {
    const folder = join(base, 'orphan');
    const owner: ChildProcess = spawn(
      process.execPath,
      [new URL('./testing/owner.ts', import.meta.url).pathname, folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [line] = (await once(createInterface({ input: owner.stdout as NodeJS.ReadableStream }), 'line')) as [string];
    const { url, pid } = JSON.parse(line) as { url: string; pid: number };
    const to = createClient({ url, ...quiet });
    // A query under way keeps the orphan a moment longer.
    const slow = to.query({ query: 'SELECT sleep(1)', format: 'JSONEachRow' }).catch(() => undefined);
    await to.ping();
    owner.kill('SIGKILL');
    const next = await startEmbedded({ folder });
    await gone(pid);
    await slow;
    await to.close();
    await next.close();
  });

  it('ignores the Ctrl-C that its owner answers', async () => {
    const own = await startEmbedded({ folder: join(base, 'signals') });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(own.pid, signal);
    const to = createClient({ url: own.url, ...quiet });
    expect(await to.ping()).toEqual({ success: true });
    await to.close();
    const { pid } = own;
    await own.close();
    await gone(pid);
  });
});

describe("a folder's lock", () => {
  it('is taken over from a process that is dead, or whose number another process has now', async () => {
    const folder = join(base, 'lock');
    (await lockFolder(folder, 0))();
    for (const holder of ['999999999 1\n', `${process.pid} 12345\n`, 'rubbish', '']) {
      writeFileSync(join(folder, 'front.lock'), holder);
      const unlock = await lockFolder(folder, 0);
      expect(readFileSync(join(folder, 'front.lock'), 'utf8')).toContain(`${process.pid} `);
      unlock();
    }
  });
});
