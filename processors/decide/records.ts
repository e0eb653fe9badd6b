// The records a decision leaves, with ids derived from the request.

import { channelOf } from '../../schemas/policy.ts';
import type { RequestInProgress } from '../../schemas/state-types.ts';
import type { Request } from '../../schemas/streams.ts';
import type { Candidate, Decision, DecisionStep, SendCommand } from '../../schemas/types.ts';
import type { Case } from './gate.ts';
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
}

/**
 * What the ids of a request's decisions, sends and reservations are made of. A trigger's request id names its cause; an asker's
 * may come again, from another user at once and for the same one an hour later.
 */
export function storyOf({
  requestId,
  tenantId,
  userId,
  campaignId,
  source,
  requestedAt,
}: Pick<Request, 'requestId' | 'tenantId' | 'userId' | 'campaignId' | 'source' | 'requestedAt'>): string {
  if (source === 'trigger') return requestId;
  return `${campaignId}|request:${tenantId}/${userId}:${requestId}@${requestedAt}`;
}

export function decisionOf(
  request: Request,
  definitionVersion: number,
  decidedAt: number,
  steps: readonly DecisionStep[],
  { outcome, reason = null, channel = null, dueAt = null, costMicros = null, variant = null }: Result,
): Decision {
  const { requestId, tenantId, userId, campaignId, source, cause, requestedAt } = request;
  const decisionId = `${storyOf(request)}#${outcome === 'scheduled' ? 'scheduled' : 'final'}`;
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
    hop: 0,
    fallbacks: NONE,
    variant,
  };
}

/** Asks pace for budget and a slot. */
export function candidateOf(c: Case): Candidate {
  const { tenantId, userId, campaignId, requestedAt } = c.request;
  return {
    kind: 'reserve',
    requestId: storyOf(c.request),
    hop: 0,
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

/** Gives the reservation of a request's story back to pace. */
export function releaseOf(
  story: string,
  { tenantId, userId, campaignId, requestedAt }: Pick<Request, 'tenantId' | 'userId' | 'campaignId' | 'requestedAt'>,
  hop: number,
  expiresAt: number,
): Candidate {
  const ids = { requestId: story, hop, tenantId, campaignId, userId };
  const nothing = { channels: [], sendingWindow: null, costMicros: null };
  return { kind: 'release', ...ids, requestedAt, earliestAt: requestedAt, expiresAt, ...nothing };
}

/** The command for the channel; the case's address was just looked at, and its content filled in. */
export function sendOf(
  c: Case,
  { requestId, channel, costMicros, expiresAt, variant }: RequestInProgress,
  dueAt: number,
): SendCommand {
  const { tenantId, userId, campaignId } = c.request;
  const sendId = `${storyOf(c.request)}#0`;
  return {
    sendId,
    requestId,
    hop: 0,
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
