// Whether a Docker engine answers, and servers in containers of it.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const KEEPER = fileURLToPath(new URL('./container.ts', import.meta.url));
const SOCKET = '/var/run/docker.sock';
const ANSWERS_WITHIN = 2000;
/** An image that is not there yet has to be brought first. */
const READY_WITHIN = 600_000;
const LOOK = 100;

export type Container = 'kafka' | 'registry';

/** Asks the engine at DOCKER_HOST (`unix://…`, `tcp://…` or `http://…`), else at its usual socket, for a sign of life. */
export function dockerAnswers(host = process.env.DOCKER_HOST): Promise<boolean> {
  const [, scheme, address = SOCKET] = /^(\w+):\/\/(.+)$/.exec(host ?? '') ?? [];
  const [hostname, port] = address.split(':');
  const at = scheme === 'tcp' || scheme === 'http' ? { hostname, port } : { socketPath: address };
  return new Promise((resolve) => {
    const asking = request({ ...at, path: '/_ping', timeout: ANSWERS_WITHIN }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asking
      .once('timeout', () => asking.destroy())
      .once('error', () => resolve(false))
      .end();
  });
}

/** Where clients of a container's ports go. */
export function dockerHostname(host = process.env.DOCKER_HOST): string {
  return /^(?:tcp|http):\/\/([^:/]+)/.exec(host ?? '')?.[1] ?? '127.0.0.1';
}

/**
 * Starts a container with the settings as its environment, and its port under the same number here. A process of its own keeps
 * it, and ends it once the owner is gone, or it is ended itself by its pid file in the folder.
 */
export async function startContainer(
  kind: Container,
  { folder, owner, port, environment }: { folder: string; owner: number; port: number; environment: object },
): Promise<void> {
  const file = join(folder, `${kind}.log`);
  const out = openSync(file, 'w');
  const args = [KEEPER, kind, String(owner), join(folder, `${kind}.pid`), String(port), JSON.stringify(environment)];
  const keeper = spawn(process.execPath, args, { detached: true, stdio: ['ignore', out, out] });
  closeSync(out);
  keeper.unref();
  let ended = false;
  keeper.once('exit', () => {
    ended = true;
  });
  for (const until = performance.now() + READY_WITHIN; ; await delay(LOOK)) {
    const said = readFileSync(file, 'utf8');
    if (said.includes('ready\n')) return;
    if (ended || performance.now() > until)
      throw new Error(`the container of ${kind} does not serve:\n${said.slice(-3000)}`);
  }
}
