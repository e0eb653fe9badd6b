import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { StateCorrupted, Unrecoverable } from '../errors.ts';
import { LocalStore, wipe } from './local-store.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-local-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const DIE = fileURLToPath(new URL('./testing/die-opening.ts', import.meta.url));
const FILL = fileURLToPath(new URL('./testing/fill-disk.ts', import.meta.url));

/** Of most systems. */
const NOBODY = 65_534;

/** Writes records, one by one, under keys that other calls use too. */
function fill(store: LocalStore, records: number): void {
  for (let i = 0; i < records; i++) {
    store.write([{ key: Buffer.from(`k${i % 100}`), value: Buffer.alloc(1000, i) }], {
      offset: i,
      cluster: 'c',
      at: 0,
      positions: {},
    });
  }
}

describe('a local state', () => {
  test('over which a process ended as it opened it is not opened again until it was wiped', async () => {
    const folder = join(root, 'deadly');
    expect(spawnSync(process.execPath, [DIE, folder]).signal).toBe('SIGKILL');
    expect(await LocalStore.open(folder)).toBeUndefined();
    await wipe(folder);
    const store = (await LocalStore.open(folder)) as LocalStore;
    fill(store, 10);
    await store.close();
    await ((await LocalStore.open(folder)) as LocalStore).close();
  });

  test('that another process opens at the moment is not doubted', async () => {
    const folder = join(root, 'opening');
    await ((await LocalStore.open(folder)) as LocalStore).close();
    writeFileSync(join(folder, 'beckon-opening'), String(process.ppid));
    await ((await LocalStore.open(folder)) as LocalStore).close();
  });

  test('that finds no room any more stops its instance, and opens again with what it had once there is', async () => {
    const folder = join(root, 'full');
    // No file may grow over 2 MiB, which writes meet as they meet a full disk.
    const said = execFileSync('bash', ['-c', 'ulimit -f 2048 && exec "$0" "$@"', process.execPath, FILL, folder]);
    expect(String(said)).toMatch(
      /^Unrecoverable: the local state in .*full can't be written: .*: see that the disk has room/,
    );
    const store = (await LocalStore.open(folder)) as LocalStore;
    const reached = store.checkpoint()?.offset ?? -1;
    expect(reached).toBeGreaterThan(50);
    const lastKey = Buffer.from(`k${reached}`);
    expect(store.store.get(lastKey)).toEqual(Buffer.alloc(10_000, reached));
    expect(store.store.get(Buffer.from(`k${reached + 1}`))).toBeUndefined();
    await store.close();
  });

  test('in a folder that may not be written to is kept as it is', async () => {
    const folder = join(root, 'forbidden');
    await ((await LocalStore.open(folder)) as LocalStore).close();
    chmodSync(folder, 0o500);
    chmodSync(root, 0o755);
    // No rights hold for root.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      await expect(LocalStore.open(folder)).rejects.toThrow(Unrecoverable);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    chmodSync(folder, 0o700);
    expect(readdirSync(folder)).toContain('CURRENT');
  });

  test('whose list of files was cut short is not taken for whole', async () => {
    const folder = join(root, 'cut');
    const put = async (key: string, offset: number): Promise<void> => {
      const store = (await LocalStore.open(folder)) as LocalStore;
      store.write([{ key: Buffer.from(key), value: Buffer.from(key) }], {
        offset,
        cluster: 'c',
        at: 0,
        positions: {},
      });
      await store.close();
    };
    await put('old', 1);
    // What was written before is in a file of its own from now on.
    await put('new', 2);
    const manifest = join(folder, readFileSync(join(folder, 'CURRENT'), 'utf8').trim());
    const { size } = statSync(manifest);
    const outcomes = new Set<string>();
    for (let left = 0; left <= size; left++) {
      const copy = join(root, 'cut-copy');
      rmSync(copy, { recursive: true, force: true });
      cpSync(folder, copy, { recursive: true });
      truncateSync(join(copy, basename(manifest)), left);
      const store = await LocalStore.open(copy);
      const read = (key: string): string => String(store?.store.get(Buffer.from(key)) ?? '');
      outcomes.add(store === undefined ? 'refused' : `${store.checkpoint()?.offset} ${read('old')} ${read('new')}`);
      await store?.close();
    }
    expect([...outcomes].sort()).toEqual(['2 old new', 'refused']);
  });

  test('whose damage a write meets, as files are merged behind it, is wiped once it is closed', async () => {
    const folder = join(root, 'damaged');
    for (let time = 0; time < 3; time++) {
      const store = (await LocalStore.open(folder)) as LocalStore;
      fill(store, 100);
      await store.close();
    }
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.sst'))) {
      const bytes = readFileSync(join(folder, file));
      bytes.fill(0xa5, 2000, 3000);
      writeFileSync(join(folder, file), bytes);
    }
    await expect(async () => {
      for (let time = 0; time < 20; time++) {
        const store = (await LocalStore.open(folder)) as LocalStore;
        try {
          fill(store, 2000);
        } finally {
          await store.close();
        }
      }
    }).rejects.toThrow(StateCorrupted);
    const store = (await LocalStore.open(folder)) as LocalStore;
    expect(store.checkpoint()).toBeUndefined();
    await store.close();
  });
});
