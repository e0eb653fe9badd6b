import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decisions, outcomes, sends } from '../../schemas/topics.ts';
import type { Outcome } from '../../schemas/types.ts';
import { SinkUnavailable } from '../sink.ts';
import { campaignResultsReader } from './campaign-results.ts';
import { clickhouseSink } from './clickhouse.ts';
import { type Embedded, startEmbedded } from './front.ts';
import { AT, batchOf, context, decision, send } from './testing/samples.ts';

let folder: string;
let embedded: Embedded;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-results-'));
  embedded = await startEmbedded({ folder });
});
afterAll(async () => {
  await embedded.close();
  rmSync(folder, { recursive: true, force: true });
});

const who = (i: number) => ({ tenantId: 'default', userId: `u${i}`, campaignId: 'c' });

function outcome(i: number, sendId: string | null, rest: Partial<Outcome> = {}): Outcome {
  const kind = sendId === null ? 'holdout-conversion' : 'conversion';
  const due = { sendId, requestId: sendId === null ? `r${i}` : null, kind };
  return { ...who(i), ...due, outcomeId: `${kind}:${i}`, event: 'buy', value: 2.5, occurredAt: AT, ...rest };
}

it('the results of a campaign are its messages, what came of them, and what came in the holdout', async () => {
  const options = { url: embedded.url, database: 'results' };
  const sink = clickhouseSink(options);
  await sink.open();
  // Ten users with a message, one of them with two; forty held out, three times each.
  const sent = [...Array(11).keys()].map((i) => ({ ...send(i), ...who(i % 10), sendId: `s${i}`, costMicros: 7500 }));
  const held = [...Array(120).keys()].map((i) => ({
    ...{ ...decision(i), ...who(100 + (i % 40)), decisionId: `d${i}`, requestId: `r${i}` },
    ...{ outcome: 'holdout' as const, reason: 'holdout' },
  }));
  const others = [
    { ...send(1), ...who(1), campaignId: 'other' },
    { ...send(1), ...who(1), tenantId: 'other' },
  ];
  await sink.write(batchOf(sends, [...sent, ...others]), context);
  await sink.write(batchOf(decisions, [...held, { ...decision(1), ...who(7), outcome: 'sent' as const }]), context);
  // User 1 converts twice; what was told again of user 2 counts once, as the newest says.
  const told = [
    ...[outcome(1, 's1'), outcome(1, 's1', { outcomeId: 'again', value: 3 })],
    ...[outcome(2, 's2', { value: 100 }), outcome(2, 's10', { value: null }), outcome(101, null)],
  ];
  await sink.write(batchOf(outcomes, told), context);
  const reader = campaignResultsReader(options);
  const counted = { messages: 11, costMicros: 82_500, users: 10, conversions: 3, value: 5.5, convertedUsers: 2 };
  expect(await reader.of('default', 'c')).toEqual({
    ...counted,
    ...{ holdoutUsers: 40, holdoutConversions: 1, holdoutConvertedUsers: 1 },
  });
  expect(await reader.of('default', 'nobody')).toMatchObject({ messages: 0, users: 0, conversions: 0, value: null });
  expect(await reader.of('other', 'c')).toMatchObject({ messages: 1, holdoutUsers: 0, conversions: 0, value: null });

  const server = createClient(options);
  const found = await server.query({
    query: "SELECT * FROM campaign_results WHERE tenant_id = 'default' AND campaign_id = 'c'",
    format: 'JSONEachRow',
  });
  const error = 1.96 * Math.sqrt((0.2 * 0.8) / 10 + (0.025 * 0.975) / 40);
  expect((await found.json())[0]).toMatchObject({
    ...{ conversion_rate: 0.2, holdout_rate: 0.025, lift: expect.closeTo(0.175, 10), holdout_value: 2.5 },
    ...{ lift_low: expect.closeTo(0.175 - error, 10), lift_high: expect.closeTo(0.175 + error, 10) },
  });
  await server.close();
  await reader.close();
  await sink.close();
});

it('a server that does not answer is told as such', async () => {
  const reader = campaignResultsReader({ url: 'http://127.0.0.1:9' });
  await expect(reader.of('default', 'c')).rejects.toThrow(SinkUnavailable);
  await reader.close();
});
