import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { decisions, type Topic } from '../schemas/topics.ts';
import type { Decision } from '../schemas/types.ts';
import { DecisionWatcher, SAME_REQUEST_WITHIN } from './decision-watcher.ts';
import { Publisher } from './publisher.ts';
import { decisionOn } from './testing/decisions.ts';
import { openLog } from './testing/instance.ts';

const logger = pino({ level: 'silent' });
const LONG = 10_000;

async function open(most?: number) {
  const opened = await openLog();
  const watcher = new DecisionWatcher({ ...opened, logger, ...(most === undefined ? {} : { most }) });
  onTestFinished(() => watcher.close());
  const publisher = new Publisher(opened.log, opened.serde);
  const decide = (...values: readonly Decision[]): Promise<void> =>
    publisher.publish(decisions as Topic<unknown>, values);
  const expectOn = async (userId: string, requestId: string, requestedAt = 0) => {
    const expected = await watcher.expect({ tenantId: 'default', userId, requestId, requestedAt });
    if (expected === undefined) throw new Error('nobody may wait');
    return expected;
  };
  return { watcher, decide, expectOn };
}

test('hands a decision to the one who waits for it, whenever it is committed', async () => {
  const { watcher, decide, expectOn } = await open();
  await decide(decisionOn('u', 'before'));
  const early = await expectOn('u', 'early');
  await decide(decisionOn('u', 'early'), decisionOn('v', 'early'), decisionOn('u', 'other'));
  expect((await early.within(LONG))?.requestId).toBe('early');
  const late = await expectOn('u', 'late');
  const waiting = late.within(LONG);
  await decide(decisionOn('u', 'late'));
  expect((await waiting)?.requestId).toBe('late');
  expect(watcher.waiting).toBe(0);
});

test('hands the first decision to all who wait for it', async () => {
  const { decide, expectOn } = await open();
  const all = await Promise.all([1, 2, 3].map(() => expectOn('u', 'r')));
  await decide(decisionOn('u', 'r', { outcome: 'scheduled' }), decisionOn('u', 'r'));
  for (const one of all) expect((await one.within(LONG))?.outcome).toBe('scheduled');
});

test('waits no longer than it is told, and forgets who waits no more', async () => {
  const { watcher, expectOn } = await open();
  const expected = await expectOn('u', 'r');
  expect(await expected.within(1)).toBeUndefined();
  const cancelled = await expectOn('u', 'r');
  cancelled.cancel();
  expect(watcher.waiting).toBe(0);
});

test('does not take a decision on a request that came again for the one on the request', async () => {
  const { decide, expectOn } = await open();
  const expected = await expectOn('u', 'r');
  const first = decisionOn('u', 'r');
  const decisionId = `${first.campaignId}|repeated:default/u:r@0#final`;
  await decide({ ...first, decisionId, outcome: 'blocked', reason: 'duplicate' }, first);
  expect((await expected.within(LONG))?.decisionId).toBe(first.decisionId);
});

test('does not take a decision on a request that had the same id long before', async () => {
  const { decide, expectOn } = await open();
  const now = 10 * SAME_REQUEST_WITHIN;
  const expected = await expectOn('u', 'r', now);
  await decide(decisionOn('u', 'r', { requestedAt: now - SAME_REQUEST_WITHIN - 1, reason: 'before' }));
  await decide(decisionOn('u', 'r', { requestedAt: now - SAME_REQUEST_WITHIN }));
  expect((await expected.within(LONG))?.reason).toBeNull();
});

test('lets no more wait than it may, and none once it is closed', async () => {
  const { watcher, expectOn } = await open(2);
  const first = await expectOn('u', '1');
  await expectOn('u', '2');
  const asked = { tenantId: 'default', userId: 'u', requestId: '3', requestedAt: 0 };
  expect(await watcher.expect(asked)).toBeUndefined();
  first.cancel();
  const third = await watcher.expect(asked);
  const waiting = third?.within(LONG);
  await watcher.close();
  expect(await waiting).toBeUndefined();
  expect(await watcher.expect(asked)).toBeUndefined();
});
