import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RocksDatabase } from './rocks-database.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-manifest-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const manifest = (dir: string): string => join(dir, readFileSync(join(dir, 'CURRENT'), 'utf8').trim());
const ROW = Buffer.alloc(64_000, 'x');

/** Copies an open database's files. One that goes away meanwhile was needed no more: it is begun anew. */
function copy(from: string, to: string): void {
  for (;;) {
    try {
      cpSync(from, to, { recursive: true });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      rmSync(to, { recursive: true, force: true });
    }
  }
}

/** A database that was killed after it had written a table; and how long its manifest was before that. */
async function killed(): Promise<{ readonly dir: string; readonly before: number }> {
  const [home, dir] = [join(folder, 'home'), join(folder, 'killed')];
  const database = await RocksDatabase.open(home);
  const before = statSync(manifest(home)).size;
  for (let i = 0; i < 1000 && !readdirSync(home).some((name) => name.endsWith('.sst')); i++) {
    database.write(Array.from({ length: 20 }, (_, j) => ({ key: Buffer.from(`row-${i}-${j}`), value: ROW })));
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (statSync(manifest(home)).size === before) await new Promise((resolve) => setImmediate(resolve));
  database.write([{ key: Buffer.from('last'), value: ROW }]);
  copy(home, dir);
  await database.close();
  return { dir, before };
}

describe('a database whose manifest lost its end', () => {
  it('does not open, where without the tables it names rows would be missing in silence', async () => {
    const { dir, before } = await killed();
    truncateSync(manifest(dir), before);
    await expect(RocksDatabase.open(dir)).rejects.toThrow(
      /is damaged: MANIFEST-\d+ has \d+ bytes, and had \d+: its end is lost/,
    );
  });
});

describe('a database that was killed', () => {
  it('opens with every row, and again after it was closed', async () => {
    const { dir } = await killed();
    for (let times = 0; times < 3; times++) {
      const database = await RocksDatabase.open(dir);
      expect(database.get(Buffer.from('row-0-0'))).toEqual(ROW);
      expect(database.get(Buffer.from('last'))).toEqual(ROW);
      await database.close();
    }
  });

  it.each([
    ['garbage', 'half wri'],
    ['of an earlier manifest', '{"name":"MANIFEST-000001","size":999999}'],
    ['nothing', ''],
  ])('is not accused by a witness that says %s', async (_, text) => {
    const { dir } = await killed();
    writeFileSync(join(dir, 'beckon-manifest'), text);
    const database = await RocksDatabase.open(dir);
    expect(database.get(Buffer.from('last'))).toEqual(ROW);
    await database.close();
  });
});
