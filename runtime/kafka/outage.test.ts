import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NO_KAFKA, type OwnKafka, startOwnKafka } from '../../test/servers/kafka.ts';
import { TaskFenced, TaskLost } from '../errors.ts';
import type { TaskLog } from '../log.ts';
import { readAll, record, valuesOf } from '../testing/log-suite.ts';
import { KafkaLog } from './kafka-log.ts';

// Every partition has a copy on both. A broker that is alone makes readers wait for ever when it is killed between the end of
// a transaction and its markers: as it comes back, no partition has a leader for a moment, and it takes them for deleted.
const settings = {
  'offsets.topic.replication.factor': '2',
  'transaction.state.log.replication.factor': '2',
  'broker.heartbeat.interval.ms': '300',
  'broker.session.timeout.ms': '3000',
  'leader.imbalance.check.interval.seconds': '1',
  'leader.imbalance.per.broker.percentage': '0',
};
const server = await startOwnKafka({ settings });
const second = server === undefined ? undefined : await startOwnKafka({ settings, joins: server });
const stateDir = mkdtempSync(join(tmpdir(), 'beckon-kafka-outage-'));
afterAll(async () => {
  await second?.stop();
  await server?.stop();
  rmSync(stateDir, { recursive: true, force: true });
});

const OUT = { topic: 'out', partition: 0 };
const IN = { topic: 'in', partition: 0 };
const KEY = Buffer.from('n');

describe.skipIf(server === undefined)(server === undefined ? NO_KAFKA : 'a broker that goes away', () => {
  test('costs no commit and doubles none: outputs, offsets and state go on where they were', {
    timeout: 180_000,
  }, async () => {
    const broker = second as OwnKafka;
    const brokers = [...(server as OwnKafka).brokers, ...broker.brokers];
    const log = await KafkaLog.open({ brokers, clientId: 'test', app: 'app', stateDir, replication: 2 });
    await log.createTopics([OUT, IN].map(({ topic }) => ({ topic, partitions: 1, cleanup: 'delete' as const })));
    let stopping = false;
    let reopened = 0;
    let told: () => void = () => {};
    let acknowledged = 0;
    const work = async (): Promise<TaskLog> => {
      let task = await log.openTask('g', 0);
      while (!stopping) {
        const n = task.position(IN) + 1;
        const value = Buffer.from(`${n}`);
        try {
          await task.commit({
            outputs: [record(OUT, `${n}`)],
            offsets: [{ ...IN, offset: n }],
            changes: [{ key: KEY, value }],
          });
          acknowledged = n;
          told();
        } catch (error) {
          if (!(error instanceof TaskLost) && !(error instanceof TaskFenced)) throw error;
          reopened++;
          task = await reopen();
        }
      }
      return task;
    };
    const reopen = async (): Promise<TaskLog> => {
      for (;;) {
        try {
          return await log.openTask('g', 0);
        } catch (error) {
          if (!(error instanceof TaskLost)) throw error;
        }
      }
    };
    const progress = async (more: number): Promise<void> => {
      const wanted = acknowledged + more;
      while (acknowledged < wanted) {
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    };
    const working = work();
    // A worker that fails ends the test: there will be no progress to wait for.
    const failed = working.then(() => {});
    await Promise.race([progress(20), failed]);
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await broker.restart(signal);
      const begun = performance.now();
      await Promise.race([progress(20), failed]);
      console.log(`20 commits ${(performance.now() - begun).toFixed(0)} ms after the broker was back (${signal})`);
      expect(await log.append([record(IN, signal)])).toHaveLength(1);
    }
    stopping = true;
    const task = await working;
    const reached = task.position(IN);
    expect(reached).toBeGreaterThanOrEqual(acknowledged);
    expect(String(task.store.get(KEY))).toBe(String(reached));
    const out = await readAll(log, OUT);
    expect(new Set(out.map(({ offset }) => offset)).size).toBe(out.length);
    expect(valuesOf(out)).toEqual(Array.from({ length: reached }, (_, i) => `${i + 1}`));
    expect(valuesOf(await readAll(log, IN))).toEqual(['SIGKILL', 'SIGTERM']);
    console.log(`${reached} commits, the task opened anew ${reopened} times`);
    await log.close();
  });
});
