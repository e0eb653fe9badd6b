// A real instance in a process of its own, on a folder of the test, without ClickHouse, and without delivery unless asked for.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type Folder, MAIN } from './run-cli.ts';

export interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  /** SIGTERM, and the end. */
  stop(): Promise<void>;
}

/** Resolves once it is ready; it follows event time, and is killed after the test if it still runs. */
export async function startOn(
  folder: Folder,
  dir = 'data',
  topologies = 'engage,pace',
  more: readonly string[] = [],
): Promise<Started> {
  const args = ['start', '--dir', dir, '--topology', topologies, '--time', 'events', '--port', '0', ...more];
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder.path, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    said.push(line);
    if (!line.includes('"msg":"ready"')) continue;
    child.stderr?.resume();
    const { url } = JSON.parse(line) as { readonly url: string };
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
    };
    return { child, url, stop };
  }
  throw new Error(`the instance did not start:\n${said.join('\n')}`);
}

/** NDJSON to an instance. */
export async function post(url: string, path: string, body: string): Promise<unknown> {
  const headers = { 'content-type': 'application/x-ndjson' };
  return (await fetch(`${url}${path}`, { method: 'POST', body, headers })).json();
}

/** Resolves when everything on its log is processed: seen so three times, as topologies pass records on. */
export async function settled(url: string): Promise<void> {
  for (let seen = 0; seen < 3; ) {
    const { quiet } = (await (await fetch(`${url}/v1/status`)).json()) as { readonly quiet: boolean };
    seen = quiet ? seen + 1 : 0;
    await delay(150);
  }
}
