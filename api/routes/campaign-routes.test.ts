import { expect, test } from 'vitest';
import { MONDAY, startOutreach } from '../testing/outreach.ts';

test('tells how a campaign does, as of the time that the instance has come to', async () => {
  const { post, get } = await startOutreach(['u']);
  await post('/outreach/send', { userId: 'u', campaignId: 'priced', requestedAt: MONDAY });
  const answer = await get('/outreach/campaigns/priced/status');
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({
    campaignId: 'priced',
    status: 'active',
    at: '2026-03-02T09:00:00.000Z',
    budget: { totalMicros: 10_000_000 },
    spend: { messagesReserved: 1, reservedMicros: 7500 },
  });
  expect((await get('/outreach/campaigns/hello/status')).json()).toMatchObject({ budget: null, spend: null });
});

test('knows no campaign that is not there', async () => {
  const { get } = await startOutreach([]);
  const answer = await get('/outreach/campaigns/none/status');
  expect([answer.statusCode, answer.json().detail]).toEqual([404, 'tenant default has no campaign none; check the id']);
});

test('says which instance keeps the budget', async () => {
  const { get, worker } = await startOutreach([]);
  await worker.stop();
  const answer = await get('/outreach/campaigns/priced/status');
  expect([503, 421]).toContain(answer.statusCode);
});
