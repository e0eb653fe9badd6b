import { describe, expect, test } from 'vitest';
import { sendRequests } from '../../schemas/topics.ts';
import type { SendRequest } from '../../schemas/types.ts';
import { GroupAppender } from '../group-appender.ts';
import { readTopic } from '../reader.ts';
import { SendDesk } from '../send-desk.ts';
import type { OpenLog } from '../testing/instance.ts';
import { MONDAY, startOutreach } from '../testing/outreach.ts';

const ask = (over: object = {}): object => ({ userId: 'u', campaignId: 'hello', requestedAt: MONDAY, ...over });

async function published({ log, serde }: OpenLog): Promise<readonly SendRequest[]> {
  const all: SendRequest[] = [];
  for await (const batch of readTopic(log, serde, sendRequests)) all.push(...batch);
  return all;
}

describe('POST /outreach/send', () => {
  test('answers with the channel, the moment and every step in words, when the message is sent', async () => {
    const { post } = await startOutreach(['u']);
    const answer = await post('/outreach/send', ask({ data: { name: 'Amina' } }));
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      userId: 'u',
      campaignId: 'hello',
      source: 'api',
      outcome: 'sent',
      reason: null,
      channel: expect.stringMatching(/^(sms|email)$/),
      dueAt: '2026-03-02T09:00:00.000Z',
      explanation: expect.stringMatching(/^sent by (sms|email) at 2026-03-02 09:00:00 UTC for /),
    });
    expect(answer.json().steps.map(({ text }: { readonly text: string }) => text)).toContain(
      'audience: passed: the user is in the audience',
    );
  });

  test('answers with the scheduled time, when the message is held', async () => {
    const { post } = await startOutreach(['u']);
    const answer = await post('/outreach/send', ask({ campaignId: 'later' }));
    expect(answer.json()).toMatchObject({
      outcome: 'scheduled',
      dueAt: '2026-03-02T10:00:00.000Z',
      explanation: expect.stringContaining('for 2026-03-02 10:00:00 UTC by'),
    });
  });

  test('answers with the reason and what blocked, when nothing is sent', async () => {
    const { post } = await startOutreach([]);
    const answer = await post('/outreach/send', ask());
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      outcome: 'blocked',
      reason: 'no-channel',
      channel: null,
      explanation: expect.stringMatching(/^not sent \(no-channel\): .*; channel: blocked/),
    });
  });

  test('says where to ask, when nobody waits, and there the decision is', async () => {
    const { post, get } = await startOutreach(['u']);
    const answer = await post('/outreach/send?wait=0', ask({ requestId: 'r/1' }));
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ status: 'pending', requestId: 'r/1', userId: 'u' });
    expect(answer.headers.location).toBe('/api/v1/outreach/requests/r%2F1?userId=u&tenant=default');
    const path = String(answer.headers.location).replace('/api/v1', '');
    const decided = await get(`${path}&wait=10`);
    expect([decided.statusCode, decided.json().outcome]).toEqual([200, 'sent']);
    expect((await get('/outreach/requests/other?userId=u')).statusCode).toBe(404);
  });

  test('answers a repeated id with the same decision, and publishes it once', async () => {
    const instance = await startOutreach(['u']);
    const first = await instance.post('/outreach/send', ask({ requestId: 'r' }));
    const again = await instance.post('/outreach/send', ask({ requestedAt: MONDAY + 60_000 }), {
      'idempotency-key': 'r',
    });
    expect(again.json()).toEqual(first.json());
    const both = await Promise.all([1, 2].map(() => instance.post('/outreach/send', ask({ requestId: 'r2' }))));
    expect(both[0]?.json()).toEqual(both[1]?.json());
    expect((await published(instance)).map(({ requestId }) => requestId)).toEqual(['r', 'r2']);
  });

  test("refuses an id of Beckon's own kind", async () => {
    const instance = await startOutreach(['u']);
    for (const requestId of ['schedule:hello:default/u@0', 'hello|event']) {
      const answer = await instance.post('/outreach/send', ask({ requestId }));
      expect([answer.statusCode, answer.json().type]).toEqual([400, 'urn:beckon:problem:bad-request']);
    }
    expect(await published(instance)).toEqual([]);
  });

  test('refuses an id that was used for something else', async () => {
    const { post } = await startOutreach(['u']);
    await post('/outreach/send', ask({ requestId: 'r' }));
    for (const other of [{ campaignId: 'later' }, { data: { a: 1 } }, { notBefore: MONDAY + 1 }]) {
      const answer = await post('/outreach/send', ask({ requestId: 'r', ...other }));
      expect([answer.statusCode, answer.json().type]).toEqual([422, 'urn:beckon:problem:idempotency-key-reused']);
    }
  });

  test('finds what was decided on an id that it no longer knows', async () => {
    const instance = await startOutreach(['u']);
    const first = await instance.post('/outreach/send', ask({ requestId: 'r' }));
    // As another instance would publish it: the engine drops it, so no decision follows.
    const other = new SendDesk({ ...instance, appender: new GroupAppender(instance.log) });
    const { requestId, userId, campaignId } = first.json();
    const request: SendRequest = {
      ...{ requestId, userId, campaignId, tenantId: 'default', source: 'api' },
      ...{ requestedAt: MONDAY + 60_000, data: {}, notBefore: null },
    };
    const decision = await other.send(request, true, 300);
    expect(decision?.decisionId).toBe(first.json().decisionId);
    await expect(other.send({ ...request, campaignId: 'later' }, true, 1)).rejects.toThrow(
      'was used for another request',
    );
  });

  test('takes the time of a request only where time follows the records', async () => {
    const { post } = await startOutreach(['u']);
    const answer = await post('/outreach/send', { userId: 'u', campaignId: 'hello' });
    expect([answer.statusCode, answer.json().detail]).toEqual([
      409,
      'the time of this instance follows the records: give requestedAt',
    ]);
  });

  test.each([
    [{ userId: '' }, '/body/userId'],
    [{ campaignId: 7 }, '/body/campaignId'],
    [{ tenantId: 'a/b' }, '/body/tenantId'],
    [{ userId: 'amina\0' }, '/body/userId'],
    [{ data: { a: { b: 1 } } }, '/body/data/a'],
    [{ notBefore: 'tomorrow' }, '/body/notBefore'],
    [{ notBefore: '2150-01-01T00:00:00Z' }, '/body/notBefore'],
    [{ usrId: 'u' }, '/body'],
  ])('refuses %j and says where', async (over, path) => {
    const { post } = await startOutreach([]);
    const answer = await post('/outreach/send', ask(over));
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json().errors).toEqual([{ path, message: expect.any(String) }]);
  });

  test('names what is missing and what is not known, in one sentence each', async () => {
    const { post } = await startOutreach([]);
    const answer = await post('/outreach/send', ask({ campaignId: undefined, campaign: 'hello' }));
    expect(answer.json().detail).toBe(
      '/body/campaignId: is missing: give text; /body: takes no "campaign": the document says what it takes',
    );
  });

  test.each([
    ['/outreach/send', { userId: '' }, 'userId: must not be empty'],
    ['/outreach/send', { userId: 'x'.repeat(257) }, 'userId: must have at most 256 characters'],
    ['/outreach/send', { campaignId: 7 }, 'campaignId: must be text, not a number'],
    ['/outreach/send', { data: { a: { b: 1 } } }, 'data/a: must be text, a number, true, false or null'],
    ['/outreach/send', { data: [] }, 'data: must be an object, not a list'],
    [
      '/outreach/send',
      { notBefore: '2026-03-02T09:00:00' },
      /^notBefore: write a time as ISO-8601 with a zone, such as /,
    ],
    ['/outreach/send', { notBefore: -1 }, 'notBefore: must be at least 0'],
    ['/outreach/send', { notBefore: 1.5 }, /^notBefore: write a time as ISO-8601 with a zone, such as /],
    ['/outreach/send?wait=abc', {}, 'wait: must be a number'],
    ['/outreach/send?wait=31', {}, 'wait: must be at most 30'],
    ['/outreach/send?wait=-1', {}, 'wait: must be at least 0'],
  ])('%s with %j says what is wanted', async (path, over, message) => {
    const { post } = await startOutreach([]);
    const { detail } = (await post(path, ask(over))).json();
    expect(detail.replace(/^\/(body|query)\//, '')).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    );
  });

  test('tells those who wait, when the instance stops, that the decision comes later', async () => {
    const { post, worker, watcher } = await startOutreach(['u']);
    await post('/outreach/send', ask());
    await worker.stop();
    const answering = post('/outreach/send?wait=30', ask({ requestId: 'r' }));
    await expect.poll(() => watcher.waiting).toBe(1);
    await watcher.close();
    expect((await answering).statusCode).toBe(202);
  });
});
