// One user, one decision at a time: while a verdict is awaited, the user's further requests, due times and receipts wait in
// the user's row, in order, so results don't depend on how long pace takes.

import { compareBytes } from '../../schemas/order.ts';
import type { WaitingInput, WaitingReceipt } from '../../schemas/state-types.ts';
import type { Request } from '../../schemas/streams.ts';
import type { BudgetVerdict } from '../../schemas/types.ts';
import type { Desk } from './desk.ts';
import { matters, note, openSendOf, timeOut } from './fallback.ts';
import { endHold, HOLD, hold, isHeld } from './hold.ts';
import { hopOf, sendIdOf, sendOfTimeout, timeoutOf } from './ids.ts';
import { audienceStep, conclude, decideOn } from './judge.ts';
import { send } from './moment.ts';

/** Holds a request where the policy says so; else decides it, or lets it wait its turn. */
export function take(desk: Desk, request: Request): void {
  if (isHeld(desk, request)) {
    hold(desk, request);
    return;
  }
  if (desk.messages.awaiting === null) {
    decideOn(desk, { request, audience: null, judgedAt: null, arrivedAt: desk.context.streamTime });
    desk.came();
    return;
  }
  const { requestId, campaignId, source, cause, requestedAt, data, notBefore, byRecord = false } = request;
  // A timer caused it.
  const window = cause !== null && !byRecord && !cause.startsWith('event:');
  const step = audienceStep(desk, request, requestedAt);
  const asked = {
    requestId,
    campaignId,
    source,
    cause,
    requestedAt,
    data,
    notBefore,
    audience: step,
    judgedAt: null,
    learned: desk.learned,
  };
  desk.wait({ window, request: asked });
}

/** Decides what was held, or lets it wait its turn, as it is at the hold's end. */
function takeHeld(desk: Desk): void {
  const { tenantId, userId } = desk;
  const { requests, judgedAt } = endHold(desk);
  for (const { audience: _, learned: _none, ...held } of requests) {
    const request = { ...held, tenantId, userId };
    if (desk.messages.awaiting === null) {
      decideOn(desk, { request, audience: null, judgedAt, arrivedAt: desk.context.streamTime });
      desk.came();
    } else {
      const audience = audienceStep(desk, request, judgedAt);
      desk.wait({ window: true, request: { ...held, audience, judgedAt, learned: desk.learned } });
    }
  }
}

/** A due time has come: that of a message, of the receipt of one, or of a hold. */
export function due(desk: Desk, timer: string): void {
  if (timer === HOLD) {
    if (desk.messages.heldUntil !== null) takeHeld(desk);
    return;
  }
  if (!isPending(desk, timer)) return;
  if (desk.messages.awaiting !== null) desk.wait({ due: timer });
  else {
    fire(desk, timer);
    desk.came();
  }
}

/** A provider or the user has answered. */
export function receive(desk: Desk, receipt: WaitingReceipt & Parameters<typeof matters>[0]): void {
  if (!matters(receipt)) return;
  const { sendId, status, occurredAt, costMicros, error, channel } = receipt;
  if (desk.messages.awaiting !== null) {
    desk.wait({ receipt: { sendId, status, occurredAt, costMicros, error, channel } });
  } else {
    note(desk, receipt, desk.context.streamTime);
    desk.came();
  }
}

/** pace has answered: goes on with the request, then with what waited meanwhile. */
export function answer(desk: Desk, verdict: BudgetVerdict): void {
  const hop = hopOf(verdict.requestId, verdict.hop);
  const progress = desk.messages.awaiting === hop ? desk.find(hop) : undefined;
  if (progress === undefined) return;
  desk.update({ awaiting: null });
  conclude(desk, progress, verdict);
  goOn(desk);
}

function isPending(desk: Desk, timer: string): boolean {
  const sendId = sendOfTimeout(timer);
  if (sendId !== undefined) return openSendOf(desk, sendId) !== undefined;
  return (desk.find(timer)?.dueAt ?? null) !== null;
}

function fire(desk: Desk, timer: string): void {
  const sendId = sendOfTimeout(timer);
  if (sendId !== undefined) {
    timeOut(desk, sendId);
    return;
  }
  const progress = desk.find(timer);
  if (progress?.dueAt == null) return;
  desk.update({ requests: desk.without(progress) });
  send(desk, progress, progress.dueAt);
}

/** Takes what waited, in order, and before each input the user's own due times that come before it. */
function goOn(desk: Desk): void {
  while (desk.messages.awaiting === null) {
    const { waiting } = desk.messages;
    const [next] = waiting;
    if (next === undefined) return;
    const before = firstDueBefore(desk, next);
    if (before !== undefined) {
      fire(desk, before.timer);
      continue;
    }
    desk.update({ waiting: waiting.slice(1) });
    if (next.due !== null) fire(desk, next.due);
    else if (next.receipt !== null) note(desk, next.receipt, next.streamTime);
    else if (next.request !== null) {
      const { audience, judgedAt, learned, ...request } = next.request;
      const { tenantId, userId } = desk;
      decideOn(desk, {
        request: { ...request, tenantId, userId },
        audience,
        judgedAt,
        arrivedAt: next.streamTime,
        learned,
      });
    }
  }
}

interface Due {
  readonly at: number;
  readonly timer: string;
  readonly requestedAt: number;
  readonly priority: number;
  readonly campaignId: string;
}

/** The user's earliest due time that a waiting input comes after: timers fire before the record that moves time. */
function firstDueBefore(desk: Desk, next: WaitingInput): Due | undefined {
  const all = duesOf(desk).sort(compareDues);
  const [first] = all;
  if (first === undefined || first.timer === next.due) return undefined;
  if (next.due !== null) {
    const other = all.find((d) => d.timer === next.due);
    return other === undefined ? undefined : first;
  }
  return first.at < boundOf(next) ? first : undefined;
}

/** Epoch ms: due times before it come before the input. */
function boundOf({ window, follows, time, streamTime, receipt }: WaitingInput): number {
  // Requests of one record are decided together, whatever of theirs is due by then.
  if (follows && !window && receipt === null) return Number.NEGATIVE_INFINITY;
  // What was due before the input's round began has happened by then. Of one round, the earlier instant goes first. A receipt
  // moves no time: of one that is dated ahead, nothing is due by its own that was not when it came.
  const own = window || receipt !== null ? Math.min(time, streamTime) + 1 : streamTime;
  return follows ? own : Math.max(own, streamTime);
}

function duesOf(desk: Desk): Due[] {
  const { requests, open } = desk.messages;
  const dues: Due[] = [];
  for (const request of requests) {
    if (request.dueAt === null) continue;
    dues.push({ at: request.dueAt, timer: desk.hopOf(request), ...desk.orderOf(request) });
  }
  for (const { request, timeoutAt } of open) {
    if (timeoutAt === null) continue;
    const timer = timeoutOf(sendIdOf(desk.storyOf(request), request.hop));
    dues.push({ at: timeoutAt, timer, ...desk.orderOf(request) });
  }
  return dues;
}

function compareDues(a: Due, b: Due): number {
  return (
    a.at - b.at ||
    a.requestedAt - b.requestedAt ||
    b.priority - a.priority ||
    compareBytes(a.campaignId, b.campaignId) ||
    compareBytes(a.timer, b.timer)
  );
}
