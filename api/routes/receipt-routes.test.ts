import { expect, test } from 'vitest';
import { sendIdOf, storyOf } from '../../processors/decide/ids.ts';
import { receipts } from '../../schemas/topics.ts';
import type { Receipt } from '../../schemas/types.ts';
import { readTopic } from '../reader.ts';
import { startOutreach } from '../testing/outreach.ts';

const receipt = {
  ...{ sendId: 's#0', userId: 'u', campaignId: 'hello', requestId: 'r', channel: 'sms', status: 'delivered' },
  occurredAt: '2026-03-02T09:00:00Z',
};

test('puts receipts on the log, named by their send and status where they have no id', async () => {
  const { post, log, serde } = await startOutreach([]);
  const failed = { ...receipt, receiptId: 'mine', status: 'failed', costMicros: 7500, error: 'no such number' };
  const answer = await post('/receipts', { receipts: [receipt, failed] });
  expect([answer.statusCode, answer.json()]).toEqual([202, { accepted: 2 }]);
  const all: Receipt[] = [];
  for await (const batch of readTopic(log, serde, receipts)) all.push(...batch);
  expect(all).toMatchObject([
    { receiptId: 's#0:delivered', tenantId: 'default', hop: 0, occurredAt: Date.UTC(2026, 2, 2, 9), costMicros: null },
    { receiptId: 'mine', status: 'failed', costMicros: 7500, error: 'no such number' },
  ]);
});

test('takes the id of any send that this API may have asked for', async () => {
  const { post } = await startOutreach([]);
  const userId = ':'.repeat(256);
  const sendId = sendIdOf(
    storyOf({
      ...{ source: 'api', requestedAt: Date.UTC(2026, 2, 2), tenantId: ':'.repeat(256), campaignId: 'c'.repeat(100) },
      ...{ userId, requestId: 'r'.repeat(512) },
    }),
    0,
  );
  expect((await post('/receipts', { receipts: [{ ...receipt, userId, sendId }] })).statusCode).toBe(202);
});

test('takes all of them or none, and says which are wrong', async () => {
  const { post, log } = await startOutreach([]);
  const answer = await post('/receipts', {
    receipts: [receipt, { ...receipt, status: 'lost' }, { ...receipt, hop: -1 }],
  });
  expect(answer.statusCode).toBe(400);
  expect(answer.json().errors).toEqual([
    {
      path: '/body/receipts/1/status',
      message: expect.stringMatching(/^must be one of "accepted", "sent", .*"unsubscribed"$/),
    },
    { path: '/body/receipts/2/hop', message: 'must be at least 0' },
  ]);
  const ends = await Promise.all([0, 1].map((partition) => log.endOffset({ topic: receipts.topic, partition })));
  expect(ends).toEqual([0, 0]);
});
