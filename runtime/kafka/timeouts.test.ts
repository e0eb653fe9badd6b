import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { NO_KAFKA, type OwnKafka, startOwnKafka } from '../../test/servers/kafka.ts';
import { readAll, record, valuesOf } from '../testing/log-suite.ts';
import { KafkaLog } from './kafka-log.ts';
import { COUNT_KEY, GROUP } from './testing/committer.ts';

const TRANSACTION_TIMEOUT = 1000;
/** Longer than the pause: the group knows of none. */
const SESSION_TIMEOUT = 30_000;
const LOOK = 50;

// Coordinators look for transactions that took too long every ten seconds unless they are told otherwise.
const server = await startOwnKafka({
  settings: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '200' },
});
const root = mkdtempSync(join(tmpdir(), 'beckon-kafka-timeouts-'));
const living = new Set<ChildProcess>();
const killAll = (): void => {
  for (const child of living) child.kill('SIGKILL');
};
process.once('exit', killAll);
afterAll(async () => {
  killAll();
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

function startCommitter(...args: readonly string[]) {
  const program = fileURLToPath(new URL('./testing/committer.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  living.add(child);
  child.once('exit', () => living.delete(child));
  const [said, logged]: [string[], string[]] = [[], []];
  createInterface({ input: child.stdout as Readable }).on('line', (line) => said.push(line));
  createInterface({ input: child.stderr as Readable }).on('line', (line) => logged.push(line));
  return { child, said, logged };
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `${from + i}`);

describe.skipIf(server === undefined)(server === undefined ? NO_KAFKA : 'a transaction that took too long', () => {
  test.each(['records-sent', 'offsets-sent'])(
    'is ended by the cluster (paused at %s), and its task goes on once it is opened again',
    async (step) => {
      const { brokers } = server as OwnKafka;
      const [app, input, output] = [step, `${step}-in`, `${step}-out`];
      const log = await KafkaLog.open({ brokers, clientId: 'test', app, stateDir: join(root, `${step}-test`) });
      await log.createTopics([input, output].map((topic) => ({ topic, partitions: 1, cleanup: 'delete' as const })));
      const from = { topic: input, partition: 0 };
      const to = { topic: output, partition: 0 };
      await log.append(numbers(0, 10).map((n) => record(from, n)));
      const timeouts = [TRANSACTION_TIMEOUT, SESSION_TIMEOUT].map(String);
      const names = [brokers.join(','), app, join(root, step), input, output];
      const { child, said, logged } = startCommitter(...names, ...timeouts, step, '4');
      await expect.poll(() => said, { timeout: 30_000 }).toContain('2');

      // Its transaction is open: what lies behind its first record can't be read, until the cluster ends it.
      let open = 0;
      const isBehind = async (): Promise<boolean> => {
        const [offset] = await log.append([record(to, 'behind')]);
        open = await log.endOffset(to);
        return open <= (offset as number);
      };
      await expect.poll(isBehind, { interval: LOOK }).toBe(true);
      await expect.poll(() => log.endOffset(to), { timeout: 20_000, interval: LOOK }).toBeGreaterThan(open);
      expect(said.at(-1)).toBe('2');
      child.kill('SIGCONT');
      await expect.poll(() => said, { timeout: 30_000 }).toContain('9');
      await log.append(numbers(10, 15).map((n) => record(from, n)));
      await expect.poll(() => said, { timeout: 30_000 }).toContain('14');

      // It was opened again, by the one that had it all along.
      expect(said.filter((line) => line === 'assigned')).toHaveLength(1);
      expect(said.filter((line) => line === 'opened')).toHaveLength(2);
      expect(logged.filter((line) => line.includes('"msg":"rebalance"'))).toHaveLength(1);
      expect(logged.filter((line) => line.includes('a task ended and is opened again'))).toHaveLength(1);
      expect(said.filter((line) => /^\d+$/.test(line))).toEqual(numbers(0, 15));
      child.kill('SIGKILL');
      await once(child, 'exit');
      const copied = valuesOf(await readAll(log, to)).filter((value) => value !== 'behind');
      expect(copied).toEqual(numbers(0, 15));
      const restored = await log.openTask(GROUP, 0);
      expect(String(restored.store.get(COUNT_KEY))).toBe('15');
      expect(restored.position(from)).toBe(15);
      await log.close();
    },
  );
});
