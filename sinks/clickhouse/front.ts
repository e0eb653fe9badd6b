// Starts the embedded ClickHouse in a process of its own and keeps it running: it comes back at the same address after a
// crash, as a server under a supervisor would, and goes when this process goes, however that dies.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { FrontMessage } from './front-process.ts';

export interface EmbeddedOptions {
  /** Holds the data; made when absent. One process at a time. */
  readonly folder: string;
  /** On 127.0.0.1; absent: any free one. */
  readonly port?: number;
  /** Told, in a sentence, when the process ended unasked and is being started again. */
  readonly onRestart?: (what: string) => void;
}

export interface Embedded {
  /** "http://127.0.0.1:<port>", the same after every restart. */
  readonly url: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Lets queries under way finish, for five seconds, and ends the process. The data stay in the folder. */
  close(): Promise<void>;
}

const CLOSE_WITHIN_MS = 10_000;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Starts the embedded ClickHouse on a folder. Throws when the folder is in use by another process, the port is taken or the
 * engine can't be opened.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const first = await launch(options.folder, options.port ?? 0);
  const { port } = first;
  const closing = new AbortController();
  let child = first.child;

  const supervise = async (): Promise<void> => {
    for (let pause = 100; ; ) {
      await ended(child);
      while (!closing.signal.aborted) {
        options.onRestart?.(`The embedded ClickHouse (process ${child.pid}) ended unasked; it is started again.`);
        try {
          ({ child } = await launch(options.folder, port));
          pause = 100;
          break;
        } catch (error) {
          options.onRestart?.(error instanceof Error ? error.message : String(error));
          await delay(pause, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
          pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
        }
      }
      if (closing.signal.aborted) return stop(child);
    }
  };
  const supervised = supervise();

  return {
    url: `http://127.0.0.1:${port}`,
    get pid() {
      return child.pid ?? 0;
    },
    async close() {
      closing.abort();
      await stop(child);
      await supervised;
    },
  };
}

interface Launched {
  readonly child: ChildProcess;
  readonly port: number;
}

async function launch(folder: string, port: number): Promise<Launched> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const child = fork(new URL(`./front-process.${extension}`, import.meta.url), [folder, String(port)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const message = await new Promise<FrontMessage>((resolve) => {
    child.once('message', (told) => resolve(told as FrontMessage));
    child.once('error', (error) => resolve({ failed: error.message }));
    child.once('exit', (code, signal) =>
      resolve({ failed: `its process ended early (${signal ?? `exit code ${code}`})` }),
    );
  });
  if ('failed' in message) {
    await stop(child);
    throw new Error(`The embedded ClickHouse can't start: ${message.failed}`);
  }
  // It must not keep a process alive that has nothing else to do: it ends with it.
  child.unref();
  child.channel?.unref();
  return { child, port: message.ready.port };
}

async function stop(child: ChildProcess): Promise<void> {
  if (over(child)) return;
  child.ref();
  if (child.connected) child.disconnect();
  const impatient = setTimeout(() => child.kill('SIGKILL'), CLOSE_WITHIN_MS);
  await ended(child);
  clearTimeout(impatient);
}

async function ended(child: ChildProcess): Promise<void> {
  if (!over(child)) await once(child, 'exit');
}

function over(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}
