// Decides a request: the gates in order, then pace's budget or the moment of sending.
import { channelOf } from '../../schemas/policy.ts';
import type { Reason } from '../../schemas/reasons.ts';
import type { RequestInProgress, StoredStep } from '../../schemas/state-types.ts';
import type { Request } from '../../schemas/streams.ts';
import { candidates, decisions } from '../../schemas/topics.ts';
import type { BudgetVerdict, DecisionStep } from '../../schemas/types.ts';
import { audience } from './audience.ts';
import { channel } from './channel.ts';
import { consent } from './consent.ts';
import { content } from './content.ts';
import type { Desk } from './desk.ts';
import { duplicate } from './duplicate.ts';
import { frequencyCap } from './frequency-cap.ts';
import { block, type Case, type Gate, pass, type Told, type Verdict } from './gate.ts';
import { holdout } from './holdout.ts';
import { reservedPrefix } from './ids.ts';
import { schedule } from './moment.ts';
import { expiryOf } from './moments.ts';
import { candidateOf, decisionOf, refusalOf, repeatOf } from './records.ts';
import { isRepeated } from './repeated.ts';
import { sendTime } from './send-time.ts';
import { variantOf } from './variant.ts';

/** What a request passes before budget and sending, in order. */
const GATES: readonly Gate[] = [audience, holdout, consent, duplicate, frequencyCap, channel, content, sendTime];

/** How many channels are tried at most. */
const MAX_HOPS = 3;

export interface Asked {
  readonly request: Request;
  /** The audience's step, where the request waited: events that came meanwhile must not change it. */
  readonly audience: StoredStep | null;
  /** Epoch ms: when it is judged; null: at its own time. */
  readonly judgedAt: number | null;
  /** Epoch ms: stream time when it came. */
  readonly arrivedAt: number;
  /** How much of what is learned of the user was pending then, where it had to wait. */
  readonly learned?: number;
}

/** Decides a new request. */
export function decideOn(desk: Desk, { request, audience: judged, judgedAt, arrivedAt, learned }: Asked): void {
  const { context } = desk;
  const now = judgedAt ?? request.requestedAt;
  const definition = desk.definitionFor(request);
  const reserved = reservedPrefix(request);
  if (reserved !== undefined) {
    context.emit(decisions, refusalOf(request, definition?.version ?? 0, now, reserved));
    return;
  }
  if (isRepeated(desk, request, arrivedAt)) {
    context.emit(decisions, repeatOf(request, definition?.version ?? 0, now));
    return;
  }
  if (definition === undefined || definition.definition.status !== 'active') {
    const reason = desk.definitions.knows(request.tenantId, request.campaignId) ? 'campaign-inactive' : 'bad-request';
    const status = definition?.definition.status ?? 'unknown';
    const steps: DecisionStep[] = [{ gate: 'campaign', verdict: 'block', facts: { status } }];
    context.emit(decisions, decisionOf(request, definition?.version ?? 0, now, steps, { outcome: 'blocked', reason }));
    return;
  }
  const c = desk.caseOf(request, definition.definition, now, arrivedAt, learned);
  const steps: DecisionStep[] = [];
  const story = { definitionVersion: definition.version, hop: 0, steps, judgedAt };
  if (passes(desk, c, GATES, story, judged)) proceed(desk, c, story);
}

/** What there is of a story before its next message is made. */
export interface StorySoFar extends Pick<RequestInProgress, 'definitionVersion' | 'hop' | 'judgedAt'> {
  readonly steps: DecisionStep[];
}

/** Runs gates, adding to the story's steps. Where one blocks, the story's decision is made, and false returned. */
export function passes(
  desk: Desk,
  c: Case,
  gates: readonly Gate[],
  { steps, hop, definitionVersion }: StorySoFar,
  judged: StoredStep | null = null,
): boolean {
  for (const gate of gates) {
    if (gate.applies?.(c) === false) continue;
    const verdict = gate === audience && judged !== null ? verdictOf(judged) : gate.judge(c);
    steps.push({ gate: gate.name, verdict: verdict.verdict, facts: verdict.facts });
    if (verdict.verdict === 'pass') continue;
    const { reason } = verdict;
    const outcome = reason === 'holdout' ? 'holdout' : reason === 'expired' ? 'expired' : 'blocked';
    desk.context.emit(decisions, decisionOf(c.request, definitionVersion, c.now, steps, { outcome, reason, hop }));
    return false;
  }
  return true;
}

function verdictOf({ verdict, facts }: StoredStep): Verdict {
  return verdict === 'pass' ? pass(facts) : block('audience', facts);
}

/** What the audience gate says now; null where it has no say. */
export function audienceStep(desk: Desk, request: Request, now: number): StoredStep | null {
  const definition = desk.definitionFor(request);
  if (definition === undefined || request.source === 'trigger') return null;
  const { verdict, facts } = audience.judge(desk.caseOf(request, definition.definition, now));
  return { gate: audience.name, verdict, facts };
}

/** Every gate has passed: asks pace, or sends or schedules. */
export function proceed(desk: Desk, c: Case, story: StorySoFar): void {
  const progress = progressOf(c, story);
  if (!progress.budgeted) {
    schedule(desk, progress, c.now);
    return;
  }
  desk.update({ requests: [...desk.messages.requests, progress], awaiting: desk.hopOf(progress) });
  desk.context.emit(candidates, candidateOf(c, story.hop));
}

function progressOf(c: Case, { definitionVersion, hop, steps, judgedAt }: StorySoFar): RequestInProgress {
  const { requestId, campaignId, source, cause, requestedAt, data, notBefore } = c.request;
  const [chosen, ...others] = c.ranked as [string, ...string[]];
  const budgeted = c.campaign.budget !== null;
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
    dueAt: budgeted ? null : c.earliestAt,
    budgeted,
    data,
    steps,
    hop,
    // With a budget pace may pick any of them, so all are kept until it has.
    chain: budgeted ? others : chainOf(others, hop),
    variant: variantOf(c.campaign, c.request),
    notBefore,
    judgedAt,
  };
}

/** The channels still to be tried after a hop. */
function chainOf(others: readonly string[], hop: number): readonly string[] {
  const left = MAX_HOPS - 1 - hop;
  return others.length <= left ? others : others.slice(0, left);
}

/** pace has answered: the request ends, is sent or scheduled. */
export function conclude(desk: Desk, progress: RequestInProgress, verdict: BudgetVerdict): void {
  const now = progress.judgedAt ?? progress.requestedAt;
  const { outcome, reason, facts, channel: paid, costMicros, slotAt } = verdict;
  const { hop, variant } = progress;
  if (outcome === 'refused') {
    desk.update({ requests: desk.without(progress) });
    const steps: DecisionStep[] = [
      ...progress.steps,
      { gate: 'budget', verdict: 'block', facts: factsToTell(facts, reason) },
    ];
    const request = desk.requestOf(progress);
    const result = { outcome: 'blocked', reason, hop, variant } as const;
    desk.context.emit(decisions, decisionOf(request, progress.definitionVersion, now, steps, result));
    return;
  }
  const steps: DecisionStep[] = [...progress.steps, { gate: 'budget', verdict: 'pass', facts: factsToTell(facts) }];
  const ranked = [progress.channel as string, ...progress.chain];
  const chain = chainOf(
    ranked.filter((id) => id !== paid),
    hop,
  );
  schedule(desk, { ...progress, steps, chain, channel: paid, costMicros: costMicros ?? 0, dueAt: slotAt }, now);
}

/** The reasons for which it mattered how much was reserved before. */
const LIMITS: ReadonlySet<string> = new Set<Reason>(['budget-total', 'budget-channel', 'budget-daily', 'budget-pace']);

/** How much was reserved before depends on the order in which requests came to pace, so it is told only where it mattered. */
function factsToTell(all: BudgetVerdict['facts'], reason: string | null = null): BudgetVerdict['facts'] {
  if (reason !== null && LIMITS.has(reason)) return all;
  if (typeof all.movedBy === 'string' && all.movedBy.startsWith('budget-')) return all;
  const facts: Told = {};
  for (const name in all) if (name !== 'reservedMicros') facts[name] = all[name] ?? null;
  return facts;
}
