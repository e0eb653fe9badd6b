import { describe, expect, test } from 'vitest';
import { ADVANCE_TO } from '../runtime/serde.ts';
import { jsonForm } from '../schemas/json-form.ts';
import { consents, events, type Topic } from '../schemas/topics.ts';
import { Publisher } from './publisher.ts';
import { readTopic } from './reader.ts';
import { openLog } from './testing/instance.ts';

const line = (userId: string, eventId = 'e'): string =>
  JSON.stringify({ eventId, userId, occurredAt: '2026-03-02T09:00:00Z', type: 'view' });

describe('publishing lines', () => {
  test('appends the good ones, and says by number what is wrong with the others', async () => {
    const { log, serde } = await openLog();
    const publisher = new Publisher(log, serde);
    const text = `${line('u')}\n\nnot json\r\n{"userId":"u"}\n${line('v')}\r\n`;
    const { accepted, bad } = await publisher.publishLines(events as Topic<unknown>, text);
    expect(accepted).toBe(2);
    expect(bad.map(({ line: number }) => number)).toEqual([3, 4]);
    expect(bad[0]?.message).toBe('is not JSON');
    expect(bad[1]?.message).toMatch(/eventId|occurredAt|type/);
    const users: string[] = [];
    for await (const batch of readTopic(log, serde, events)) users.push(...batch.map((e) => e.userId));
    expect(users.sort()).toEqual(['u', 'v']);
  });

  test('appends nothing where no line is good', async () => {
    const { log, serde } = await openLog();
    const result = await new Publisher(log, serde).publishLines(events as Topic<unknown>, '[]\n');
    expect(result).toMatchObject({ accepted: 0, bad: [{ line: 1 }] });
    for (const partition of [0, 1]) expect(await log.endOffset({ topic: events.topic, partition })).toBe(0);
  });
});

test('values of one key keep their order, in one partition', async () => {
  const { log, serde } = await openLog();
  const form = jsonForm(consents);
  const values = [true, false, true].map((granted, i) =>
    form.read({ userId: 'u', purpose: `p${i}`, granted, changedAt: '2026-03-02T09:00:00Z' }),
  );
  await new Publisher(log, serde).publish(consents as Topic<unknown>, values);
  for await (const batch of readTopic(log, serde, consents, 'default/u'))
    expect(batch.map((c) => c.purpose)).toEqual(['p0', 'p1', 'p2']);
});

test('a time mark goes to every partition of events, without key and value', async () => {
  const { log, serde } = await openLog();
  const to = Date.UTC(2026, 2, 3);
  await new Publisher(log, serde).advance(to);
  for (const partition of [0, 1]) {
    const records = await log.read({ topic: events.topic, partition }, 0, 10);
    expect(records).toMatchObject([
      { key: null, value: null, timestamp: to, headers: { [ADVANCE_TO]: '2026-03-03T00:00:00.000Z' } },
    ]);
  }
});
