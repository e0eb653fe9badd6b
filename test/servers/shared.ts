// One server for all test files of a run: the first that asks starts it, the others find where it is.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './jars.ts';
import { endProcess, isAlive } from './jvm.ts';

const PREFIX = 'beckon-servers-';

/**
 * What `start` resolved to, in this process or in another test process of the same run. It is given a folder and the process
 * whose end ends the server: vitest's main process, which is the parent of all its test processes.
 */
export async function shared<T>(name: string, start: (folder: string, owner: number) => Promise<T>): Promise<T> {
  const owner = process.ppid;
  removeOfEnded();
  const folder = runFolder(owner);
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
  const folder = runFolder(process.ppid);
  mkdirSync(folder, { recursive: true });
  return mkdtempSync(join(folder, `${name}-`));
}

/** Ends every server of this process's run and removes their data; for vitest's main process, at its end. */
export async function endShared(): Promise<void> {
  const folder = runFolder(process.pid);
  if (!existsSync(folder)) return;
  const files = readdirSync(folder, { recursive: true }).map(String);
  for (const file of files.filter((name) => name.endsWith('.pid'))) await endProcess(join(folder, file), 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

function runFolder(owner: number): string {
  return join(tmpdir(), `${PREFIX}${owner}`);
}

/** Servers end with their run, but of one that was killed the data stays: the next run removes it. */
function removeOfEnded(): void {
  for (const entry of readdirSync(tmpdir())) {
    const owner = entry.startsWith(PREFIX) ? Number(entry.slice(PREFIX.length)) : Number.NaN;
    if (Number.isInteger(owner) && !isAlive(owner)) rmSync(join(tmpdir(), entry), { recursive: true, force: true });
  }
}
