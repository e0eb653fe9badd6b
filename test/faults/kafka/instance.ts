// A real instance on Kafka: `beckon start` as a process of its own, from its start to its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(import.meta.dirname, '..', '..', '..');
const MAIN = join(root, 'cli', 'main.ts');
const STOP_LOOK = 20;

/** The instance sends itself the signal at the nth time that a task of the group reaches the step. */
export interface Aim {
  readonly group: string;
  readonly step: string;
  readonly nth: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

export interface InstanceOptions {
  readonly dir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly aim?: Aim | undefined;
  readonly delivery: 'file' | 'webhook';
}

/** Ends instances when this process is gone; a line for each that runs or has ended. */
let warden: ChildProcess | undefined;

function tellWarden(line: string): void {
  if (warden === undefined) {
    const program = fileURLToPath(new URL('./warden.ts', import.meta.url));
    // Detached: a Ctrl-C for this process must not end it.
    warden = spawn(process.execPath, [program], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    warden.unref();
    (warden.stdin as unknown as { unref(): void }).unref();
  }
  warden.stdin?.write(`${line}\n`);
}

export class Instance {
  readonly begun = performance.now();
  /** Resolves to the instance's address; undefined when it ended before it was ready. */
  readonly ready: Promise<string | undefined>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #stepsFile: string;
  readonly #disarmedFile: string;
  #log = '';
  #url: string | undefined;
  #over = false;

  constructor({ dir, environment, aim, delivery }: InstanceOptions) {
    this.#stepsFile = `${dir}.steps`;
    const steps = openSync(this.#stepsFile, 'w');
    this.#disarmedFile = `${dir}.disarmed`;
    rmSync(this.#disarmedFile, { force: true });
    const preload = new URL('./preload.ts', import.meta.url);
    if (aim !== undefined) {
      const { nth, ...where } = aim;
      preload.search = new URLSearchParams({ ...where, nth: String(nth), disarmed: this.#disarmedFile }).toString();
    }
    const args = ['--import', preload.href, MAIN, 'start', '--time', 'events', '--dir', dir, '--port', '0'];
    this.#child = spawn(process.execPath, [...args, '--topology', 'engage,pace,deliver', '--delivery', delivery], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe', steps],
    });
    closeSync(steps);
    this.pid = this.#child.pid as number;
    tellWarden(`+${this.pid}`);
    // "close" comes once all it said was read.
    this.ended = once(this.#child, 'close').then(([code, signal]) => {
      this.#over = true;
      tellWarden(`-${this.pid}`);
      return { code, signal };
    });
    this.ready = new Promise((resolve) => {
      this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        if (this.#url !== undefined) return;
        const line = this.#log.split('\n').find((l) => l.includes('"msg":"ready"') && l.endsWith('}'));
        if (line === undefined) return;
        this.#url = (JSON.parse(line) as { readonly url: string }).url;
        resolve(this.#url);
      });
      void this.ended.then(() => resolve(undefined));
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Its address, once it is ready. */
  get url(): string | undefined {
    return this.#url;
  }

  /** ms since it was started. */
  get age(): number {
    return Math.round(performance.now() - this.begun);
  }

  /** What it logged. */
  get log(): string {
    return this.#log;
  }

  /** The last step that one of its tasks reached, as "group:step". */
  get lastStep(): string {
    return readFileSync(this.#stepsFile, 'utf8').split('\n').at(-2) ?? 'before any step';
  }

  /** From now on it doesn't strike itself any more, wherever it comes. */
  disarm(): void {
    writeFileSync(this.#disarmedFile, '');
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#over) this.#child.kill(signal);
  }

  /** Resolves to whether it was stopped (SIGSTOP) within `ms`. */
  async stopped(ms: number): Promise<boolean> {
    for (const until = performance.now() + ms; performance.now() < until && !this.#over; await delay(STOP_LOOK)) {
      if (stateOf(this.pid) === 'T') return true;
    }
    return false;
  }

  /** Resolves to whether it ended within `ms`. */
  endsWithin(ms: number): Promise<boolean> {
    const late = new AbortController();
    return Promise.race([
      this.ended.then(() => {
        late.abort();
        return true;
      }),
      delay(ms, false, { signal: late.signal }).catch(() => true),
    ]);
  }
}

/** A process's state as the kernel names it: T when it is stopped. */
function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0];
  } catch {
    return undefined;
  }
}
