// What receipts change: a permanent failure frees what the message counted for, and where delivery fails, or nobody says in
// the channel's time that it came, the next channel is tried as a send of its own.
import type { Campaign } from '../../schemas/campaign.ts';
import { profile } from '../../schemas/cells.ts';
import { formatDuration } from '../../schemas/durations.ts';
import type { OpenSend, SentMessage, WaitingReceipt } from '../../schemas/state-types.ts';
import { candidates, decisions } from '../../schemas/topics.ts';
import type { DecisionStep, Receipt } from '../../schemas/types.ts';
import { obstacleOf } from './channel.ts';
import { consent } from './consent.ts';
import { content } from './content.ts';
import type { Desk } from './desk.ts';
import { frequencyCap } from './frequency-cap.ts';
import { block, type Facts, type Gate, pass } from './gate.ts';
import { partsOf, sendIdOf } from './ids.ts';
import { passes, proceed } from './judge.ts';
import { costOf, decisionOf, releaseOf } from './records.ts';
import { sendTime } from './send-time.ts';

/** The first of the channels left that is viable; the others keep their order. */
const nextChannel: Gate = {
  name: 'channel',
  judge(c) {
    const facts: Record<string, string> = {};
    c.ranked = c.campaign.channels.filter((id) => {
      const obstacle = obstacleOf(id, c);
      facts[id] = obstacle ?? 'viable';
      return obstacle === undefined;
    });
    const [chosen] = c.ranked;
    return chosen === undefined ? block('no-channel', facts) : pass({ ...facts, chosen });
  },
};

/** What a further hop passes before budget and sending. It is the same message, so duplicates are not looked for again. */
const GATES: readonly Gate[] = [consent, frequencyCap, nextChannel, content, sendTime];

/** Characters kept of a provider's words: the user's row holds them, and each decision of the story. */
const LONGEST_ERROR = 200;

const DELIVERED: ReadonlySet<string> = new Set<Receipt['status']>([
  'delivered',
  'opened',
  'clicked',
  'replied',
  'unsubscribed',
]);

/** Whether the receipt can change anything. */
export function matters({ status, costMicros }: Pick<Receipt, 'status' | 'costMicros'>): boolean {
  return status === 'failed' || status === 'sent' || DELIVERED.has(status) || costMicros !== null;
}

/** Takes a receipt. `arrivedAt`: stream time when it came. */
export function note(desk: Desk, receipt: WaitingReceipt, arrivedAt: number): void {
  const { sendId, status, occurredAt, error, channel } = receipt;
  const sent = desk.messages.sent.find((m) => m.sendId === sendId);
  if (sent === undefined || sent.failed) return;
  // What answers on another channel answers another message.
  if (channel !== null && channel !== sent.channel) return;
  if (status !== 'failed') {
    tellCost(desk, sent, receipt);
    if (DELIVERED.has(status)) close(desk, sendId);
    return;
  }
  fail(desk, sent, occurredAt);
  const open = close(desk, sendId);
  if (open === undefined) return;
  // A provider's clock may be behind ours.
  const failedAt = Math.max(occurredAt, open.sentAt);
  // What is told late is acted on when it is told: since then the user may have gone to sleep, or got other messages.
  const isLate = failedAt < arrivedAt - desk.context.lateness;
  fallBack(desk, open, isLate ? arrivedAt : failedAt, { error: toldOf(desk, error) });
}

/** What a provider says of a failure, as decisions may tell it: short, and without the addresses that providers like to repeat. */
function toldOf({ context }: Desk, error: string | null): string | null {
  if (error === null) return null;
  const addresses = Object.values(context.get(profile)?.contacts ?? {}).flatMap((a) => [a, a.replace(/^\+/, '')]);
  const masked = addresses.reduce((text, a) => (a === '' ? text : text.replaceAll(a, '[address]')), error);
  return masked.length > LONGEST_ERROR ? `${masked.slice(0, LONGEST_ERROR)}…` : masked;
}

/** Tells pace, once each, what the message really cost and that it went out. */
function tellCost(desk: Desk, sent: SentMessage, { status, occurredAt, costMicros: told }: WaitingReceipt): void {
  const { sendId, campaignId, costMicros: reserved } = sent;
  if (reserved === null) return;
  // A negative cost would free more than was reserved: it tells nothing.
  const actual = told === null || told < 0 ? null : told;
  const corrected = sent.corrected || (actual !== null && actual !== reserved);
  const spent = sent.spent || status === 'sent' || DELIVERED.has(status);
  if (corrected === sent.corrected && spent === sent.spent) return;
  const { story, hop } = partsOf(sendId);
  const { tenantId, userId, context } = desk;
  const ids = { campaignId, requestedAt: occurredAt, tenantId, userId };
  const cost = actual ?? reserved;
  if (corrected !== sent.corrected) context.emit(candidates, costOf('correct', story, hop, ids, cost));
  if (spent !== sent.spent) context.emit(candidates, costOf('spent', story, hop, ids, cost));
  desk.update({ sent: desk.messages.sent.map((m) => (m === sent ? { ...m, corrected, spent } : m)) });
}

/** No receipt came in the channel's time. */
export function timeOut(desk: Desk, sendId: string): void {
  const open = close(desk, sendId);
  if (open?.timeoutAt == null) return;
  const noReceiptWithin = formatDuration(open.timeoutAt - open.sentAt);
  // It may be looked at late, where the user awaited a verdict; it comes at its time all the same.
  fallBack(desk, open, open.timeoutAt, { noReceiptWithin });
}

/** The message counts for no cap and no dedupe any more, and its cost is given back. */
function fail(desk: Desk, failed: SentMessage, occurredAt: number): void {
  desk.update({ sent: desk.messages.sent.map((m) => (m === failed ? { ...m, failed: true } : m)) });
  if (!failed.budgeted) return;
  const { story, hop } = partsOf(failed.sendId);
  const { tenantId, userId } = desk;
  const ids = { campaignId: failed.campaignId, requestedAt: occurredAt, tenantId, userId };
  desk.context.emit(candidates, releaseOf(story, hop, ids, occurredAt));
}

/** Forgets that another channel may be tried for the send; returns what was kept for it. */
function close(desk: Desk, sendId: string): OpenSend | undefined {
  const found = openSendOf(desk, sendId);
  if (found !== undefined) desk.update({ open: desk.messages.open.filter((o) => o !== found) });
  return found;
}

/** What is kept of a send for which another channel may be tried. */
export function openSendOf(desk: Desk, sendId: string): OpenSend | undefined {
  for (const open of desk.messages.open) {
    if (sendIdOf(desk.storyOf(open.request), open.request.hop) === sendId) return open;
  }
  return undefined;
}

/** The campaign on the channels that are left. It waits for quiet hours and holidays to end, but for no better hour. */
function remaining(campaign: Campaign, channels: readonly string[]): Campaign {
  const { schedule } = campaign;
  const { sendTime } = schedule;
  // An instant stays: the expiry counts from it.
  const soon = typeof sendTime === 'object' && 'at' in sendTime ? sendTime : 'asap';
  return { ...campaign, channels, schedule: { ...schedule, sendTime: soon } };
}

/** Decides the next hop of the story. After the request's expiry nothing is tried any more. */
function fallBack(desk: Desk, open: OpenSend, now: number, why: Facts): void {
  const { request: before } = open;
  if (now > before.expiresAt) return;
  const request = desk.requestOf(before);
  const campaign = desk.definitionOf(request);
  // Nobody knows what to say any more; the story ends with the decisions that it has.
  if (campaign === undefined) return;
  const { channel, hop, definitionVersion } = before;
  const steps: DecisionStep[] = [
    ...before.steps,
    { gate: 'delivery', verdict: 'block', facts: { channel, hop, ...why } },
  ];
  const story = { definitionVersion, hop: hop + 1, steps, judgedAt: now };
  const status = desk.statusAt(request, campaign, now);
  if (status !== 'active') {
    steps.push({ gate: 'campaign', verdict: 'block', facts: { status } });
    const result = { outcome: 'blocked', reason: 'campaign-inactive', hop: story.hop } as const;
    desk.context.emit(decisions, decisionOf(request, definitionVersion, now, steps, result));
    return;
  }
  // Nothing was forgotten yet that a message before its expiry is judged by, so the request did not come too late.
  const c = desk.caseOf(request, remaining(campaign, before.chain), now, request.requestedAt);
  if (passes(desk, c, GATES, story)) proceed(desk, c, story);
}
