// One life of a real instance: `beckon start` as a process of its own, from its start to its end.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
export const MAIN = join(root, 'cli', 'main.ts');
const CAMPAIGNS = join(import.meta.dirname, 'campaigns');
const FAILING = join(import.meta.dirname, 'campaigns-failing');
const FAILING_POLICY = join(import.meta.dirname, 'policy-failing.yaml');

/** The instance kills itself at the nth time that a task of the group reaches the step. */
export interface Aim {
  readonly group: string;
  readonly step: string;
  readonly nth: number;
}

/** Instances that run. A test that fails must leave none behind. */
const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

export interface LifeOptions {
  readonly dir: string;
  /** Without it the embedded ClickHouse is left out, and a life is half as long. */
  readonly clickhouse: boolean;
  readonly aim?: Aim;
  /** Where messages are posted, with campaigns some of whose deliveries fail; absent: the outbox. */
  readonly webhook?: string;
}

export class Life {
  readonly begun = performance.now();
  /** Resolves to the instance's address; undefined when it ended before it was ready. */
  readonly ready: Promise<string | undefined>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #stepsFile: string;
  #log = '';
  #over = false;

  constructor({ dir, clickhouse, aim, webhook }: LifeOptions) {
    this.#stepsFile = `${dir}.steps`;
    const steps = openSync(this.#stepsFile, 'w');
    const preload = new URL('./preload.ts', import.meta.url);
    if (aim !== undefined) preload.search = `group=${aim.group}&step=${aim.step}&nth=${aim.nth}`;
    const args = ['--import', preload.href, MAIN, 'start', '--time', 'events', '--dir', dir, '--port', '0'];
    const rest = clickhouse ? [] : ['--topology', 'engage,pace,deliver'];
    const campaigns =
      webhook === undefined ? [CAMPAIGNS] : [FAILING, '--policy', FAILING_POLICY, '--delivery', 'webhook'];
    this.#child = spawn(process.execPath, [...args, '--campaigns', ...campaigns, ...rest], {
      cwd: root,
      env: { ...process.env, ...(webhook === undefined ? {} : { BECKON_WEBHOOK_URL: webhook }) },
      stdio: ['ignore', 'ignore', 'pipe', steps],
    });
    closeSync(steps);
    living.add(this.#child);
    this.ended = once(this.#child, 'exit').then(([code, signal]) => {
      this.#over = true;
      living.delete(this.#child);
      return { code, signal };
    });
    this.ready = new Promise((resolve) => {
      this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        const line = this.#log.split('\n').find((l) => l.includes('"msg":"ready"'));
        if (line !== undefined) resolve((JSON.parse(line) as { readonly url: string }).url);
      });
      void this.ended.then(() => resolve(undefined));
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** ms since it was started. */
  get age(): number {
    return Math.round(performance.now() - this.begun);
  }

  /** What it logged. */
  get log(): string {
    return this.#log;
  }

  /** Every step it reached, as "group:step". */
  get steps(): readonly string[] {
    return readFileSync(this.#stepsFile, 'utf8').split('\n').slice(0, -1);
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#over) this.#child.kill(signal);
  }

  /** Kills the process of the embedded ClickHouse. Returns whether there was one. */
  killFront(): boolean {
    if (this.#over) return false;
    const front = childrenOf(this.#child.pid as number).find(({ command }) => command.includes('front-process'));
    if (front === undefined) return false;
    try {
      process.kill(front.pid, 'SIGKILL');
    } catch {
      return false;
    }
    return true;
  }
}

function childrenOf(parent: number): { readonly pid: number; readonly command: string }[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args=']).toString().split('\n');
  return lines.flatMap((line) => {
    const [, pid, ppid, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(ppid) === parent ? [{ pid: Number(pid), command }] : [];
  });
}

/** Runs a `beckon` command to its end. */
export function beckon(...args: readonly string[]): { readonly code: number | null; readonly text: string } {
  const run = spawnSync(process.execPath, [MAIN, ...args], { cwd: root, encoding: 'utf8' });
  return { code: run.status, text: run.stdout + run.stderr };
}

/** `beckon publish` of these lines into the folder. Throws with what it said when it fails. */
export function publishLines(dir: string, topic: string, lines: readonly string[]): void {
  const file = `${dir}.${topic}.ndjson`;
  writeFileSync(file, `${lines.join('\n')}\n`);
  const { code, text } = beckon('publish', topic, '--file', file, '--dir', dir);
  rmSync(file);
  if (code !== 0) throw new Error(`publish ${topic} ended with ${code}: ${text}`);
}
