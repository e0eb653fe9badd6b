// Decides every request: runs the gates in order, asks pace for budget, holds what is due later, and sends.
//
// One user, one decision at a time: while a verdict is awaited, the user's further requests and due times wait in the
// user's row, in order, so results don't depend on how long pace takes.

import type { Campaign } from '../schemas/campaign.ts';
import { consentLedger, messages, metrics, profile } from '../schemas/cells.ts';
import type { Definitions, InForce } from '../schemas/definitions.ts';
import { zoneOrUtc } from '../schemas/local-time.ts';
import { channelOf } from '../schemas/policy.ts';
import type { RequestInProgress, SentMessage, StoredStep, UserMessages, WaitingInput } from '../schemas/state-types.ts';
import { acceptedRequests, type Request, requests } from '../schemas/streams.ts';
import { candidates, decisions, receipts, sends, tenantOf, verdicts } from '../schemas/topics.ts';
import type { BudgetVerdict, DecisionStep, Receipt } from '../schemas/types.ts';
import { audience } from './decide/audience.ts';
import { channel } from './decide/channel.ts';
import { consent } from './decide/consent.ts';
import { content } from './decide/content.ts';
import { duplicate } from './decide/duplicate.ts';
import { frequencyCap } from './decide/frequency-cap.ts';
import { block, type Case, type Gate, pass, type Told, type Verdict } from './decide/gate.ts';
import { holdout } from './decide/holdout.ts';
import { expiryOf } from './decide/moments.ts';
import { candidateOf, decisionOf, releaseOf, sendOf, storyOf } from './decide/records.ts';
import { mayBeSent } from './decide/send.ts';
import { sendTime } from './decide/send-time.ts';
import { variantOf } from './decide/variant.ts';
import { type Context, on, type Processor, timers } from './processor.ts';

/** What a request passes before budget and sending, in order. */
const GATES: readonly Gate[] = [audience, holdout, consent, duplicate, frequencyCap, channel, content, sendTime];

const NONE: readonly never[] = [];
const NO_MESSAGES: UserMessages = { requests: NONE, awaiting: null, waiting: NONE, sent: NONE };

export function decide(definitions: Definitions): Processor {
  return {
    name: 'decide',
    emits: [decisions, sends, candidates],
    reads: [profile, consentLedger, metrics],
    writes: [messages],
    on: [
      on(requests, (request, context) => take(new Desk(definitions, context), request)),
      on(acceptedRequests, ({ data, ...request }, context) =>
        take(new Desk(definitions, context), { ...request, cause: null, data }),
      ),
      on(verdicts, (verdict, context) => answer(new Desk(definitions, context), verdict)),
      on(receipts, (receipt, context) => note(new Desk(definitions, context), receipt)),
    ],
    timers: [
      {
        kind: timers.due,
        fire: (timer, context) => due(new Desk(definitions, context), timer.id),
      },
    ],
  };
}

/** One user's messages while a record or timer is processed; keeps what it changes. */
class Desk {
  readonly definitions: Definitions;
  readonly context: Context;
  readonly tenantId: string;
  readonly userId: string;
  #messages: UserMessages;

  constructor(definitions: Definitions, context: Context) {
    this.definitions = definitions;
    this.context = context;
    const { key } = context;
    this.tenantId = tenantOf(key);
    this.userId = key.slice(this.tenantId.length + 1);
    this.#messages = context.get(messages) ?? NO_MESSAGES;
  }

  get messages(): UserMessages {
    return this.#messages;
  }

  update(change: Partial<UserMessages>): void {
    const { requests, awaiting, waiting, sent } = this.#messages;
    // Field by field: several times a decision, and two spreads take ten times as long.
    this.#messages = {
      requests: change.requests ?? requests,
      awaiting: change.awaiting === undefined ? awaiting : change.awaiting,
      waiting: change.waiting ?? waiting,
      sent: change.sent ?? sent,
    };
    this.context.set(messages, this.#messages);
  }

  /** The definition a request is decided by: that in force at its time. */
  definitionFor({
    campaignId,
    requestedAt,
  }: Pick<Request, 'campaignId' | 'requestedAt'>): InForce<Campaign> | undefined {
    return this.definitions.campaign(this.tenantId, campaignId, requestedAt);
  }

  /** `arrivedAt`: stream time when the request came. */
  caseOf(request: Request, campaign: Campaign, now: number, arrivedAt = this.context.streamTime): Case {
    const known = this.context.get(profile);
    const { zone, known: zoneKnown } = zoneOrUtc(known?.timezone);
    return {
      request,
      campaign,
      policy: this.definitions.policy(this.tenantId, now),
      now,
      profile: known,
      consents: this.context.get(consentLedger),
      metrics: this.context.get(metrics),
      messages: this.#messages,
      engagement: undefined,
      zone,
      zoneKnown,
      consented: [],
      ranked: [],
      earliestAt: now,
      content: null,
      watermark: arrivedAt - this.context.lateness,
    };
  }

  storyOf(progress: RequestInProgress): string {
    return progress.source === 'trigger' ? progress.requestId : storyOf(this.requestOf(progress));
  }

  /** The request in progress of that story. */
  find(story: string): RequestInProgress | undefined {
    for (const progress of this.#messages.requests) if (this.storyOf(progress) === story) return progress;
    return undefined;
  }

  /** The requests in progress but this one. */
  without(progress: RequestInProgress): readonly RequestInProgress[] {
    const { requests } = this.#messages;
    if (requests.length === 0) return requests;
    const story = this.storyOf(progress);
    if (requests.length === 1) return this.storyOf(requests[0] as RequestInProgress) === story ? NONE : requests;
    return requests.filter((r) => this.storyOf(r) !== story);
  }

  requestOf({ requestId, campaignId, source, cause, requestedAt, data, notBefore }: RequestInProgress): Request {
    const { tenantId, userId } = this;
    return { requestId, campaignId, cause, requestedAt, data, source, notBefore, tenantId, userId };
  }
}

/** Decides a request, or lets it wait its turn. */
function take(desk: Desk, request: Request): void {
  if (desk.messages.awaiting === null) {
    decideOn(desk, request, null, desk.context.streamTime);
    return;
  }
  const { requestId, campaignId, source, cause, requestedAt, data, notBefore } = request;
  const waiting: WaitingInput = {
    streamTime: desk.context.streamTime,
    time: requestedAt,
    // A timer caused it.
    window: cause !== null && !cause.startsWith('event:'),
    due: null,
    request: {
      requestId,
      campaignId,
      source,
      cause,
      requestedAt,
      data,
      notBefore,
      audience: audienceStep(desk, request),
    },
  };
  desk.update({ waiting: [...desk.messages.waiting, waiting] });
}

/** What the audience gate says now: events that come while the request waits must not change it. */
function audienceStep(desk: Desk, request: Request): StoredStep | null {
  const definition = desk.definitionFor(request);
  if (definition === undefined || request.source === 'trigger') return null;
  const { verdict, facts } = audience.judge(desk.caseOf(request, definition.definition, request.requestedAt));
  return { gate: audience.name, verdict, facts };
}

/** Runs the gates. `judged`: the audience's step, where the request waited; `arrivedAt`: stream time when it came. */
function decideOn(desk: Desk, request: Request, judged: StoredStep | null, arrivedAt: number): void {
  const { context } = desk;
  const now = request.requestedAt;
  const definition = desk.definitionFor(request);
  if (definition === undefined || definition.definition.status !== 'active') {
    const reason = desk.definitions.knows(request.tenantId, request.campaignId) ? 'campaign-inactive' : 'bad-request';
    const status = definition?.definition.status ?? 'unknown';
    const steps: DecisionStep[] = [{ gate: 'campaign', verdict: 'block', facts: { status } }];
    context.emit(decisions, decisionOf(request, definition?.version ?? 0, now, steps, { outcome: 'blocked', reason }));
    return;
  }
  const c = desk.caseOf(request, definition.definition, now, arrivedAt);
  const steps: DecisionStep[] = [];
  for (const gate of GATES) {
    if (gate.applies?.(c) === false) continue;
    const verdict = gate === audience && judged !== null ? verdictOf(judged) : gate.judge(c);
    steps.push({ gate: gate.name, verdict: verdict.verdict, facts: verdict.facts });
    if (verdict.verdict === 'pass') continue;
    const outcome = verdict.reason === 'holdout' ? 'holdout' : verdict.reason === 'expired' ? 'expired' : 'blocked';
    context.emit(decisions, decisionOf(request, definition.version, now, steps, { outcome, reason: verdict.reason }));
    return;
  }
  const progress = progressOf(c, definition.version, steps);
  if (c.campaign.budget === null) schedule(desk, progress, now);
  else {
    desk.update({ requests: [...desk.messages.requests, progress], awaiting: storyOf(request) });
    context.emit(candidates, candidateOf(c));
  }
}

function verdictOf({ verdict, facts }: StoredStep): Verdict {
  return verdict === 'pass' ? pass(facts) : block('audience', facts);
}

function progressOf(c: Case, definitionVersion: number, steps: readonly DecisionStep[]): RequestInProgress {
  const { requestId, campaignId, source, cause, requestedAt, data, notBefore } = c.request;
  const chosen = c.ranked[0] as string;
  return {
    requestId,
    campaignId,
    source,
    cause,
    requestedAt,
    expiresAt: expiryOf(c),
    definitionVersion,
    dedupeKey: c.campaign.dedupe.key ?? '',
    channel: chosen,
    costMicros: channelOf(c.policy, chosen).costMicros,
    dueAt: c.campaign.budget === null ? c.earliestAt : null,
    budgeted: c.campaign.budget !== null,
    data,
    steps,
    hop: 0,
    chain: [],
    variant: variantOf(c.campaign, c.request),
    notBefore,
  };
}

/** Sends at once what is due when it was asked; announces and holds what is due later. */
function schedule(desk: Desk, progress: RequestInProgress, now: number): void {
  const { context } = desk;
  const others = desk.without(progress);
  const dueAt = progress.dueAt as number;
  if (dueAt <= progress.requestedAt) {
    if (others !== desk.messages.requests) desk.update({ requests: others });
    send(desk, progress, now);
    return;
  }
  desk.update({ requests: [...others, progress] });
  const request = desk.requestOf(progress);
  const { channel: chosen, costMicros, definitionVersion, steps, campaignId, requestedAt, variant } = progress;
  const result = { outcome: 'scheduled', channel: chosen, dueAt, costMicros, variant } as const;
  context.emit(decisions, decisionOf(request, definitionVersion, now, steps, result));
  const priority = desk.definitionFor(request)?.definition.priority ?? 0;
  context.setTimer(timers.due, dueAt, storyOf(request), { requestedAt, priority, campaignId });
}

/** The last gate, at the moment of sending. */
function send(desk: Desk, progress: RequestInProgress, now: number): void {
  const { context } = desk;
  const request = desk.requestOf(progress);
  const campaign = desk.definitionFor(request)?.definition;
  if (campaign === undefined)
    throw new Error(`campaign ${progress.campaignId} vanished while a request was in progress`);
  const c = desk.caseOf(request, campaign, now);
  const current = desk.definitions.campaign(request.tenantId, request.campaignId, now)?.definition ?? campaign;
  const chosen = progress.channel as string;
  const verdict = mayBeSent(c, current.status, chosen);
  const steps: DecisionStep[] = [...progress.steps, { gate: 'send', verdict: verdict.verdict, facts: verdict.facts }];
  const { definitionVersion, costMicros, variant } = progress;
  const dueAt = progress.dueAt ?? now;
  if (verdict.verdict === 'block') {
    const result = { outcome: 'blocked', reason: verdict.reason, channel: chosen, dueAt, variant } as const;
    context.emit(decisions, decisionOf(request, definitionVersion, now, steps, result));
    if (progress.budgeted) context.emit(candidates, releaseOf(storyOf(request), request, 0, progress.expiresAt));
    return;
  }
  const command = sendOf(c, progress, dueAt);
  // Counted from this moment, not from stream time, which may be far ahead of a user whose requests waited for a verdict.
  const horizon = now - context.lateness - desk.definitions.horizonMs(request.tenantId);
  const { campaignId, dedupeKey, budgeted } = progress;
  const sent: SentMessage = {
    sendId: command.sendId,
    campaignId,
    dedupeKey,
    channel: chosen,
    class: campaign.class,
    sentAt: now,
    failed: false,
    budgeted,
  };
  desk.update({ sent: desk.messages.sent.filter((m) => m.sentAt > horizon).concat([sent]) });
  context.emit(
    decisions,
    decisionOf(request, definitionVersion, now, steps, {
      outcome: 'sent',
      channel: chosen,
      dueAt,
      costMicros,
      variant,
    }),
  );
  context.emit(sends, command);
}

/** A due time has come. */
function due(desk: Desk, story: string): void {
  const progress = desk.find(story);
  if (progress?.dueAt === null || progress === undefined) return;
  if (desk.messages.awaiting !== null) {
    const { streamTime, time } = desk.context;
    const waiting: WaitingInput = { streamTime, time, window: false, due: story, request: null };
    desk.update({ waiting: [...desk.messages.waiting, waiting] });
    return;
  }
  desk.update({ requests: desk.without(progress) });
  send(desk, progress, progress.dueAt);
}

/** pace has answered: goes on with the request, then with what waited meanwhile. */
function answer(desk: Desk, verdict: BudgetVerdict): void {
  const progress = desk.find(verdict.requestId);
  if (progress === undefined || desk.messages.awaiting !== verdict.requestId) return;
  desk.update({ awaiting: null });
  const now = progress.requestedAt;
  const { outcome, reason, facts, channel: paid, costMicros, slotAt } = verdict;
  if (outcome === 'refused') {
    desk.update({ requests: desk.without(progress) });
    const steps: DecisionStep[] = [...progress.steps, { gate: 'budget', verdict: 'block', facts }];
    const decision = decisionOf(desk.requestOf(progress), progress.definitionVersion, now, steps, {
      outcome: 'blocked',
      reason,
      variant: progress.variant,
    });
    desk.context.emit(decisions, decision);
  } else {
    const steps: DecisionStep[] = [...progress.steps, { gate: 'budget', verdict: 'pass', facts: factsToTell(facts) }];
    schedule(desk, { ...progress, steps, channel: paid, costMicros: costMicros ?? 0, dueAt: slotAt }, now);
  }
  goOn(desk, progress.cause);
}

/** How much was reserved before depends on the order in which requests came to pace, so it is told only where it mattered. */
function factsToTell(all: BudgetVerdict['facts']): BudgetVerdict['facts'] {
  if (typeof all.movedBy === 'string' && all.movedBy.startsWith('budget-')) return all;
  const facts: Told = {};
  for (const name in all) if (name !== 'reservedMicros') facts[name] = all[name] ?? null;
  return facts;
}

/**
 * Takes what waited, in order, and before each input the user's own due times that come before it. `answered`: the cause of the
 * request that the verdict was for; no due time comes between the requests of one cause.
 */
function goOn(desk: Desk, answered: string | null): void {
  let cause = answered;
  while (desk.messages.awaiting === null) {
    const { waiting } = desk.messages;
    const [next] = waiting;
    if (next === undefined) return;
    const goesOn = cause !== null && next.request?.cause === cause;
    const before = goesOn ? undefined : firstDueBefore(desk, next);
    if (before !== undefined) {
      due(desk, desk.storyOf(before));
      continue;
    }
    desk.update({ waiting: waiting.slice(1) });
    cause = next.request?.cause ?? null;
    if (next.due !== null) due(desk, next.due);
    else if (next.request !== null) {
      const { audience, ...request } = next.request;
      const { tenantId, userId } = desk;
      decideOn(desk, { ...request, tenantId, userId }, audience, next.streamTime);
    }
  }
}

/** The user's earliest due time that a waiting input comes after: timers fire before the record that moves time. */
function firstDueBefore(desk: Desk, next: WaitingInput): RequestInProgress | undefined {
  const priorityOf = (r: RequestInProgress): number => desk.definitionFor(r)?.definition.priority ?? 0;
  const order = (a: RequestInProgress, b: RequestInProgress): number =>
    (a.dueAt as number) - (b.dueAt as number) ||
    a.requestedAt - b.requestedAt ||
    priorityOf(b) - priorityOf(a) ||
    (a.campaignId < b.campaignId ? -1 : 1);
  const [first] = desk.messages.requests.filter((r) => r.dueAt !== null).sort(order);
  if (first === undefined || desk.storyOf(first) === next.due) return undefined;
  const dueAt = first.dueAt as number;
  if (next.due !== null) {
    const other = desk.find(next.due);
    return other !== undefined && order(first, other) < 0 ? first : undefined;
  }
  return dueAt < (next.window ? next.time + 1 : next.streamTime) ? first : undefined;
}

/** A permanent failure frees what the message counted for. */
function note(desk: Desk, { sendId, hop, campaignId, status, occurredAt }: Receipt): void {
  const { context } = desk;
  const failed = desk.messages.sent.find((m) => m.sendId === sendId && !m.failed);
  if (status !== 'failed' || failed === undefined) return;
  desk.update({ sent: desk.messages.sent.map((m) => (m === failed ? { ...m, failed: true } : m)) });
  if (failed.budgeted) {
    const story = sendId.slice(0, sendId.lastIndexOf('#'));
    const { tenantId, userId } = desk;
    const ids = { campaignId, requestedAt: occurredAt, tenantId, userId };
    context.emit(candidates, releaseOf(story, ids, hop, occurredAt));
  }
}
