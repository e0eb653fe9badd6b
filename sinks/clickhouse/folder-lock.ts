// One process at a time may open a data folder; the engine itself doesn't check. The lock is a file that names its holder,
// so that the lock of a process that was killed is worth nothing.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Takes the folder's lock and returns what gives it back. Waits up to `waitMs` for a living holder (a process whose parent
 * has just died needs a moment to notice), then throws an error that names it; throws at once when `signal` aborts.
 */
export async function lockFolder(folder: string, waitMs: number, signal?: AbortSignal): Promise<() => void> {
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, 'front.lock');
  const claim = join(folder, `front.lock.${process.pid}`);
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  writeFileSync(claim, mine);
  try {
    for (let waited = 0; ; waited += POLL_MS) {
      if (link(claim, lock)) break;
      const holder = read(lock);
      if (holder === undefined) continue;
      if (!alive(holder)) {
        // Another waiter may have replaced the dead holder's file by now: only that file may go.
        if (read(lock) === holder) rmSync(lock, { force: true });
        continue;
      }
      if (waited >= waitMs) {
        throw new Error(
          `The ClickHouse folder ${folder} is in use by process ${holder.split(' ')[0]}. ` +
            'Stop that process, or give this one a folder of its own.',
        );
      }
      await delay(POLL_MS, undefined, signal === undefined ? {} : { signal });
    }
  } finally {
    rmSync(claim, { force: true });
  }
  return () => {
    if (read(lock) === mine) rmSync(lock, { force: true });
  };
}

/** Unlike writing a new file, a hard link appears with its content in one step. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function alive(holder: string): boolean {
  const [pid, start] = holder.trim().split(' ', 2);
  const id = Number(pid);
  if (!Number.isInteger(id) || id <= 0) return false;
  try {
    process.kill(id, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // A process id is used again, soon so in a container: the holder is the process that started when it did.
  const now = startOf(id);
  return now !== 'gone' && (now === start || now === 'unknown' || start === 'unknown');
}

/** When a process started, in the system's own words; "gone" for a zombie, "unknown" where the system doesn't tell. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'gone' : (fields[19] ?? 'unknown');
  } catch {
    return startByPs(pid);
  }
}

function startByPs(pid: number): string {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] });
    return text.toString().trim().replaceAll(/\s+/g, '-') || 'unknown';
  } catch {
    return 'unknown';
  }
}
