// Durations ("30m") and daily windows ("21:00-08:00") as people write them in files and on the command line.

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

export const DAY_MS = UNITS.d;

/** Above this a duration is a slip of the pen; every product of two durations' counts stays far below 2^53. */
const MAX_MS = 36_500 * DAY_MS;

/** What to say to someone whose duration was refused. */
export const DURATION_MEND = 'write a whole number and a unit: 90s, 30m, 6h or 7d';

/**
 * Milliseconds of "90s", "30m", "6h" or "7d"; with `min: 0` also of "0s".
 * Throws RangeError with one line that says what is wrong.
 */
export function parseDuration(text: string, { min = 1 }: { readonly min?: 0 | 1 } = {}): number {
  const match = /^(\d{1,12})([smhd])$/.exec(text);
  if (match === null)
    throw new RangeError(`${JSON.stringify(text.slice(0, 40))} is not a duration such as 90s, 30m, 6h or 7d`);
  const ms = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
  if (ms < min) throw new RangeError(`"${text}" is not longer than nothing`);
  if (ms > MAX_MS) throw new RangeError(`"${text}" is longer than ${formatDuration(MAX_MS)}`);
  return ms;
}

/**
 * The one way to write a duration: in the largest unit that divides it ("7d", never "168h"). `parseDuration` reads it back.
 * Milliseconds that are no whole seconds have no written form: throws RangeError.
 */
export function formatDuration(ms: number): string {
  let text = written.get(ms);
  if (text === undefined) {
    text = write(ms);
    if (written.size < WRITTEN_KEPT) written.set(ms, text);
  }
  return text;
}

/** The same few durations are written for every signal. */
const written = new Map<number, string>();
const WRITTEN_KEPT = 1000;

function write(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0 || ms % UNITS.s !== 0) {
    throw new RangeError(`${ms} ms is not a whole number of seconds`);
  }
  if (ms === 0) return '0s';
  for (const [unit, size] of Object.entries(UNITS)) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms / UNITS.s}s`;
}

/** Minutes after local midnight, 0 to 1439. `start` is in the window, `end` is not; a window may pass midnight. */
export interface DailyWindow {
  readonly start: number;
  readonly end: number;
}

/** What to say to someone whose quiet hours were refused. */
export const QUIET_HOURS_MEND = 'write start and end as "HH:MM-HH:MM", for example "21:00-08:00"';

/** Windows that were parsed: the few of campaigns and policies, asked for several times a decision. */
const windows = new Map<string, DailyWindow>();
const WINDOWS_KEPT = 1024;

/** The window of "HH:MM-HH:MM". Throws RangeError with one line that says what is wrong. */
export function parseQuietHours(text: string): DailyWindow {
  let window = windows.get(text);
  if (window === undefined) {
    window = dailyWindow(text);
    if (windows.size >= WINDOWS_KEPT) windows.clear();
    windows.set(text, window);
  }
  return window;
}

function dailyWindow(text: string): DailyWindow {
  const match = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (match === null)
    throw new RangeError(`${JSON.stringify(text.slice(0, 40))} is not a daily window between 00:00 and 23:59`);
  const start = Number(match[1]) * 60 + Number(match[2]);
  const end = Number(match[3]) * 60 + Number(match[4]);
  if (start === end) throw new RangeError(`"${text}" starts where it ends`);
  return { start, end };
}
