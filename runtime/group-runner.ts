// An instance's part in one group: a runner for every partition that is assigned to it, started again where what ended it
// passes.
import type { Logger } from 'pino';
import { RegistryUnavailable } from '../schemas/confluent-registry.ts';
import { loggable, StateCorrupted, TaskFenced, TaskLost } from './errors.ts';
import type { Log, Membership } from './log.ts';
import { type Observer, restartReason, unobserved } from './observer.ts';

/** What runs one partition of a group, once. */
export interface Runner {
  readonly name: string;
  /** Runs until `stop`; resolves when what was processed is committed. Rejects with what ended it. */
  run(): Promise<void>;
  stop(): void;
  /** Everything on the log was processed, and nothing is due. */
  readonly quiet: boolean;
}

/** Waits (ms) before a runner is started again: the first, and the longest, as each is twice the one before. */
const FIRST_WAIT = 50;
const LONGEST_WAIT = 5000;
/** How long (ms) the last commits may take when the instance stops; what is not committed by then others do again. */
const STOP_WAIT = 10_000;
/** A runner that lasted so long (ms) is taken to be well: its next fault counts as a first. */
const WELL_AFTER = 30_000;

export interface GroupRunnerOptions<R extends Runner> {
  readonly group: string;
  readonly topics: readonly string[];
  readonly log: Pick<Log, 'join'>;
  /** A new runner of a partition. */
  readonly runnerOf: (partition: number) => R;
  readonly logger: Logger;
  readonly observer?: Observer | undefined;
  /** Called when a runner ends with what doesn't pass. */
  readonly onFailure: (error: unknown) => void;
}

export class GroupRunner<R extends Runner> {
  readonly #options: GroupRunnerOptions<R>;
  readonly #held = new Map<number, Hold<R>>();
  /** Holds that were released and have not ended yet. */
  readonly #ending = new Map<number, Hold<R>>();
  #joining: Promise<Membership> | undefined;
  #membership: Membership | undefined;
  #stopping = false;

  constructor(options: GroupRunnerOptions<R>) {
    this.#options = options;
  }

  /** Joins the group; resolves when the first assignment is known and its runners are starting. */
  async start(): Promise<void> {
    const { group, topics, log } = this.#options;
    this.#joining = log.join(group, topics, { assigned: async (partitions) => this.#assigned(partitions) });
    this.#membership = await this.#joining;
  }

  /**
   * Ends every runner after its slice and commit, and only then leaves, so that others go on from there. A cluster that
   * doesn't answer is not waited for longer than ten seconds. Rejects with what a last commit failed with, unless it passes.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    // They stay among those held, so that what they did can still be asked for.
    for (const hold of this.#held.values()) hold.release();
    const all = [...this.#held.values(), ...this.#ending.values()];
    if (!(await within(STOP_WAIT, Promise.all(all.map((hold) => hold.ended))))) {
      const { group, logger } = this.#options;
      logger.warn({ group }, 'tasks were given up without a last commit: the cluster does not answer');
    }
    await this.#leave();
    const failed = all.find((hold) => hold.failure !== undefined);
    if (failed !== undefined) throw failed.failure;
  }

  /** Leaves what was joined, and what is still being joined once it is: it would hold partitions that nobody runs. */
  async #leave(): Promise<void> {
    const joined = Promise.resolve(this.#joining).catch(() => undefined);
    const left = joined.then((membership) => membership?.leave());
    if (await within(STOP_WAIT, joined)) return left;
    const { group, logger } = this.#options;
    logger.warn({ group }, 'the group was still being joined: the cluster does not answer');
    left.catch((error: unknown) => logger.warn({ group, error: loggable(error) }, 'the group could not be left'));
  }

  /** The runners of the partitions held, as they are at the moment. */
  get runners(): readonly R[] {
    return [...this.#held].sort(([a], [b]) => a - b).map(([, hold]) => hold.runner);
  }

  /** The first assignment was taken, every runner is at rest, and none that was given up still ends. */
  get quiet(): boolean {
    if (this.#membership === undefined || this.#ending.size > 0) return false;
    return [...this.#held.values()].every((hold) => hold.quiet);
  }

  #assigned(partitions: readonly number[]): void {
    if (this.#stopping) return;
    const { group, logger, observer = unobserved } = this.#options;
    const gained = partitions.filter((partition) => !this.#held.has(partition));
    const kept = partitions.filter((partition) => this.#held.has(partition));
    const lost = [...this.#held.keys()].filter((partition) => !partitions.includes(partition));
    for (const partition of lost) this.#release(partition);
    for (const partition of gained) {
      const confirmed = async (): Promise<void> => this.#membership?.confirmed();
      this.#held.set(partition, new Hold(this.#options, partition, confirmed, this.#ending.get(partition)?.ended));
    }
    logger.info({ group, gained, kept, lost }, 'rebalance');
    observer.rebalanced(group, { gained, kept, lost });
  }

  #release(partition: number): void {
    const hold = this.#held.get(partition);
    if (hold === undefined) return;
    this.#held.delete(partition);
    this.#ending.set(partition, hold);
    hold.release();
    void hold.ended.then(() => {
      if (this.#ending.get(partition) === hold) this.#ending.delete(partition);
    });
  }
}

/** A partition from its assignment to its end, through as many runners as it takes. */
class Hold<R extends Runner> {
  /** Resolves when nothing of it runs any more. */
  readonly ended: Promise<void>;
  readonly #options: GroupRunnerOptions<R>;
  readonly #partition: number;
  readonly #confirmed: () => Promise<void>;
  readonly #released = new AbortController();
  #runner: R;
  #failure: unknown;
  #told = false;

  /** `confirmed`: when the group has said whose the partition is; `before`: when an earlier hold of it has ended. */
  constructor(
    options: GroupRunnerOptions<R>,
    partition: number,
    confirmed: () => Promise<void>,
    before: Promise<void> | undefined,
  ) {
    this.#options = options;
    this.#partition = partition;
    this.#confirmed = confirmed;
    this.#runner = options.runnerOf(partition);
    this.ended = this.#run(before);
  }

  get runner(): R {
    return this.#runner;
  }

  /** What ended it for good while it was stopping; an earlier end was told by `onFailure`. */
  get failure(): unknown {
    return this.#told ? undefined : this.#failure;
  }

  get quiet(): boolean {
    return this.#failure === undefined && this.#runner.quiet;
  }

  release(): void {
    this.#released.abort();
    this.#runner.stop();
  }

  async #run(before: Promise<void> | undefined): Promise<void> {
    const { group, runnerOf, logger, observer = unobserved, onFailure } = this.#options;
    const { signal } = this.#released;
    await before;
    for (let tries = 0; !signal.aborted; ) {
      const begun = performance.now();
      try {
        await this.#runner.run();
        return;
      } catch (error) {
        const task = this.#runner.name;
        if (!passes(error)) {
          logger.error({ task, error: loggable(error) }, 'a task ended');
          this.#failure = error;
          this.#told = !signal.aborted;
          return this.#told ? onFailure(error) : undefined;
        }
        const why = (error as Error).message;
        // What it did not commit is not lost: whoever runs the partition next does it again.
        if (signal.aborted) return void logger.info({ task }, `given up without a last commit: ${why}`);
        tries = performance.now() - begun > WELL_AFTER ? 1 : tries + 1;
        const wait = Math.min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT);
        logger.warn({ task, tries, wait }, `a task ended and is opened again: ${why}`);
        observer.restarted({ group, partition: this.#partition }, restartReason(error));
        // At rest it must not seem meanwhile.
        this.#runner = runnerOf(this.#partition);
        await pause(wait, signal);
        // Who is fenced, or was cut off, may be about to learn that the partition is another's: to open it before would fence
        // the new owner.
        await Promise.race([this.#confirmed(), aborted(signal)]);
      }
    }
  }
}

/** Whether opening the task anew mends it: it is then as the log has it, its state restored where it has to be. */
function passes(error: unknown): boolean {
  return (
    error instanceof TaskLost ||
    error instanceof TaskFenced ||
    error instanceof StateCorrupted ||
    error instanceof RegistryUnavailable
  );
}

/** Whether the promise was settled within so many ms. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const late = new AbortController();
  const done = promise.then(() => true);
  try {
    return await Promise.race([done, pause(ms, late.signal).then(() => false)]);
  } finally {
    late.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
