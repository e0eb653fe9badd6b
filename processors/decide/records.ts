// The records a decision leaves, with ids derived from the request.

import { channelOf } from '../../schemas/policy.ts';
import type { RequestInProgress } from '../../schemas/state-types.ts';
import type { Request } from '../../schemas/streams.ts';
import type { Candidate, Decision, DecisionStep, SendCommand } from '../../schemas/types.ts';
import type { Case } from './gate.ts';
import { refusedStoryOf, repeatedStoryOf, sendIdOf, storyOf } from './ids.ts';
import { expiryOf, holidaysAhead, quietHoursOf } from './moments.ts';
import { addressOf } from './reach.ts';

const NONE: readonly never[] = [];

export interface Result {
  readonly outcome: Decision['outcome'];
  readonly reason?: string | null;
  readonly channel?: string | null;
  readonly dueAt?: number | null;
  readonly costMicros?: number | null;
  readonly variant?: string | null;
  readonly hop?: number;
  /** Channels left to try. */
  readonly fallbacks?: readonly string[];
}

export function decisionOf(
  request: Request,
  definitionVersion: number,
  decidedAt: number,
  steps: readonly DecisionStep[],
  {
    outcome,
    reason = null,
    channel = null,
    dueAt = null,
    costMicros = null,
    variant = null,
    hop = 0,
    fallbacks = NONE,
  }: Result,
): Decision {
  const { requestId, tenantId, userId, campaignId, source, cause, requestedAt } = request;
  const decisionId = `${storyOf(request)}#${hop === 0 ? '' : `h${hop}.`}${outcome === 'scheduled' ? 'scheduled' : 'final'}`;
  return {
    decisionId,
    requestId,
    tenantId,
    userId,
    campaignId,
    source,
    cause,
    requestedAt,
    decidedAt,
    outcome,
    reason,
    steps,
    channel,
    dueAt,
    costMicros,
    definitionVersion,
    hop,
    fallbacks,
    variant,
  };
}

/** Refuses a request for its id. The decision's own id is none that a request of Beckon's with this id has. */
export function refusalOf(request: Request, definitionVersion: number, decidedAt: number, reserved: string): Decision {
  const steps: DecisionStep[] = [{ gate: 'request', verdict: 'block', facts: { reserved } }];
  const result = { outcome: 'blocked', reason: 'bad-request' } as const;
  const decision = decisionOf(request, definitionVersion, decidedAt, steps, result);
  return { ...decision, decisionId: `${refusedStoryOf(request)}#final` };
}

/** Blocks a request that came before. The decision's own id is none of those that the request had then. */
export function repeatOf(request: Request, definitionVersion: number, decidedAt: number): Decision {
  const steps: DecisionStep[] = [{ gate: 'duplicate', verdict: 'block', facts: { repeated: true } }];
  const result = { outcome: 'blocked', reason: 'duplicate' } as const;
  const decision = decisionOf(request, definitionVersion, decidedAt, steps, result);
  return { ...decision, decisionId: `${repeatedStoryOf(request)}#final` };
}

/** Asks pace for budget and a slot for a hop of the request. */
export function candidateOf(c: Case, hop: number): Candidate {
  const { tenantId, userId, campaignId, requestedAt } = c.request;
  return {
    kind: 'reserve',
    requestId: storyOf(c.request),
    hop,
    tenantId,
    campaignId,
    userId,
    requestedAt,
    channels: c.ranked.map((channel) => ({ channel, maxCostMicros: channelOf(c.policy, channel).costMicros })),
    earliestAt: c.earliestAt,
    expiresAt: expiryOf(c),
    sendingWindow: { quietHours: quietHoursOf(c), timezone: c.zone.name, holidays: holidaysAhead(c) },
    costMicros: null,
  };
}

type Ids = Pick<Request, 'tenantId' | 'userId' | 'campaignId' | 'requestedAt'>;

/** Gives the reservation of a hop back to pace. */
export function releaseOf(story: string, hop: number, ids: Ids, expiresAt: number): Candidate {
  return told('release', story, hop, ids, expiresAt, null);
}

/** Tells pace what a send really cost: `correct` where that is not what was reserved, `spent` once it went out. */
export function costOf(kind: 'correct' | 'spent', story: string, hop: number, ids: Ids, costMicros: number): Candidate {
  return told(kind, story, hop, ids, ids.requestedAt, costMicros);
}

function told(
  kind: Candidate['kind'],
  story: string,
  hop: number,
  { tenantId, userId, campaignId, requestedAt }: Ids,
  expiresAt: number,
  costMicros: number | null,
): Candidate {
  const ids = { requestId: story, hop, tenantId, campaignId, userId };
  return {
    kind,
    ...ids,
    requestedAt,
    channels: [],
    earliestAt: requestedAt,
    expiresAt,
    sendingWindow: null,
    costMicros,
  };
}

/** The command for the channel; the case's address was just looked at, and its content filled in. */
export function sendOf(
  c: Case,
  { requestId, channel, costMicros, expiresAt, variant, hop }: RequestInProgress,
  dueAt: number,
): SendCommand {
  const { tenantId, userId, campaignId } = c.request;
  const sendId = sendIdOf(storyOf(c.request), hop);
  return {
    sendId,
    requestId,
    hop,
    tenantId,
    userId,
    campaignId,
    channel: channel as string,
    address: addressOf(channel as string, c) as string,
    content: c.content as NonNullable<Case['content']>,
    costMicros,
    dueAt,
    expiresAt,
    idempotencyKey: sendId,
    variant,
  };
}
