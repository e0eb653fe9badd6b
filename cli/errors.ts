// What ends a command early, and with which exit code.

/** The input can't be used: exit code 2. Each line says what is wrong, where, and how to mend it. */
export class BadInput extends Error {
  override readonly name: string = 'BadInput';
  readonly lines: readonly string[];

  constructor(...lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** The run failed for a reason outside the program, which the message names in one line: exit code 1. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed';
}

/** Somebody stopped the run; the exit code is 128 and the signal's number, as shells count it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM', message: string) {
    super(message);
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}
