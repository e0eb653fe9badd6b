import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { Folder, MAIN } from '../testing/run-cli.ts';

/** Starts an instance without ClickHouse on the folder "data", and resolves once it is ready. */
async function startIn(folder: Folder): Promise<ChildProcess> {
  const child = spawn(process.execPath, [MAIN, 'start', '--dir', 'data', '--topology', 'engage,pace', '--port', '0'], {
    cwd: folder.path,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    if ((JSON.parse(line) as { readonly msg: string }).msg === 'ready') break;
  }
  child.stderr?.resume();
  return child;
}

test('shows its options, with examples', () => {
  const { code, stdout, stderr } = new Folder().run('start', '--help');
  expect([code, stderr]).toEqual([0, '']);
  for (const word of ['Usage: beckon start', '--dir', '--topology', '--time', 'Examples:'])
    expect(stdout).toContain(word);
});

test.each([
  [['--topology', 'engage,deliverr'], /--topology: there is no "deliverr"; choose from engage, pace, deliver/],
  [['--port', '70000'], /Write a port from 0 to 65535/],
  [['--host', '0.0.0.0'], /--host 0\.0\.0\.0: .*; set BECKON_API_KEYS or BECKON_API_KEYS_FILE first/],
  [['--time', 'sun'], /Allowed choices are wall, events/],
  [['--campaigns', 'nowhere'], /nowhere: does not exist/],
])('refuses %j as bad input, in one line', (args, message) => {
  const folder = new Folder();
  const { code, stdout, stderr } = folder.run('start', ...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(existsSync(folder.at('.beckon'))).toBe(false);
});

test('refuses another number of partitions than its folder has as bad input', async () => {
  const folder = new Folder();
  const child = await startIn(folder);
  child.kill('SIGTERM');
  await once(child, 'exit');
  const args = ['--dir', 'data', '--topology', 'engage,pace', '--port', '0', '--partitions', '5'];
  const { code, stderr } = folder.run('start', ...args);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^beckon: topic \S+ has 4 partitions, not 5: /m)]);
});

test('says that its port is taken', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  onTestFinished(() => void holder.close());
  const { port } = holder.address() as { readonly port: number };
  const { code, stderr } = new Folder().run('start', '--topology', 'engage', '--port', String(port));
  expect(code).toBe(1);
  expect(stderr).toContain(`beckon: port ${port} of 127.0.0.1 is taken; stop what holds it or give another --port\n`);
});

test('says that its folder is in use, serves publish and topics meanwhile, and ends cleanly on SIGTERM', async () => {
  const folder = new Folder();
  const child = await startIn(folder);
  const second = folder.run('start', '--dir', 'data', '--topology', 'engage', '--port', '0');
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/^beckon: another instance is running on data.*; stop it or use another --dir$/m);

  const event = { eventId: 'e1', userId: 'u', type: 'view', occurredAt: '2026-03-02T09:00:00Z' };
  const file = folder.write('events.ndjson', [event]);
  const published = folder.run('publish', 'events', '--file', file, '--dir', 'data', '--wait');
  expect(published.stderr).toMatch(/to the instance at http.*1 records published.*everything is processed/s);
  expect(published.code).toBe(0);
  const read = folder.run('topics', 'read', 'events', '--dir', 'data');
  expect(JSON.parse(read.stdout)).toMatchObject({ eventId: 'e1', userId: 'u' });

  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(existsSync(folder.at('data/instance.json'))).toBe(false);
});
