// The moment of sending: now, or at a due time that is held; the last gate, and what is remembered of a message sent.
import { channelOf } from '../../schemas/policy.ts';
import type { OpenSend, RequestInProgress, SentMessage } from '../../schemas/state-types.ts';
import { candidates, decisions, sends } from '../../schemas/topics.ts';
import type { DecisionStep } from '../../schemas/types.ts';
import { timers } from '../processor.ts';
import type { Desk } from './desk.ts';
import { type Blocked, block, type Case, iso, type Verdict } from './gate.ts';
import { timeoutOf } from './ids.ts';
import { decisionOf, releaseOf, sendOf } from './records.ts';
import { mayBeSent } from './send.ts';

/** Sends at once what is due when it is decided; announces and holds what is due later. */
export function schedule(desk: Desk, progress: RequestInProgress, now: number): void {
  const { context } = desk;
  const others = desk.without(progress);
  const dueAt = progress.dueAt as number;
  if (dueAt <= now) {
    if (others !== desk.messages.requests) desk.update({ requests: others });
    send(desk, progress, now);
    return;
  }
  desk.update({ requests: [...others, progress] });
  const request = desk.requestOf(progress);
  const { channel, costMicros, definitionVersion, steps, variant, hop, chain: fallbacks } = progress;
  const result = { outcome: 'scheduled', channel, dueAt, costMicros, variant, hop, fallbacks } as const;
  context.emit(decisions, decisionOf(request, definitionVersion, now, steps, result));
  context.setTimer(timers.due, dueAt, desk.hopOf(progress), desk.orderOf(progress));
}

/** The last gate, at the moment of sending. */
export function send(desk: Desk, progress: RequestInProgress, now: number): void {
  const { context } = desk;
  const request = desk.requestOf(progress);
  const campaign = desk.definitionOf(request);
  if (campaign === undefined) {
    end(desk, progress, now, block('campaign-inactive', { at: iso(now), status: 'unknown' }));
    return;
  }
  const c = desk.caseOf(request, campaign, now);
  const channel = progress.channel as string;
  const verdict = mayBeSent(c, desk.statusAt(request, campaign, now), channel);
  if (verdict.verdict === 'block') {
    end(desk, progress, now, verdict);
    return;
  }
  const steps = withSend(progress, verdict);
  const { definitionVersion, costMicros, variant, hop, chain: fallbacks } = progress;
  const dueAt = progress.dueAt ?? now;
  const command = sendOf(c, progress, dueAt);
  remember(desk, c, progress, steps, command.sendId);
  const result = { outcome: 'sent', channel, dueAt, costMicros, variant, hop, fallbacks } as const;
  context.emit(decisions, decisionOf(request, definitionVersion, now, steps, result));
  context.emit(sends, command);
}

/** Ends the story without a message, and gives what was reserved for it back. */
function end(desk: Desk, progress: RequestInProgress, now: number, verdict: Blocked): void {
  const { context } = desk;
  const request = desk.requestOf(progress);
  const { definitionVersion, channel, variant, hop, budgeted, dueAt } = progress;
  const result = { outcome: 'blocked', reason: verdict.reason, channel, dueAt: dueAt ?? now, variant, hop } as const;
  context.emit(decisions, decisionOf(request, definitionVersion, now, withSend(progress, verdict), result));
  if (budgeted) context.emit(candidates, releaseOf(desk.storyOf(progress), hop, request, progress.expiresAt));
}

function withSend({ steps }: RequestInProgress, { verdict, facts }: Verdict): DecisionStep[] {
  return [...steps, { gate: 'send', verdict, facts }];
}

/** Keeps what caps and dedupe count, and, where another channel is left to try, the whole story. */
function remember(
  desk: Desk,
  { campaign, now, policy }: Case,
  progress: RequestInProgress,
  steps: readonly DecisionStep[],
  sendId: string,
): void {
  const { context, messages } = desk;
  // Counted from this moment, not from stream time, which may be far ahead of a user whose requests waited for a verdict; nor
  // is this moment always the earlier one: a receipt moves no time.
  const watermark = Math.min(now, context.streamTime) - context.lateness;
  const horizon = watermark - desk.definitions.horizonMs(desk.tenantId);
  const { campaignId, dedupeKey, budgeted, costMicros } = progress;
  const channel = progress.channel as string;
  const message: SentMessage = {
    sendId,
    campaignId,
    dedupeKey,
    channel,
    class: campaign.class,
    sentAt: now,
    failed: false,
    budgeted,
    costMicros: budgeted ? costMicros : null,
    corrected: false,
    spent: false,
  };
  let open = messages.open;
  if (open.length > 0) open = open.filter(({ request }) => request.expiresAt >= watermark);
  if (desk.answered && progress.chain.length > 0)
    open = [...open, openSend(desk, { ...progress, steps }, sendId, now, channelOf(policy, channel))];
  desk.update({ sent: messages.sent.filter((m) => m.sentAt > horizon).concat([message]), open });
}

function openSend(
  desk: Desk,
  request: RequestInProgress,
  sendId: string,
  sentAt: number,
  { receiptWithinMs }: { readonly receiptWithinMs: number | null },
): OpenSend {
  const timeoutAt = receiptWithinMs === null ? null : sentAt + receiptWithinMs;
  // After its expiry nothing is tried any more.
  if (timeoutAt === null || timeoutAt > request.expiresAt) return { request, sentAt, timeoutAt: null };
  desk.context.setTimer(timers.due, timeoutAt, timeoutOf(sendId), desk.orderOf(request));
  return { request, sentAt, timeoutAt };
}
