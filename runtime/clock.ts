// The clocks, here and nowhere else.

export interface Clock {
  /** Epoch ms; of a stopwatch, ms since some moment. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** For waits and durations: ms of the process, which no correction of the wall clock sets back. */
export const stopwatch: Clock = { now: () => performance.now() };
