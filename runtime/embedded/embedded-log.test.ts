import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { FolderInUse, RocksDatabase } from '../../state/rocksdb/rocks-database.ts';
import { TaskFenced, Unrecoverable } from '../errors.ts';
import type { NewRecord } from '../log.ts';
import { logSuite, readAll, record, valuesOf } from '../testing/log-suite.ts';
import { EmbeddedLog } from './embedded-log.ts';
import { LAYOUT_VERSION, VERSION_KEY } from './layout.ts';
import { GROUP, INPUT, OUTPUT, PARTITIONS, STATE_KEY } from './testing/commit-loop.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-log-'));
let folders = 0;
const newFolder = (): string => join(root, String(folders++));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const IN = { topic: 'in', partition: 0 };
const OUT = { topic: 'out', partition: 0 };
const TOPICS = [IN, OUT].map(({ topic }) => ({ topic, partitions: 1, cleanup: 'delete' as const }));
const key = Buffer.from('k');

logSuite('embedded', () => EmbeddedLog.open(newFolder()));
logSuite('embedded, safe against power loss', () => EmbeddedLog.open(newFolder(), { sync: true }));

describe('the embedded log', () => {
  test('keeps topics, records, offsets, state and meta when it is opened again', async () => {
    const folder = newFolder();
    const first = await EmbeddedLog.open(folder);
    await first.createTopics(TOPICS);
    await first.append([record(IN, 'a'), record(IN, 'b')]);
    await first.meta.write([{ key: Buffer.from('schemas/1'), value: Buffer.from('{}') }]);
    const tasks = [await first.openTask('g', 0), await first.openTask('h', 0)];
    for (const [i, task] of tasks.entries()) {
      const changes = [{ key, value: Buffer.from(`${i}`) }];
      await task.commit({ outputs: [record(OUT, `${i}`)], offsets: [{ ...IN, offset: i + 1 }], changes });
    }
    await first.close();

    const second = await EmbeddedLog.open(folder);
    await second.createTopics(TOPICS);
    expect(second.topics()).toEqual(TOPICS);
    expect(valuesOf(await readAll(second, IN))).toEqual(['a', 'b']);
    expect(valuesOf(await readAll(second, OUT))).toEqual(['0', '1']);
    expect(await second.append([record(OUT, 'c')])).toEqual([2]);
    expect(String(second.meta.get(Buffer.from('schemas/1')))).toBe('{}');
    for (const [i, group] of ['g', 'h'].entries()) {
      const task = await second.openTask(group, 0);
      expect([task.position(IN), String(task.store.get(key))]).toEqual([i + 1, `${i}`]);
    }
    await second.close();
  });

  test('leaves no gap between offsets, however many tasks commit at once', async () => {
    const log = await EmbeddedLog.open(newFolder());
    await log.createTopics(TOPICS);
    const tasks = await Promise.all([0, 1, 2, 3].map((partition) => log.openTask('g', partition)));
    for (let i = 0; i < 20; i++) {
      const outputs = [record(OUT, 'x'), record(OUT, 'y')];
      const [appended] = await Promise.all([
        log.append([record(OUT, 'z')]),
        ...tasks.map((task) => task.commit({ outputs, offsets: [], changes: [] })),
      ]);
      expect(appended).toEqual([9 * i]);
    }
    const offsets = (await readAll(log, OUT)).map(({ offset }) => offset);
    expect(offsets).toEqual(Array.from({ length: 180 }, (_, i) => i));
    expect(await log.endOffset(OUT)).toBe(180);
    await log.close();
  });

  test('leaves no gap and nothing to read where a write failed', async () => {
    const log = await EmbeddedLog.open(newFolder());
    await log.createTopics(TOPICS);
    await log.append([record(OUT, 'a')]);
    const task = await log.openTask('g', 0);
    const changes = [{ key, value: 1 as unknown as Buffer }];
    await expect(task.commit({ outputs: [record(OUT, 'lost')], offsets: [], changes })).rejects.toThrow(Unrecoverable);
    expect(await log.endOffset(OUT)).toBe(1);
    expect(await log.append([record(OUT, 'b')])).toEqual([1]);
    expect(valuesOf(await readAll(log, OUT))).toEqual(['a', 'b']);
    await log.close();
  });

  test('reads across the bounds of large commits', async () => {
    const log = await EmbeddedLog.open(newFolder());
    await log.createTopics(TOPICS);
    const large = (n: number): NewRecord => ({ ...record(OUT, `${n}`), value: Buffer.alloc(10_000, `${n} `) });
    await log.append(Array.from({ length: 200 }, (_, i) => large(i)));
    for (const [from, limit] of [
      [0, 200],
      [6, 1],
      [6, 3],
      [131, 69],
      [199, 5],
    ] as const) {
      const records = await log.read(OUT, from, limit);
      expect(records.map(({ offset }) => offset)).toEqual(
        Array.from({ length: Math.min(limit, 200 - from) }, (_, i) => from + i),
      );
      expect(records.every((r) => r.value?.equals(large(r.offset).value as Buffer))).toBe(true);
    }
    await log.close();
  });

  test('fences the writes to the state of an earlier or closed owner too', async () => {
    const log = await EmbeddedLog.open(newFolder());
    const zombie = await log.openTask('g', 0);
    await zombie.store.write([{ key, value: Buffer.from('1') }]);
    const owner = await log.openTask('g', 0);
    await expect(zombie.store.write([{ key }])).rejects.toThrow(TaskFenced);
    expect(String(owner.store.get(key))).toBe('1');
    await owner.close();
    await expect(owner.store.write([{ key }])).rejects.toThrow('(task g.0)');
    await log.close();
  });

  test('lets a commit under way finish before the next owner looks', async () => {
    const log = await EmbeddedLog.open(newFolder());
    await log.createTopics(TOPICS);
    const earlier = await log.openTask('g', 0);
    const last = earlier.commit({ outputs: [], offsets: [{ ...IN, offset: 7 }], changes: [] });
    const owner = await log.openTask('g', 0);
    expect(owner.position(IN)).toBe(7);
    await last;
    await log.close();
  });

  test('trims old records, goes on reading after them, and keeps its end', async () => {
    const folder = newFolder();
    const log = await EmbeddedLog.open(folder);
    await log.createTopics(TOPICS);
    for (let i = 0; i < 150; i++) await log.append([{ ...record(OUT, `${i}`), timestamp: i }]);
    expect(await log.trim('out', 100)).toBe(100);
    expect(await log.trim('out', 100)).toBe(0);
    expect((await readAll(log, OUT)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 50 }, (_, i) => 100 + i),
    );
    expect(await log.trim('out', 10_000)).toBe(49);
    await log.close();
    const again = await EmbeddedLog.open(folder);
    expect(valuesOf(await readAll(again, OUT))).toEqual(['149']);
    expect(await again.append([record(OUT, 'next')])).toEqual([150]);
    await again.close();
  });

  test('refuses a folder that another instance runs on', async () => {
    const folder = newFolder();
    const log = await EmbeddedLog.open(folder);
    await expect(EmbeddedLog.open(folder)).rejects.toThrow(FolderInUse);
    await log.close();
  });

  test('refuses the folder of another process while that lives', async () => {
    const folder = newFolder();
    const { child, firstLine } = startLoop(folder);
    await firstLine;
    const wanted = `another instance is running on ${folder}; stop it or use another --dir`;
    await expect(EmbeddedLog.open(folder)).rejects.toThrow(wanted);
    child.kill('SIGKILL');
    await once(child, 'close');
    await (await EmbeddedLog.open(folder)).close();
  });

  test('refuses a layout of another version, and a database that is no log', async () => {
    const [newer, foreign] = [newFolder(), newFolder()];
    for (const [folder, where, value] of [
      [newer, VERSION_KEY, '99'],
      [foreign, key, 'x'],
    ] as const) {
      const database = await RocksDatabase.open(folder);
      database.write([{ key: where, value: Buffer.from(value) }]);
      await database.close();
    }
    await expect(EmbeddedLog.open(newer)).rejects.toThrow(`has layout 99, this version reads ${LAYOUT_VERSION}`);
    await expect(EmbeddedLog.open(foreign)).rejects.toThrow('holds something else than a log');
  });

  test('throws once it is closed', async () => {
    const log = await EmbeddedLog.open(newFolder());
    await log.createTopics(TOPICS);
    const task = await log.openTask('g', 0);
    const last = log.append([record(IN, 'a')]);
    await log.close();
    expect(await last).toEqual([0]);
    await expect(log.read(IN, 0, 1)).rejects.toThrow('is closed');
    await expect(log.append([record(IN, 'b')])).rejects.toThrow('is closed');
    await expect(task.commit({ outputs: [], offsets: [], changes: [] })).rejects.toThrow('is closed');
    expect(() => task.position(IN)).toThrow('is closed');
  });

  test('has outputs, offsets and state of the same commit after every kill -9', { timeout: 120_000 }, async () => {
    const folder = newFolder();
    const commits: number[] = [];
    // A small generator with a fixed seed, so that a failure can be had again, as far as the machine allows.
    let seed = 20;
    for (let kill = 0; kill < 24; kill++) {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      const { child, firstLine, acknowledged } = startLoop(folder);
      await firstLine;
      setTimeout(() => child.kill('SIGKILL'), (seed >>> 8) % 60);
      await once(child, 'close');

      const log = await EmbeddedLog.open(folder);
      const task = await log.openTask(GROUP, 0);
      const reached = task.position(INPUT);
      expect(Number(task.store.get(STATE_KEY))).toBe(reached);
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const records = await readAll(log, { topic: OUTPUT, partition }, commits.at(-1) ?? 0);
        expect(records.map((r) => Number(r.key))).toEqual(records.map((r) => r.offset + 1));
        expect(records.at(-1)?.offset).toBe(reached - 1);
        expect(await log.endOffset({ topic: OUTPUT, partition })).toBe(reached);
      }
      expect(reached).toBeGreaterThanOrEqual(acknowledged());
      expect(acknowledged()).toBeGreaterThan(commits.at(-1) ?? 0);
      commits.push(reached);
      await log.close();
    }
    console.log(`commits found after each of ${commits.length} kills: ${commits.join(', ')}`);
  });
});

/** Starts the process to be killed; `firstLine` comes when it has committed, `acknowledged` is the last commit it told of. */
function startLoop(folder: string) {
  const script = fileURLToPath(new URL('./testing/commit-loop.ts', import.meta.url));
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  let last = 0;
  lines.on('line', (line) => {
    last = Number(line);
  });
  return { child, firstLine: once(lines, 'line'), acknowledged: () => last };
}
