// `beckon start` as a process of its own, and what it says of itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../test/servers/jvm.ts';
import { NODE_FLAGS } from '../node-flags.ts';
import { type Usage, usageOf } from './usage.ts';

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const WARDEN = fileURLToPath(new URL('../../test/faults/kafka/warden.ts', import.meta.url));
/** At rest is what was seen at rest for so long (ms): records go from task to task meanwhile. */
const REST = 500;

export interface Launch {
  readonly dir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly core?: string | undefined;
  /** Folder for a CPU profile. */
  readonly profiles?: string | undefined;
}

export interface TaskStatus {
  readonly task: string;
  readonly phase: string;
  readonly processed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly deadLetters: number;
  readonly timersFired: number;
  readonly positions: Readonly<Record<string, number>>;
  readonly quiet: boolean;
}

export interface Status {
  readonly quiet: boolean;
  readonly tasks: readonly TaskStatus[];
}

/** What was seen of an instance at a moment. */
export interface Seen {
  /** `performance.now()` of this process. */
  readonly at: number;
  readonly status: Status;
  readonly usage: Usage;
}

let warden: ChildProcess | undefined;

/** Instances end with this process, however it ends. */
function tellWarden(line: string): void {
  if (warden === undefined) {
    warden = spawn(process.execPath, [WARDEN], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    warden.unref();
    (warden.stdin as unknown as { unref(): void }).unref();
  }
  warden.stdin?.write(`${line}\n`);
}

const running = new Set<InstanceProcess>();

export async function killAll(): Promise<void> {
  await Promise.all([...running].map((instance) => instance.end('SIGKILL')));
}

export class InstanceProcess {
  readonly begun = performance.now();
  readonly pid: number;
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #log = '';
  #over = false;

  static async start(launch: Launch): Promise<InstanceProcess> {
    const [port] = (await freePorts(1)) as [number];
    return new InstanceProcess(launch, port);
  }

  private constructor({ dir, environment, args, core, profiles }: Launch, port: number) {
    this.url = `http://127.0.0.1:${port}`;
    const flags = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
    const command = [process.execPath, ...NODE_FLAGS, ...flags, MAIN, 'start', '--dir', dir];
    const all = [...(core === undefined ? [] : ['taskset', '-c', core]), ...command, '--port', String(port), ...args];
    this.#child = spawn(all[0] as string, all.slice(1), {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.pid = this.#child.pid as number;
    running.add(this);
    tellWarden(`+${this.pid}`);
    this.#ended = once(this.#child, 'close').then(() => {
      this.#over = true;
      running.delete(this);
      tellWarden(`-${this.pid}`);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
  }

  /** What it logged with this message. */
  lines(message: string): readonly Record<string, unknown>[] {
    const found = this.#log.split('\n').filter((line) => line.startsWith('{') && line.includes(`"msg":"${message}"`));
    return found.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Lines of warnings and errors that were logged. */
  get complaints(): readonly string[] {
    return this.#log.split('\n').filter((line) => line !== '' && !/^\{"level":[123]0,/.test(line));
  }

  /** Undefined: it does not answer yet. Throws when it has ended. */
  async look(): Promise<Seen | undefined> {
    const status = (await this.#get('/v1/status'))?.json() as Promise<Status> | undefined;
    if (status === undefined) return undefined;
    const read = await status;
    const usage = usageOf(this.pid);
    return usage === undefined ? undefined : { at: performance.now(), status: read, usage };
  }

  /** Prometheus's samples by name, summed over their labels, and by name with labels. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = (await (await this.#get('/metrics'))?.text()) ?? '';
    const samples = new Map<string, number>();
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      const labelled = line.slice(0, line.lastIndexOf(' '));
      const value = Number(line.slice(labelled.length + 1));
      const name = labelled.split('{')[0] as string;
      samples.set(labelled, value);
      if (name !== labelled) samples.set(name, (samples.get(name) ?? 0) + value);
    }
    return samples;
  }

  /** Looks every `every` ms until it sees what is wanted. Rejects after `within` ms. */
  async until(wanted: (seen: Seen) => boolean, every: number, within: number, what: string): Promise<Seen> {
    const limit = performance.now() + within;
    for (;;) {
      const seen = await this.look();
      if (seen !== undefined && wanted(seen)) return seen;
      if (performance.now() > limit) throw new Error(`${what}: not within ${within} ms\n${this.#tail()}`);
      await delay(every);
    }
  }

  /** When everything was processed and committed, and stayed so for half a second: the first look at which it was. */
  async quiet(every: number, within: number): Promise<Seen> {
    const limit = performance.now() + within;
    for (let first: Seen | undefined; ; ) {
      const seen = await this.look();
      if (seen?.status.quiet !== true) first = undefined;
      else if (first === undefined) first = seen;
      else if (seen.at - first.at > REST) return first;
      if (performance.now() > limit) throw new Error(`not at rest within ${within} ms\n${this.#tail()}`);
      await delay(every);
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.#over) this.#child.kill(signal);
    await this.#ended;
  }

  async #get(path: string): Promise<Response | undefined> {
    if (this.#over) throw new Error(`the instance has ended:\n${this.#tail()}`);
    try {
      return await fetch(this.url + path);
    } catch {
      return undefined;
    }
  }

  #tail(): string {
    return this.#log.split('\n').slice(-15).join('\n');
  }
}

/** Sums a count over the tasks of a topology. */
export function sumOf({ tasks }: Status, topology: string, count: (task: TaskStatus) => number): number {
  return tasks.filter(({ task }) => task.startsWith(`${topology}.`)).reduce((sum, task) => sum + count(task), 0);
}
