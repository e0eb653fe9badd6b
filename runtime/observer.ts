// What an instance tells whoever watches it: the worker and its runners report, metrics.ts counts. Told as it happens, from
// within the work: an observer returns at once and never throws.
import type { Output } from './task.ts';

/** A task or sink task. */
export interface TaskName {
  /** The topology or sink it is of. */
  readonly group: string;
  readonly partition: number;
}

/** The tasks of a group that an instance runs, before and after its group changed: partitions. */
export interface Rebalance {
  readonly gained: readonly number[];
  readonly kept: readonly number[];
  readonly lost: readonly number[];
}

/** Why a task is opened anew: the error that ended it, named by the recovery it demands. */
export type RestartReason = 'fenced' | 'lost' | 'state-corrupted' | 'registry-unavailable' | 'failed';

/** What a commit takes to the log, since the commit before. */
export interface Taken {
  /** Records by what became of them; a late one is not among those processed. */
  readonly processed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly timersFired: number;
  /** Why records went to the dead letters: a code each. */
  readonly deadLetters: readonly string[];
}

export interface Observer {
  /** The tasks of a group that run here have changed; once for each assignment, the first included. */
  rebalanced(group: string, change: Rebalance): void;
  /** A task ended with an error and is opened anew; not told of one that was given away, nor of an error that ends the instance. */
  restarted(task: TaskName, reason: RestartReason): void;
  /** A task's state is being restored: changelog records applied so far by this restore, and about how many are left. */
  restoring(task: TaskName, records: number, left: number): void;
  /** A task's state is restored: changelog records that took, and ms. */
  restored(task: TaskName, records: number, ms: number): void;
  /**
   * A task emitted these, to be committed with what follows. Returns what is to be called once they are; it should not hold
   * on to the values, of which there may be very many until then.
   */
  emitted(outputs: readonly Output[]): () => void;
  /** A task's commit begins. Returns what is to be called once it is on the log; never called when it failed. */
  committing(task: TaskName, taken: Taken): (ms: number) => void;
  /** A sink's batch is out and its offset committed: records of it, and the codes of those that went to the dead letters. */
  delivered(task: TaskName, records: number, deadLetters: readonly string[]): void;
  /** A sink could not be opened or written to; it is tried again. */
  sinkFailed(sink: string): void;
  /** The schema registry could not answer, or not as needed. `unknown-id`: no schema has an id that a record names. */
  registryFailed(kind: RegistryFailure): void;
}

/** A request of the HTTP API that was answered. `route`: the pattern of its path, which holds no id. */
export interface Answered {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
}

export interface HttpObserver {
  answered(request: Answered): void;
}

export type RegistryFailure = 'unavailable' | 'refused' | 'unknown-id' | 'other';

const nothing = (): void => {};

/** Nobody watches. */
export const unobserved: Observer = {
  rebalanced: nothing,
  restarted: nothing,
  restoring: nothing,
  restored: nothing,
  emitted: () => nothing,
  committing: () => nothing,
  delivered: nothing,
  sinkFailed: nothing,
  registryFailed: nothing,
};

/** The reason of a restart, by the error that ended the task. */
export function restartReason(error: unknown): RestartReason {
  const name = error instanceof Error ? error.name : '';
  if (name === 'TaskFenced') return 'fenced';
  if (name === 'TaskLost') return 'lost';
  if (name === 'RegistryUnavailable') return 'registry-unavailable';
  return name === 'StateCorrupted' || name === 'StateUnreadable' ? 'state-corrupted' : 'failed';
}

/** `<group>.<partition>`, as tasks are named in logs and errors, taken apart. */
export function taskNamed(name: string): TaskName {
  const dot = name.lastIndexOf('.');
  return { group: name.slice(0, dot), partition: Number(name.slice(dot + 1)) };
}
