import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Life, publishLines } from './life.ts';
import { faultLoad } from './load.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-damaged-'));
const whole = join(root, 'whole');
const load = faultLoad(3, 2000, 100, 200);
let folders = 0;

beforeAll(async () => {
  for (const [topic, lines] of Object.entries(load.before)) publishLines(whole, topic, lines);
  const life = new Life({ dir: whole, clickhouse: false });
  expect(await life.ready).toBeDefined();
  life.kill('SIGTERM');
  await life.ended;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The largest file of the log's database whose name matches. */
function fileOf(dir: string, name: RegExp): string {
  const files = readdirSync(join(dir, 'log')).filter((file) => name.test(file));
  const [largest] = files.map((file) => join(dir, 'log', file)).sort((a, b) => statSync(b).size - statSync(a).size);
  return largest as string;
}

function copy(): string {
  const dir = join(root, String(folders++));
  cpSync(whole, dir, { recursive: true });
  return dir;
}

function garble(file: string): void {
  const bytes = readFileSync(file);
  bytes.fill(0xa5, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 16);
  writeFileSync(file, bytes);
}

test.each<readonly [string, (dir: string) => void]>([
  ['a table file cut short', (dir) => truncateSync(fileOf(dir, /[.]sst$/), 1000)],
  ['a table file gone', (dir) => rmSync(fileOf(dir, /[.]sst$/))],
  ['an empty manifest', (dir) => truncateSync(fileOf(dir, /^MANIFEST/), 0)],
  ['a garbled manifest', (dir) => garble(fileOf(dir, /^MANIFEST/))],
  ['a garbled CURRENT', (dir) => writeFileSync(join(dir, 'log', 'CURRENT'), 'garbage')],
  ['no CURRENT', (dir) => rmSync(join(dir, 'log', 'CURRENT'))],
])('a start on a folder with %s fails with one line that names it', async (_, damage) => {
  const dir = copy();
  damage(dir);
  const life = new Life({ dir, clickhouse: false });
  expect(await life.ready).toBeUndefined();
  expect((await life.ended).code).toBe(1);
  const said = life.log.split('\n').filter((line) => line.startsWith('beckon: '));
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(join(dir, 'log'));
});

test('a start passes over what an instance that was killed left: its address, and half a line of the outbox', async () => {
  const dir = copy();
  const outbox = join(dir, 'outbox', 'messages.ndjson');
  const lines = readFileSync(outbox, 'utf8');
  writeFileSync(join(dir, 'instance.json'), '{"url":"http://127.0.0.1:9","pi');
  writeFileSync(outbox, `${lines}{"sendId":"half`);
  const life = new Life({ dir, clickhouse: false });
  expect(await life.ready).toBeDefined();
  life.kill('SIGTERM');
  expect((await life.ended).code).toBe(0);
  const after = readFileSync(outbox, 'utf8');
  expect(after.startsWith(lines)).toBe(true);
  expect(after).not.toContain('{"sendId":"half');
});

test('an instance that was killed leaves its folder free at once, for a publish and for the next instance', async () => {
  const dir = copy();
  const killed = new Life({ dir, clickhouse: false });
  expect(await killed.ready).toBeDefined();
  killed.kill('SIGKILL');
  await killed.ended;
  // Its address is still there; the publish must not go there.
  expect(JSON.parse(readFileSync(join(dir, 'instance.json'), 'utf8'))).toHaveProperty('url');
  publishLines(dir, 'events', load.pieces[0] as readonly string[]);
  const next = new Life({ dir, clickhouse: false });
  const url = await next.ready;
  const events = await (await fetch(`${url}/v1/topics/events/records`)).text();
  expect(events.split('\n')).toHaveLength(load.before.events.length + (load.pieces[0]?.length ?? 0) + 1);
  next.kill('SIGTERM');
  expect((await next.ended).code).toBe(0);
});

test('a second instance on the folder says so and changes nothing', async () => {
  const dir = copy();
  const first = new Life({ dir, clickhouse: false });
  expect(await first.ready).toBeDefined();
  const address = readFileSync(join(dir, 'instance.json'), 'utf8');
  const second = new Life({ dir, clickhouse: false });
  expect(await second.ready).toBeUndefined();
  expect((await second.ended).code).toBe(1);
  expect(second.log).toMatch(/another instance is running on .*; stop it or use another --dir/);
  expect(readFileSync(join(dir, 'instance.json'), 'utf8')).toBe(address);
  first.kill('SIGTERM');
  expect((await first.ended).code).toBe(0);
});
