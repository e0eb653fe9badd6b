// A JVM that serves tests: kept by a process of its own, which ends it when the one that asked for it is gone.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const KEEPER = fileURLToPath(new URL('./keeper.ts', import.meta.url));
const READY_MS = 90_000;
const LOOK_MS = 50;

export interface JvmOptions {
  /** Names its files in the folder. */
  readonly name: string;
  /** Holds the log and the pid; its owner removes it. */
  readonly folder: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The process whose end ends the JVM too. */
  readonly owner: number;
  /** Whether it serves, as of what it has logged. */
  readonly ready: (log: string) => boolean | Promise<boolean>;
}

export class Jvm {
  readonly #options: JvmOptions;
  readonly log: string;

  constructor(options: JvmOptions) {
    this.#options = options;
    this.log = join(options.folder, `${options.name}.log`);
  }

  /** Resolves when it serves; throws with the end of its log when it ends before. */
  async start(): Promise<void> {
    const { name, folder, args, cwd, owner, ready } = this.#options;
    // Emptied, so that an earlier life's lines don't count as ready.
    const out = openSync(this.log, 'w');
    const keeper = spawn(process.execPath, [KEEPER, String(owner), join(folder, `${name}.pid`), ...args], {
      detached: true,
      stdio: ['ignore', out, out],
      ...(cwd === undefined ? {} : { cwd }),
    });
    closeSync(out);
    keeper.unref();
    let ended = false;
    keeper.once('exit', () => {
      ended = true;
    });
    const until = performance.now() + READY_MS;
    while (!(await ready(readFileSync(this.log, 'utf8')))) {
      if (ended || performance.now() > until) {
        const tail = readFileSync(this.log, 'utf8').split('\n').slice(-15).join('\n');
        throw new Error(
          `${name} ${ended ? 'ended before it served' : `does not serve after ${READY_MS} ms`}:\n${tail}`,
        );
      }
      await delay(LOOK_MS);
    }
  }

  /** Ends it, gently or at once, and resolves when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const pid = this.#pid();
    if (pid === undefined) return;
    process.kill(pid, signal);
    while (isAlive(pid)) await delay(LOOK_MS);
  }

  #pid(): number | undefined {
    const file = join(this.#options.folder, `${this.#options.name}.pid`);
    if (!existsSync(file)) return undefined;
    const pid = Number(readFileSync(file, 'utf8'));
    return isAlive(pid) ? pid : undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ports that nobody listens on at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
