// Whether an instance may be sent work, and what it still waits for.
import type { TaskPhase } from './task-runner.ts';

/** What must have happened before the first task can run, in this order. */
export const START_STEPS = ['log', 'tables', 'sinks', 'assignments'] as const;
export type StartStep = (typeof START_STEPS)[number];

const WAITS: Readonly<Record<StartStep, string>> = {
  log: 'the log is not connected',
  tables: 'campaigns and policy are not read yet',
  sinks: 'a sink is not open yet',
  assignments: 'it is not known yet which tasks run here',
};

export class Readiness {
  readonly #reached = new Set<StartStep>();
  #stopping = false;

  /** A step of the start is done. */
  reached(step: StartStep): void {
    this.#reached.add(step);
  }

  /** The instance takes no more work; it doesn't become ready again. */
  stopping(): void {
    this.#stopping = true;
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** What the instance waits for, in words; empty when it is ready. */
  waitingFor(tasks: readonly { readonly task: string; readonly phase: TaskPhase }[]): readonly string[] {
    if (this.#stopping) return ['the instance is stopping'];
    const step = START_STEPS.find((s) => !this.#reached.has(s));
    if (step !== undefined) return [WAITS[step]];
    return tasks
      .filter(({ phase }) => phase !== 'running')
      .map(({ task, phase }) => `task ${task} ${phase === 'ended' ? 'has ended' : 'is being restored'}`);
  }
}
