// A task's state on the local disk, with a checkpoint: what part of its changelog it holds. Both are written in one batch,
// and only what is committed on the log, so that a crash leaves a state that was true, and a restart replays what came after.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderInUse, RocksDatabase, type RocksOptions } from '../../state/rocksdb/rocks-database.ts';
import { prefixedChanges, RocksStore } from '../../state/rocksdb/rocks-store.ts';
import type { Store, StoreChange } from '../../state/store.ts';
import { StateCorrupted, Unrecoverable } from '../errors.ts';
import type { TaskMemory } from '../state-memory.ts';

/** What a disk or its rights cause, and no damage: nothing is gained by wiping what is there. */
const OF_THE_DISK =
  /no space|disk quota|read-only file|permission denied|too many open files|file too large|ENOSPC|EDQUOT|EROFS|EACCES|EMFILE|EFBIG/i;

/**
 * A file that is there while the folder is opened, with the id of the process. RocksDB ends the process over some damage (of what
 * describes a small table's blocks) and would do so at every start: a folder over which a process ended is not opened again.
 */
const OPENING = 'beckon-opening';

/** The keys of the checkpoint and of the state. */
const CHECKPOINT = Buffer.from([0]);
const STATE = Buffer.from([1]);

export interface Checkpoint {
  /** The next offset of the changelog to apply. */
  readonly offset: number;
  /** The cluster that the offset is of. */
  readonly cluster: string;
  /** Epoch ms when the store was as the changelog. */
  readonly at: number;
  /** The committed positions that the state goes with, by `<topic>/<partition>`; of a state just restored, none. */
  readonly positions: Readonly<Record<string, number>>;
}

export class LocalStore {
  readonly store: Store;
  readonly #database: RocksDatabase;
  #doubtful = false;
  #failed = false;

  private constructor(database: RocksDatabase) {
    this.#database = database;
    this.store = new RocksStore(database, STATE);
  }

  /** Opens the folder, made when missing. Undefined when what is in it can't be read. */
  static async open(folder: string, memory?: TaskMemory): Promise<LocalStore | undefined> {
    if (endedOpening(folder)) return undefined;
    try {
      const opened = beginOpening(folder);
      try {
        return new LocalStore(await RocksDatabase.open(folder, sizesOf(memory)));
      } finally {
        opened();
      }
    } catch (error) {
      if (OF_THE_DISK.test(error instanceof Error ? error.message : '')) throw unwritable(folder, error);
      if (!(error instanceof FolderInUse)) return undefined;
      const mend = 'give every instance a state folder of its own';
      throw new Unrecoverable(`another instance uses the state in ${folder}: ${mend}`, {}, { cause: error });
    }
  }

  /** Undefined when there is none, or none that can be understood. */
  checkpoint(): Checkpoint | undefined {
    try {
      const written = this.#database.get(CHECKPOINT);
      return written === undefined ? undefined : (JSON.parse(written.toString('utf8')) as Checkpoint);
    } catch {
      return undefined;
    }
  }

  /**
   * Applies changes and the checkpoint that they lead to, or nothing. Throws `Unrecoverable` where the disk takes no more, and
   * `StateCorrupted` for anything else: what merges files in the background meets their damage, and tells it to the next write.
   */
  write(changes: readonly StoreChange[], checkpoint: Checkpoint): void {
    const all = prefixedChanges(STATE, changes);
    all.push({ key: CHECKPOINT, value: Buffer.from(JSON.stringify(checkpoint)) });
    try {
      this.#database.write(all);
    } catch (cause) {
      this.#failed = true;
      const { folder } = this.#database;
      const why = cause instanceof Error ? cause.message : String(cause);
      if (OF_THE_DISK.test(why)) throw unwritable(folder, cause);
      this.distrust();
      throw new StateCorrupted(`the local state in ${folder} is damaged: ${why}`, {}, { cause });
    }
  }

  /** Has the folder wiped once it is closed. */
  distrust(): void {
    this.#doubtful = true;
  }

  async close(): Promise<void> {
    await this.#database.close().catch((error: unknown) => {
      // What a write failed with it says once more; that was told.
      if (!this.#failed) throw error;
    });
    if (this.#doubtful) await wipe(this.#database.folder);
    this.#doubtful = false;
  }
}

/** Returns what to call once it is open, or can't be opened. */
function beginOpening(folder: string): () => void {
  const mark = join(folder, OPENING);
  mkdirSync(folder, { recursive: true });
  writeFileSync(mark, String(process.pid));
  return () => rmSync(mark, { force: true });
}

/** Whether a process ended while it opened the folder. One that lives has it open, or will say that another has. */
function endedOpening(folder: string): boolean {
  let pid: number;
  try {
    pid = Number(readFileSync(join(folder, OPENING), 'utf8'));
  } catch {
    return false;
  }
  // In a container the one before had the same id.
  if (!(pid > 0) || pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function sizesOf(memory: TaskMemory | undefined): RocksOptions {
  return memory === undefined ? {} : { cacheBytes: memory.blocks, memtableBytes: memory.memtables };
}

/** Opening the task again would meet the same disk. Nothing is lost by a stop: the changelog has what was committed. */
function unwritable(folder: string, cause: unknown): Unrecoverable {
  const why = cause instanceof Error ? cause.message : String(cause);
  const mend = 'see that the disk has room, and that the folder may be written to; nothing that was committed is lost';
  return new Unrecoverable(`the local state in ${folder} can't be written: ${why}: ${mend}`, {}, { cause });
}

export function wipe(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/**
 * By partition, when a group's states in a folder were last written (epoch ms): a hint at who restores what fastest. Of
 * folders that go away meanwhile nothing is said.
 */
export function lastWritten(groupFolder: string): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  if (!existsSync(groupFolder)) return times;
  for (const name of readdirSync(groupFolder)) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const folder = join(groupFolder, name);
      const files = readdirSync(folder).map((file) => statSync(join(folder, file)).mtimeMs);
      times.set(Number(name), Math.round(Math.max(0, ...files)));
    } catch {}
  }
  return times;
}
