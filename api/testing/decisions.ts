// Decisions as tests need them.
import type { Decision } from '../../schemas/types.ts';

/** A final decision: sent, asked for at 0, unless it says otherwise. */
export function decisionOn(userId: string, requestId: string, over: Partial<Decision> = {}): Decision {
  return {
    decisionId: `${userId} ${requestId} ${over.outcome ?? 'sent'}`,
    requestId,
    tenantId: 'default',
    userId,
    campaignId: 'c',
    source: 'api',
    cause: null,
    requestedAt: 0,
    decidedAt: over.requestedAt ?? 0,
    outcome: 'sent',
    reason: null,
    steps: [],
    channel: 'sms',
    dueAt: 0,
    costMicros: 0,
    definitionVersion: 1,
    hop: 0,
    fallbacks: [],
    variant: null,
    ...over,
  };
}
