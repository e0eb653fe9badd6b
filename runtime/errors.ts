// Errors named by the recovery they demand. The runtime alone classifies: processors return or throw.

/** Where an error happened, as far as it is known. */
export interface Place {
  /** `<group>.<partition>` */
  readonly task?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
}

/** What a log may hold of an error: its properties and its causes may quote records or settings. */
export function loggable(error: unknown): { readonly name: string; readonly message: string } {
  const { name, message } = error instanceof Error ? error : { name: typeof error, message: String(error) };
  return { name, message };
}

abstract class PlacedError extends Error {
  readonly place: Place;

  constructor(message: string, place: Place = {}, options?: ErrorOptions) {
    const where = Object.entries(place).map(([name, value]) => `${name} ${value}`);
    super(where.length === 0 ? message : `${message} (${where.join(', ')})`, options);
    this.place = place;
  }
}

/** The task has another owner by now. Drop it with everything uncommitted and rejoin; the new owner goes on. */
export class TaskFenced extends PlacedError {
  override readonly name = 'TaskFenced';
}

/**
 * Whether the last commit happened is unknown, or the log can't be reached. Drop everything uncommitted and open the task
 * again: it is then as the log has it.
 */
export class TaskLost extends PlacedError {
  override readonly name = 'TaskLost';
}

/** The local state can't be trusted. Wipe it and restore it from its changelog. */
export class StateCorrupted extends PlacedError {
  override readonly name = 'StateCorrupted';
}

/** The record can't be processed, now or later. Put it among the dead letters and go on. */
export class BadRecord extends PlacedError {
  override readonly name = 'BadRecord';
}

/** Nothing the runtime could do would help. Stop and say why; the message says how to mend it. */
export class Unrecoverable extends PlacedError {
  override readonly name = 'Unrecoverable';
}
