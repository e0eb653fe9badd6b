// One server for all test files of a run: the first that asks starts it, the others find where it is.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './jars.ts';
import { isAlive } from './jvm.ts';

const PREFIX = 'beckon-servers-';

/**
 * What `start` resolved to, in this process or in another test process of the same run. It is given a folder and the process
 * whose end ends the server: vitest's main process, which is the parent of all its test processes.
 */
export async function shared<T>(name: string, start: (folder: string, owner: number) => Promise<T>): Promise<T> {
  const owner = process.ppid;
  removeOfEnded();
  const folder = join(tmpdir(), `${PREFIX}${owner}`);
  mkdirSync(folder, { recursive: true });
  const reference = join(folder, `${name}.json`);
  return withLock(join(folder, `${name}.lock`), async () => {
    if (existsSync(reference)) return JSON.parse(readFileSync(reference, 'utf8')) as T;
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    const server = await start(own, owner);
    writeFileSync(reference, JSON.stringify(server));
    return server;
  });
}

/** A folder for a server that isn't shared. */
export function scratch(name: string): string {
  return mkdtempSync(join(tmpdir(), `beckon-${name}-`));
}

/** Servers end with their run, but their data stays: the next run removes it. */
function removeOfEnded(): void {
  for (const entry of readdirSync(tmpdir())) {
    const owner = entry.startsWith(PREFIX) ? Number(entry.slice(PREFIX.length)) : Number.NaN;
    if (Number.isInteger(owner) && !isAlive(owner)) rmSync(join(tmpdir(), entry), { recursive: true, force: true });
  }
}
