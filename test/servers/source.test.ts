import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { dockerAnswers, dockerHostname } from './docker.ts';
import { missing } from './jars.ts';
import { freePorts } from './jvm.ts';
import { sourceOf } from './source.ts';

const folder = mkdtempSync(join(tmpdir(), 'beckon-docker-'));
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Listens as a Docker engine would, and answers its ping with a status, or never. */
async function engineAt(at: string | number, status: number | undefined): Promise<void> {
  const server = createServer(({ url }, answer) => {
    if (url !== '/_ping') answer.writeHead(404).end();
    else if (status !== undefined) answer.writeHead(status).end('OK');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(at, resolve));
}

test('servers come from an address, else from an engine that answers, else from jars', async () => {
  const [port, nobody] = (await freePorts(2)) as [number, number];
  const engine = `tcp://127.0.0.1:${port}`;
  await engineAt(port, 200);
  expect(await sourceOf('kafka:9092', engine)).toBe('address');
  expect(await sourceOf('', engine)).toBe('docker');
  expect(await sourceOf(undefined, engine)).toBe('docker');
  const jars = missing() === undefined ? 'jars' : undefined;
  expect(await sourceOf(undefined, `tcp://127.0.0.1:${nobody}`)).toBe(jars);
});

test('an engine answers at a socket or an address', async () => {
  const [port] = (await freePorts(1)) as [number];
  const socket = join(folder, 'docker.sock');
  await engineAt(socket, 200);
  await engineAt(port, 200);
  expect(await dockerAnswers(`unix://${socket}`)).toBe(true);
  expect(await dockerAnswers(`http://127.0.0.1:${port}`)).toBe(true);
  expect([`unix://${socket}`, 'tcp://engine.test:2375', undefined].map(dockerHostname)).toEqual([
    '127.0.0.1',
    'engine.test',
    '127.0.0.1',
  ]);
});

test('one that is unwell, silent or not there does not', async () => {
  const [unwell, silent] = (await freePorts(2)) as [number, number];
  await engineAt(unwell, 500);
  await engineAt(silent, undefined);
  const hosts = [`tcp://127.0.0.1:${unwell}`, `tcp://127.0.0.1:${silent}`, `unix://${join(folder, 'none.sock')}`];
  expect(await Promise.all(hosts.map(dockerAnswers))).toEqual([false, false, false]);
});
