import { describe, expect, test } from 'vitest';
import type { RequestInProgress } from '../../schemas/state-types.ts';
import { type CaseOptions, caseOf, sent } from '../testing/case.ts';
import { at } from '../testing/world.ts';
import { duplicate } from './duplicate.ts';

const judged = (options: CaseOptions): string => duplicate.judge(caseOf(options)).verdict;

const pending = (campaignId: string, dedupeKey = ''): RequestInProgress => ({
  requestId: 'before',
  campaignId,
  source: 'api',
  cause: null,
  requestedAt: at('08:00'),
  expiresAt: at('08:00', 2),
  definitionVersion: 1,
  dedupeKey,
  channel: 'sms',
  costMicros: 0,
  dueAt: null,
  budgeted: true,
  data: {},
  steps: [],
  hop: 0,
  chain: [],
  variant: null,
  notBefore: null,
  judgedAt: null,
});

describe('the duplicate gate', () => {
  test('blocks within the window of the last sending; exactly the window later passes', () => {
    const before = [sent(at('09:00', -1), { campaignId: 'c', channel: 'email' })];
    expect(judged({ sent: before, now: at('08:59:59.999') })).toBe('block');
    expect(judged({ sent: before, now: at('09:00') })).toBe('pass');
    const campaign = { dedupe: { window: '1h' } };
    expect(judged({ campaign, sent: [sent(at('08:00:00.001'), { campaignId: 'c' })] })).toBe('block');
    expect(judged({ campaign, sent: [sent(at('08:00'), { campaignId: 'c' })] })).toBe('pass');
  });

  test('says which message was sent before', () => {
    const before = [sent(at('08:00'), { campaignId: 'c', sendId: 'first#0' })];
    const facts = { sentBefore: 'first#0', sentAt: '2026-03-02T08:00:00.000Z', windowMs: 86_400_000 };
    expect(duplicate.judge(caseOf({ sent: before }))).toEqual({ verdict: 'block', reason: 'duplicate', facts });
  });

  test('joins campaigns by their dedupe key, and no others', () => {
    const campaign = { dedupe: { window: '1h', key: 'offer' } };
    expect(judged({ campaign, sent: [sent(at('08:30'), { dedupeKey: 'offer' })] })).toBe('block');
    expect(judged({ campaign, sent: [sent(at('08:30'), { dedupeKey: 'other' })] })).toBe('pass');
    expect(judged({ sent: [sent(at('08:30'))] })).toBe('pass');
  });

  test('blocks while one is pending or scheduled, for however long', () => {
    expect(judged({ requests: [pending('c')] })).toBe('block');
    expect(judged({ requests: [{ ...pending('c'), dueAt: at('09:00', 2) }] })).toBe('block');
    expect(judged({ requests: [pending('other')] })).toBe('pass');
    const campaign = { dedupe: { window: '1h', key: 'offer' } };
    expect(judged({ campaign, requests: [pending('other', 'offer')] })).toBe('block');
  });

  test('does not count a failed message', () => {
    expect(judged({ sent: [sent(at('08:00'), { campaignId: 'c', failed: true })] })).toBe('pass');
  });
});
