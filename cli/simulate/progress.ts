// How far a run is, on stderr: one line that is rewritten on a terminal, a line now and then elsewhere.
import type { WriteStream } from 'node:tty';
import type { Clock } from '../../runtime/clock.ts';
import type { Progress } from '../simulation.ts';

const EVERY_MS = { terminal: 1000, file: 5000 };

export class ProgressLine {
  readonly #stream: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean };
  readonly #clock: Clock;
  readonly #startedAt: number;
  #shownAt: number;
  #isShown = false;

  constructor(stream: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean }, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#shownAt = this.#startedAt;
  }

  show(progress: Progress): void {
    const now = this.#clock.now();
    const isTerminal = this.#stream.isTTY === true;
    if (now - this.#shownAt < (isTerminal ? EVERY_MS.terminal : EVERY_MS.file)) return;
    this.#shownAt = now;
    const line = progressText(progress, now - this.#startedAt);
    this.#stream.write(isTerminal ? `\r\x1b[2K${line}` : `${line}\n`);
    this.#isShown = isTerminal;
  }

  /** Ends the line, and says how long it took. */
  end(records: number): void {
    const elapsed = this.#clock.now() - this.#startedAt;
    this.clear();
    this.#stream.write(`${grouped(records)} records in ${seconds(elapsed)} (${grouped(rate(records, elapsed))}/s)\n`);
  }

  /** Takes the line off the terminal. */
  clear(): void {
    if (this.#isShown) this.#stream.write('\r\x1b[2K');
    this.#isShown = false;
  }
}

/** One line: records, share, rate and time left. */
export function progressText({ records, bytesRead, bytesTotal }: Progress, elapsedMs: number): string {
  const parts = [`${grouped(records)} records`];
  const share = bytesTotal > 0 ? Math.min(1, bytesRead / bytesTotal) : 0;
  if (bytesTotal > 0) parts.push(`${Math.floor(share * 100)} %`);
  parts.push(`${grouped(rate(records, elapsedMs))}/s`);
  if (share === 1) parts.push('letting the last timers fire');
  else if (share > 0) parts.push(`about ${seconds((elapsedMs * (1 - share)) / share)} left`);
  return parts.join(', ');
}

function rate(records: number, ms: number): number {
  return Math.round((records * 1000) / Math.max(1, ms));
}

function seconds(ms: number): string {
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(1)} s`;
  return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
}

function grouped(n: number): string {
  return n.toLocaleString('en-US');
}
