import { describe, expect, test } from 'vitest';
import { sendRequests } from '../../schemas/topics.ts';
import { BatchDesk } from '../batch-desk.ts';
import { batchIdOf, requestIdOf } from '../batches.ts';
import { GroupAppender } from '../group-appender.ts';
import { readTopic } from '../reader.ts';
import { SendDesk } from '../send-desk.ts';
import type { OpenLog } from '../testing/instance.ts';
import { MONDAY, type Outreach, startOutreach } from '../testing/outreach.ts';

const batch = (users: readonly string[], over: object = {}): object => ({
  idempotencyKey: 'k',
  campaignId: 'hello',
  recipients: users.map((userId) => ({ userId })),
  requestedAt: MONDAY,
  ...over,
});

async function publishedIds({ log, serde }: OpenLog): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const all of readTopic(log, serde, sendRequests)) ids.push(...all.map(({ requestId }) => requestId));
  return ids.sort();
}

/** As another instance of the same log would take it. */
function otherDesk({ log, serde, watcher }: Outreach): BatchDesk {
  const desk = new SendDesk({ log, serde, watcher, appender: new GroupAppender(log) });
  return new BatchDesk({ log, serde, watcher, desk });
}

describe('POST /outreach/send-batch', () => {
  test('tells recipient by recipient what became of it', async () => {
    const instance = await startOutreach(['a', 'b']);
    const recipients = [
      { userId: 'a', data: { n: 1 } },
      { userId: '' },
      { userId: 'b' },
      { userId: 'a' },
      { userId: 'c', data: { deep: { er: 1 } } },
      { userId: 'nobody' },
    ];
    const answer = await instance.post('/outreach/send-batch?wait=10', batch([], { recipients }));
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      batchId: batchIdOf('default', 'k'),
      requestedAt: '2026-03-02T09:00:00.000Z',
      accepted: 3,
      bad: 3,
      decided: 3,
      results: [
        { userId: 'a', status: 'accepted', notBefore: null, decision: { outcome: 'sent' } },
        { userId: '', status: 'bad', reason: expect.stringContaining('userId: ') },
        { userId: 'b', status: 'accepted', decision: { outcome: 'sent' } },
        { userId: 'a', status: 'bad', reason: 'the user stands in the batch already' },
        { userId: 'c', status: 'bad', reason: expect.stringContaining('data.deep: ') },
        { userId: 'nobody', status: 'accepted', decision: { outcome: 'blocked', reason: 'no-channel' } },
      ],
    });
    expect(await publishedIds(instance)).toHaveLength(3);
  });

  test.each([
    [{ perMinute: 120 }, undefined, [null, '09:00:00.500', '09:00:01.000']],
    [{ interval: '2s' }, undefined, [null, '09:00:02.000', '09:00:04.000']],
    [{ interval: '1m' }, MONDAY + 3_600_000, ['10:00:00.000', '10:01:00.000', '10:02:00.000']],
    [undefined, MONDAY + 1, ['09:00:00.001', '09:00:00.001', '09:00:00.001']],
  ])('spaces messages by %j from %s', async (spacing, notBefore, times) => {
    const { post } = await startOutreach([]);
    const answer = await post('/outreach/send-batch', batch(['a', 'b', 'c'], { spacing, notBefore }));
    const found = answer.json().results.map(({ notBefore: at }: { readonly notBefore: string | null }) => at);
    expect(found).toEqual(times.map((time) => (time === null ? null : `2026-03-02T${time}Z`)));
  });

  test.each([
    [{ interval: '9999d' }, undefined],
    [{ interval: '1d' }, '2099-12-31T12:00:00Z'],
  ])('refuses %j from %s, which no time reaches, and publishes nothing', async (spacing, notBefore) => {
    const instance = await startOutreach([]);
    const users = Array.from({ length: 10 }, (_, i) => `u${i}`);
    const answer = await instance.post('/outreach/send-batch', batch(users, { spacing, notBefore }));
    expect([answer.statusCode, answer.json().detail]).toEqual([
      400,
      expect.stringMatching(/^\/body\/spacing: .* 2099/),
    ]);
    expect(await publishedIds(instance)).toEqual([]);
  });

  test('takes every interval that the document allows, and no other', async () => {
    const { post } = await startOutreach([]);
    const status = async (interval: string): Promise<number> =>
      (await post('/outreach/send-batch', batch(['a'], { idempotencyKey: interval, spacing: { interval } })))
        .statusCode;
    for (const interval of ['999999999s', '9999999m', '99999h', '9999d', '1s'])
      expect(await status(interval)).toBe(200);
    for (const interval of ['0s', '1000000000s', '10000d', '1w', '1.5h']) expect(await status(interval)).toBe(400);
  });

  test('answers a repeated key with the same, and publishes nothing twice', async () => {
    const instance = await startOutreach(['a', 'b']);
    const body = batch(['a', 'b', ''], { spacing: { perMinute: 60 } });
    const first = await instance.post('/outreach/send-batch?wait=10', body);
    const again = await instance.post('/outreach/send-batch', { ...body, requestedAt: MONDAY + 60_000 });
    expect(again.json()).toEqual(first.json());
    const both = await Promise.all(
      [1, 2].map(() => instance.post('/outreach/send-batch', batch(['a'], { idempotencyKey: 'k2' }))),
    );
    expect(both.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect(await publishedIds(instance)).toHaveLength(3);
  });

  test('refuses a key that was used for another batch', async () => {
    const instance = await startOutreach(['a', 'b']);
    await instance.post('/outreach/send-batch', batch(['a', 'b']));
    const answer = await instance.post('/outreach/send-batch', batch(['a']));
    expect([answer.statusCode, answer.json().type]).toEqual([422, 'urn:beckon:problem:idempotency-key-reused']);
    const body = { idempotencyKey: 'k', campaignId: 'hello', tenantId: 'default', recipients: [{ userId: 'a' }] };
    await expect(otherDesk(instance).send(body, MONDAY, 0)).rejects.toThrow('was used for another batch');
    await expect(otherDesk(instance).send({ ...body, tenantId: 'other' }, MONDAY, 0)).resolves.toBeDefined();
  });

  test('publishes what a crash left out of a batch, and no more', async () => {
    const instance = await startOutreach(['a', 'b', 'c']);
    const body = {
      idempotencyKey: 'k',
      campaignId: 'hello',
      tenantId: 'default',
      recipients: ['a', 'b', 'c'].map((userId) => ({ userId })),
    };
    const id = batchIdOf('default', 'k');
    const ids = { tenantId: 'default', campaignId: 'hello', source: 'batch', data: {}, notBefore: null } as const;
    await new SendDesk({ ...instance, appender: new GroupAppender(instance.log) }).publish([
      { ...ids, userId: 'a', requestId: requestIdOf(id, 'a'), requestedAt: MONDAY },
    ]);
    const { requestedAt, decisions } = await otherDesk(instance).send(body, MONDAY + 5000, 5000);
    expect(requestedAt).toBe(MONDAY);
    expect([...decisions.keys()].sort()).toEqual(['a', 'b', 'c']);
    expect(await publishedIds(instance)).toEqual(['a', 'b', 'c'].map((user) => requestIdOf(id, user)));
  });

  test('takes ten thousand recipients, and no more', async () => {
    const instance = await startOutreach([]);
    const users = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
    const answer = await instance.post('/outreach/send-batch', batch(users));
    expect(answer.json()).toMatchObject({ accepted: 10_000, bad: 0 });
    expect((await instance.post('/outreach/send-batch', batch([...users, 'one-more']))).statusCode).toBe(400);
    await instance.settled();
    const { body } = await instance.get(`/outreach/batches/${answer.json().batchId}`);
    expect(JSON.parse(body)).toMatchObject({ accepted: 10_000, decided: 10_000 });
  });
});

test('GET /outreach/batches tells of a batch of any instance, and of none that is not there', async () => {
  const { post, get, settled } = await startOutreach(['a', 'b']);
  const { batchId } = (
    await post('/outreach/send-batch', batch(['a', 'b', 'c'], { spacing: { interval: '1s' } }))
  ).json();
  await settled();
  const found = await get(`/outreach/batches/${batchId}`);
  expect(found.json()).toMatchObject({
    batchId,
    campaignId: 'hello',
    accepted: 3,
    decided: 3,
    results: [{ userId: 'a' }, { userId: 'b' }, { userId: 'c', decision: { outcome: 'blocked' } }],
  });
  expect((await get(`/outreach/batches/${batchId}?tenant=other`)).statusCode).toBe(404);
  expect((await get('/outreach/batches/b-none')).statusCode).toBe(404);
});
