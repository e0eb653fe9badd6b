import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { readTopic } from '../../api/reader.ts';
import { openLog } from '../../cli/instance.ts';
import { events } from '../../schemas/topics.ts';
import { Life, MAIN } from './life.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-publish-'));
const file = join(root, 'events.ndjson');
const LINES = 300_000;
/** The most lines that `publish` appends in one step. */
const STEP = 2000;
/** Bytes of the log by which a publish is under way: a few steps. */
const PART = 1_000_000;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(root, 'run-'));
  mkdirSync(dir, { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
writeFileSync(
  file,
  Array.from({ length: LINES }, (_, i) =>
    JSON.stringify({
      eventId: `e-${i}`,
      userId: `u-${i % 50}`,
      occurredAt: Date.UTC(2026, 0, 1) + i * 1000,
      type: 'view',
    }),
  ).join('\n'),
);

interface Publishing {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>;
}

function publish(): Publishing {
  const child = spawn(process.execPath, [MAIN, 'publish', 'events', '--file', file, '--dir', dir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  return { child, ended: once(child, 'close').then(([code]) => ({ code, text })) };
}

/** Resolves when a part of the file is in: its records make the log's newest files grow. */
async function underWay({ child }: Publishing): Promise<void> {
  while (child.exitCode === null) {
    const files = existsSync(join(dir, 'log')) ? readdirSync(join(dir, 'log')) : [];
    const sizes = files.filter((name) => name.endsWith('.log')).map((name) => statSync(join(dir, 'log', name)).size);
    if (Math.max(0, ...sizes) > PART) return;
    await delay(2);
  }
  throw new Error('the publish was over before it could be cut off');
}

async function eventIds(): Promise<string[]> {
  const { log, serde } = await openLog(dir);
  const ids: string[] = [];
  for await (const records of readTopic(log, serde, events)) ids.push(...records.map((r) => r.eventId));
  await log.close();
  return ids.sort((a, b) => Number(a.slice(2)) - Number(b.slice(2)));
}

const idsUpTo = (n: number): string[] => Array.from({ length: n }, (_, i) => `e-${i}`);

test('a publish into the folder that is killed leaves the first lines', async () => {
  const publishing = publish();
  await underWay(publishing);
  publishing.child.kill('SIGKILL');
  await publishing.ended;
  const ids = await eventIds();
  expect(ids.length).toBeGreaterThan(0);
  expect(ids.length).toBeLessThan(LINES);
  expect(ids).toEqual(idsUpTo(ids.length));
});

test('a publish whose instance is killed ends with 1, says what is in, and is right', async () => {
  const life = new Life({ dir, clickhouse: false });
  expect(await life.ready).toBeDefined();
  const publishing = publish();
  await underWay(publishing);
  life.kill('SIGKILL');
  const { code, text } = await publishing.ended;
  await life.ended;
  expect(code).toBe(1);
  const told = Number(/the lines up to (\d+) are in/.exec(text)?.[1]);
  expect(text).toMatch(/no instance answers at http/);
  // The step that was under way may be in too, as a whole: nobody was left to say.
  const ids = await eventIds();
  expect(ids.length).toBeGreaterThanOrEqual(told);
  expect(ids.length).toBeLessThanOrEqual(told + STEP);
  expect(ids).toEqual(idsUpTo(ids.length));
});
