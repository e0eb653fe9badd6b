import { expect, test } from 'vitest';
import { MONDAY, startOutreach } from '../testing/outreach.ts';

const HOUR = 3_600_000;

test("lists a user's decisions, newest first and page by page", async () => {
  const { post, get } = await startOutreach(['u', 'v']);
  const asked = ['hello', 'hello', 'later', 'hello'];
  for (const [i, campaignId] of asked.entries())
    for (const userId of ['u', 'v'])
      await post('/outreach/send', { userId, campaignId, requestId: `${i}`, requestedAt: MONDAY + i });
  const ids = (answer: { json(): { readonly decisions: readonly { readonly requestId: string }[] } }): string =>
    answer
      .json()
      .decisions.map(({ requestId }) => requestId)
      .join('');
  const all = await get('/users/u/decisions');
  expect([ids(all), all.json().next]).toEqual(['3210', null]);
  expect(new Set(all.json().decisions.map(({ userId }: { readonly userId: string }) => userId))).toEqual(
    new Set(['u']),
  );
  const first = await get('/users/u/decisions?limit=3');
  const second = await get(`/users/u/decisions?limit=3&from=${first.json().next}`);
  expect([ids(first), ids(second), second.json().next]).toEqual(['321', '0', null]);
  expect(ids(await get('/users/u/decisions?campaign=later'))).toBe('2');
  expect(ids(await get('/users/nobody/decisions'))).toBe('');
  expect(ids(await get('/users/u/decisions?tenant=other'))).toBe('');
});

test('tells of an id that a path can not hold as it is', async () => {
  const { post, get } = await startOutreach(['a/b ü']);
  await post('/outreach/send', { userId: 'a/b ü', campaignId: 'hello', requestedAt: MONDAY + HOUR });
  const answer = await get(`/users/${encodeURIComponent('a/b ü')}/decisions`);
  expect(answer.json().decisions).toHaveLength(1);
});

test.each(['limit=0', 'limit=1000', 'from=x', 'unknown=1'])('refuses %s', async (query) => {
  const { get } = await startOutreach([]);
  const answer = await get(`/users/u/decisions?${query}`);
  expect([answer.statusCode, answer.json().errors[0].path]).toEqual([400, expect.stringMatching(/^\/query/)]);
});
