import { expect, test } from 'vitest';
import { events, type Topic } from '../schemas/topics.ts';
import type { UserEvent } from '../schemas/types.ts';
import { Publisher } from './publisher.ts';
import { readTopic } from './reader.ts';
import { type OpenLog, openLog } from './testing/instance.ts';

const event = (userId: string, n: number): UserEvent => ({
  eventId: `${userId}-${n}`,
  tenantId: 'default',
  userId,
  sessionId: null,
  occurredAt: Date.UTC(2026, 2, 2) + n,
  type: 'view',
  properties: {},
});

async function idsOf({ log, serde }: OpenLog, key?: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const batch of readTopic(log, serde, events, key)) ids.push(...batch.map((e) => e.eventId));
  return ids;
}

test('reads every record of every partition, past the size of one fetch, and skips time marks', async () => {
  const opened = await openLog();
  const publisher = new Publisher(opened.log, opened.serde);
  const users = ['a', 'b', 'c', 'd'];
  const all = Array.from({ length: 5000 }, (_, n) => event(users[n % 4] as string, n));
  await publisher.publish(events as Topic<unknown>, all.slice(0, 4000));
  await publisher.advance(Date.UTC(2026, 2, 3));
  await publisher.publish(events as Topic<unknown>, all.slice(4000));
  const ids = await idsOf(opened);
  expect([...ids].sort()).toEqual(all.map((e) => e.eventId).sort());
});

test('reads the records of one key alone, in their order', async () => {
  const opened = await openLog();
  const values = ['u', 'v', 'u', 'w'].map((user, n) => event(user, n));
  await new Publisher(opened.log, opened.serde).publish(events as Topic<unknown>, values);
  expect(await idsOf(opened, 'default/u')).toEqual(['u-0', 'u-2']);
  expect(await idsOf(opened, 'default/nobody')).toEqual([]);
});

test('reads nothing from an empty topic', async () => {
  expect(await idsOf(await openLog())).toEqual([]);
});
