// A JVM that serves tests: kept by a process of its own, which ends it when the one that asked for it is gone.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const KEEPER = fileURLToPath(new URL('./keeper.ts', import.meta.url));
const READY_MS = 90_000;
const GENTLE_MS = 30_000;
const LOOK_MS = 50;
const FIRST_PORT = 15_000;
const PORTS = 15_000;

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
    await endProcess(join(this.#options.folder, `${this.#options.name}.pid`), signal);
  }
}

/** Ends the process of a pid file, by force when it doesn't end otherwise, and resolves when it is gone. */
export async function endProcess(pidFile: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const force = performance.now() + GENTLE_MS;
  for (let sent: string | undefined; isAlive(pid); ) {
    const wanted = performance.now() > force ? 'SIGKILL' : signal;
    if (wanted !== sent) process.kill(pid, wanted);
    sent = wanted;
    await delay(LOOK_MS);
  }
  rmSync(pidFile);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Ports that nobody listens on at the moment. None of those that systems give to outgoing connections: a client that tries a
 * stopped server's port again and again may be given that very port, reach itself, and keep the server from coming back.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  while (servers.length < count) {
    const server = createServer();
    const port = FIRST_PORT + randomInt(PORTS);
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (listening) servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
