import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { Unrecoverable } from '../errors.ts';
import { LocalStore } from './local-store.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-local-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const FILL = fileURLToPath(new URL('./testing/fill-disk.ts', import.meta.url));

describe('a local state', () => {
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

  test.skipIf(process.getuid?.() === 0)('in a folder that may not be written to is kept as it is', async () => {
    const folder = join(root, 'forbidden');
    await ((await LocalStore.open(folder)) as LocalStore).close();
    chmodSync(folder, 0o500);
    await expect(LocalStore.open(folder)).rejects.toThrow(Unrecoverable);
    chmodSync(folder, 0o700);
  });
});
