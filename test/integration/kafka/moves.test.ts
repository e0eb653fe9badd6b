// Tasks move between instances while they work: one joins, one is killed, one is told to stop. Nothing is lost or doubled.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { campaignFolder, expectSimulated, type Ground, openGround, UNTIL } from './ground.ts';
import { environment, InstanceProcess, settled } from './instance.ts';

const TIMEOUT = 120_000;
const PIECES = 6;

const opened = await openGround();
const ground = opened as Ground;
afterAll(() => opened?.close());

test.skipIf(opened === undefined)('what moves is done once', { timeout: TIMEOUT }, async () => {
  const out = await ground.simulated('ample');
  const cluster = await ground.emptied('moves');
  // The shortest that brokers take: a killed instance is noticed after it.
  const env = { ...environment(cluster), KAFKA_SESSION_TIMEOUT: '6000' };
  const start = (name: string): InstanceProcess =>
    new InstanceProcess(join(ground.folder, cluster.app, name), env, [
      ...['--topology', 'engage,pace,deliver', '--partitions', '4', '--campaigns', campaignFolder('ample')],
    ]);
  const lines = readFileSync(ground.inputs.events, 'utf8').trim().split('\n');
  const size = Math.ceil(lines.length / PIECES);
  const pieces = Array.from({ length: PIECES }, (_, i) => lines.slice(i * size, (i + 1) * size).join('\n'));
  const stayer = start('stayer');
  const publish = (): Promise<void> => stayer.publish('events', pieces.shift() as string);
  const killed = start('killed');
  await Promise.all([stayer.ready, killed.ready]);
  await stayer.publish('profiles', readFileSync(ground.inputs.profiles, 'utf8'));
  await stayer.publish('consents', readFileSync(ground.inputs.consents, 'utf8'));
  await settled([stayer, killed]);

  await publish();
  await publish();
  expect(await killed.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  await publish();
  const stopped = start('stopped');
  await stopped.ready;
  await publish();
  await expect.poll(async () => (await stopped.status()).tasks.length, { timeout: 30_000 }).toBeGreaterThan(0);
  await publish();
  expect(await stopped.kill('SIGTERM'), stopped.log).toEqual({ code: 0, signal: null });
  await publish();
  await stayer.advance(UNTIL);
  await expect.poll(async () => (await stayer.status()).tasks.length, { timeout: 30_000 }).toBe(8);
  await settled([stayer]);
  expect(await stayer.kill('SIGTERM'), stayer.log).toEqual({ code: 0, signal: null });

  const rebalances = stayer.lines('rebalance').filter(({ group }) => group === 'engage');
  expect(rebalances.length).toBeGreaterThanOrEqual(3);
  // It kept some of what it ran through all of it.
  for (const { kept } of rebalances.slice(1)) expect((kept as number[]).length).toBeGreaterThan(0);
  await expectSimulated(ground, cluster, out);
});
