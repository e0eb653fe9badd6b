// What an instance's state may take of its memory, divided among the tasks that it may come to own.

/** Of one task, bytes. */
export interface TaskMemory {
  /** Rows at hand; as many again may be held of those that were at hand before. */
  readonly rows: number;
  /** What the store has taken and not written to a file yet. */
  readonly memtables: number;
  /** Blocks that the store has read from its files. */
  readonly blocks: number;
}

export const MIB = 1 << 20;
/** MiB of an instance, unless it is told otherwise. */
export const DEFAULT_STATE_MEMORY = 1024;

/** More brings nothing: measured with states of 100,000 users a task (docs/bench.md). */
export const MOST: TaskMemory = { rows: 64 * MIB, memtables: 128 * MIB, blocks: 32 * MIB };
/** With less a store would write a file every few commits; a sink's, which holds a few rows, needs no more. */
export const LEAST: TaskMemory = { rows: MIB, memtables: 8 * MIB, blocks: MIB };

/**
 * A task's part of `total` bytes, where the instance may own `tasks` of them: it owns all when it is alone. Half is for rows, which
 * are held twice at most, three eighths for memtables, an eighth for blocks.
 */
export function taskMemory(total: number, tasks: number): TaskMemory {
  const part = total / Math.max(1, tasks);
  const within = (name: keyof TaskMemory, share: number): number =>
    Math.floor(Math.min(MOST[name], Math.max(LEAST[name], part * share)));
  return { rows: within('rows', 1 / 4), memtables: within('memtables', 3 / 8), blocks: within('blocks', 1 / 8) };
}
