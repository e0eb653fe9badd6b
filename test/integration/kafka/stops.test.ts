// An instance that is told to stop while the broker hangs: it ends in time, says so, and others do what it had in hand.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NO_KAFKA, type OwnKafka, startOwnKafka } from '../../servers/kafka.ts';
import { type RegistryServer, startRegistry } from '../../servers/registry.ts';
import { environment, InstanceProcess, settled } from './instance.ts';

const TIMEOUT = 150_000;
/** The limit of `start`, and what a busy machine may add. */
const STOPS_WITHIN = 27_000;

const server = await startOwnKafka();
const registered = server === undefined ? undefined : await startRegistry();
const root = mkdtempSync(join(tmpdir(), 'beckon-stops-'));
const instances: InstanceProcess[] = [];
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.kill('SIGKILL')));
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

function start(): InstanceProcess {
  const { brokers } = server as OwnKafka;
  const cluster = { brokers, registry: (registered as RegistryServer).url, app: 'stops' };
  const args = ['--topology', 'engage', '--partitions', '1'];
  const instance = new InstanceProcess(join(root, String(instances.length)), environment(cluster), args);
  instances.push(instance);
  return instance;
}
const eventsOf = (user: string, count: number): string =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({ eventId: `${user}-${i}`, userId: user, type: 'view', occurredAt: Date.UTC(2026, 0, 1 + i) }),
  ).join('\n');

describe.skipIf(registered === undefined)(registered === undefined ? NO_KAFKA : 'an instance on a cluster', () => {
  test('that does not answer ends in time when it is told to stop', { timeout: TIMEOUT }, async () => {
    const working = start();
    await working.ready;
    await working.publish('events', eventsOf('baraka', 20));
    await settled([working]);
    const pid = Number(readFileSync(join(dirname(server?.log as string), 'kafka.pid'), 'utf8'));
    process.kill(pid, 'SIGSTOP');
    try {
      const publishing = working.publish('events', eventsOf('chege', 1)).catch(() => {});
      const begun = performance.now();
      const ended = working.kill('SIGTERM');
      expect(await ended, working.log).toEqual({ code: 1, signal: null });
      expect(performance.now() - begun).toBeLessThan(STOPS_WITHIN);
      const [last] = working.lines(
        'not stopped in time, as the cluster does not answer; what is not committed is done again, nothing is lost',
      );
      expect(last, working.log).toBeDefined();
      await publishing;
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    // What it had in hand is another's now.
    const next = start();
    await next.ready;
    await settled([next]);
    expect(await next.kill('SIGTERM'), next.log).toEqual({ code: 0, signal: null });
  });
});
