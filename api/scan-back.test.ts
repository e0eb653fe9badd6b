import { expect, test } from 'vitest';
import { decisions, type Topic } from '../schemas/topics.ts';
import type { Decision } from '../schemas/types.ts';
import { Publisher } from './publisher.ts';
import { type ScanOptions, scanBack } from './scan-back.ts';
import { decisionOn } from './testing/decisions.ts';
import { type OpenLog, openLog } from './testing/instance.ts';

/** So many decisions of "u", one in three, among those of others. */
const TOTAL = 15_000;

async function filled(): Promise<OpenLog> {
  const opened = await openLog(1);
  const publisher = new Publisher(opened.log, opened.serde);
  const all = Array.from({ length: TOTAL }, (_, i) => decisionOn(i % 3 === 0 ? 'u' : 'v', `${i}`, { requestedAt: i }));
  for (let i = 0; i < TOTAL; i += 1000) await publisher.publish(decisions as Topic<unknown>, all.slice(i, i + 1000));
  return opened;
}

function scan(opened: OpenLog, over: Partial<ScanOptions<Decision>> = {}) {
  return scanBack({ ...opened, topic: decisions, key: 'default/u', limit: 10, wanted: () => true, ...over });
}

test('finds every record of a key, newest first, from page to page', async () => {
  const opened = await filled();
  const seen: number[] = [];
  for (let before: number | undefined; ; ) {
    const { found, next } = await scan(opened, { before, limit: 700 });
    seen.push(...found.map(({ value }) => Number(value.requestId)));
    if (next === undefined) break;
    before = next;
  }
  expect(seen).toEqual(Array.from({ length: TOTAL / 3 }, (_, i) => TOTAL - 3 - 3 * i));
});

test('goes on where the records that it may look at end, without losing or repeating any', async () => {
  const opened = await filled();
  const seen: string[] = [];
  const wanted = ({ requestId }: Decision): boolean => Number(requestId) % 5000 === 0;
  let pages = 0;
  for (let before: number | undefined; ; pages++) {
    const { found, next } = await scan(opened, { before, wanted, mostScanned: 1000 });
    seen.push(...found.map(({ value }) => value.requestId));
    if (next === undefined) break;
    before = next;
  }
  // 5,000 and 10,000 are no multiples of three.
  expect([seen, pages]).toEqual([['0'], TOTAL / 1000 - 1]);
});

test('looks no further back than it is told', async () => {
  const opened = await filled();
  const looked: number[] = [];
  const wanted = ({ requestedAt }: Decision): boolean => looked.push(requestedAt) < 0;
  const { found, next } = await scan(opened, { wanted, since: TOTAL - 100 });
  expect([found, next]).toEqual([[], undefined]);
  expect(Math.min(...looked)).toBeGreaterThan(TOTAL / 4);
});

test('begins at the oldest record that is kept', async () => {
  const opened = await filled();
  await opened.log.trim(decisions.topic, 9000);
  const { found, next } = await scan(opened, { limit: TOTAL });
  expect([found.length, found[found.length - 1]?.offset, next]).toEqual([2000, 9000, undefined]);
});

test('finds nothing in an empty log', async () => {
  expect(await scan(await openLog(1))).toEqual({ found: [], next: undefined });
});
