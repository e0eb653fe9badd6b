// `beckon start` on a cluster, as a process of its own, and what tests ask of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
const LOOK_MS = 200;
/** Records go from instance to instance within a fifth of a second: at rest is what was seen at rest all through a second. */
const LOOKS = 6;
const SETTLE_MS = 60_000;

/** A test that fails must leave no process behind. */
const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

export interface Cluster {
  readonly brokers: readonly string[];
  readonly registry: string;
  readonly app: string;
}

export interface RanTo {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Position {
  readonly task: string;
  /** The next offset, by topic. */
  readonly positions: Readonly<Record<string, number>>;
}

interface Status {
  readonly quiet: boolean;
  readonly tasks: readonly (Position & {
    readonly phase: string;
    readonly processed: number;
    readonly quiet: boolean;
  })[];
  readonly sinks: readonly Position[];
}

export function environment({ brokers, registry, app }: Cluster): NodeJS.ProcessEnv {
  return { ...process.env, KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registry, BECKON_APP: app };
}

export class InstanceProcess {
  readonly dir: string;
  /** Resolves to its address; rejects with what it logged when it ends before. */
  readonly ready: Promise<string>;
  readonly ended: Promise<RanTo>;
  readonly #child: ChildProcess;
  #log = '';

  /** `main`: that of another version of the program. */
  constructor(dir: string, env: NodeJS.ProcessEnv, args: readonly string[], main = MAIN) {
    this.dir = dir;
    const all = [main, 'start', '--dir', dir, '--port', '0', '--time', 'events', ...args];
    this.#child = spawn(process.execPath, all, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    living.add(this.#child);
    this.ended = once(this.#child, 'exit').then(([code, signal]) => {
      living.delete(this.#child);
      return { code, signal };
    });
    this.ready = new Promise((resolve, reject) => {
      this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        const [line] = this.lines('ready');
        if (line !== undefined) resolve(line.url as string);
      });
      void this.ended.then(() => reject(new Error(`the instance ended before it was ready:\n${this.#log}`)));
    });
    this.ready.catch(() => {});
  }

  get log(): string {
    return this.#log;
  }

  /** What it logged with this message. */
  lines(message: string): readonly Record<string, unknown>[] {
    const found = this.#log.split('\n').filter((line) => line.startsWith('{') && line.includes(`"msg":"${message}"`));
    return found.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async status(): Promise<Status> {
    return (await (await fetch(`${await this.ready}/v1/status`)).json()) as Status;
  }

  async publish(topic: string, ndjson: string): Promise<void> {
    const headers = { 'content-type': 'application/x-ndjson' };
    const response = await fetch(`${await this.ready}/v1/topics/${topic}/records`, {
      method: 'POST',
      body: ndjson,
      headers,
    });
    if (!response.ok) throw new Error(`publish ${topic}: ${await response.text()}`);
  }

  /** Moves event time on. */
  async advance(to: number): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ to });
    const response = await fetch(`${await this.ready}/v1/advance`, { method: 'POST', body, headers });
    if (!response.ok) throw new Error(`advance: ${await response.text()}`);
  }

  kill(signal: NodeJS.Signals): Promise<RanTo> {
    this.#child.kill(signal);
    return this.ended;
  }
}

/** Resolves once nothing is left to do on any of the instances. Rejects after a minute, or when one of them ends. */
export async function settled(instances: readonly InstanceProcess[]): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  for (let seen = 0; seen < LOOKS; ) {
    const all = await Promise.all(instances.map((instance) => instance.status()));
    seen = all.every(({ quiet }) => quiet) ? seen + 1 : 0;
    if (performance.now() > until) {
      const busy = all.flatMap(({ tasks }) => tasks.filter(({ quiet }) => !quiet));
      throw new Error(`not at rest: ${JSON.stringify(busy)}\n${instances.map(({ log }) => log).join('\n')}`);
    }
    await delay(LOOK_MS);
  }
}

/** Runs a `beckon` command to its end. Rejects with what it said unless it ends well. */
export async function beckon(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  living.add(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  living.delete(child);
  if (code !== 0) throw new Error(`beckon ${args.join(' ')} ended with ${code}: ${said}`);
}
