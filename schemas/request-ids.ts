// Ids of requests that Beckon makes itself. Askers choose theirs freely, so these are kept for it.
import type { Decision } from './types.ts';

const SCHEDULE = 'schedule:';
/** In the ids of decisions on requests that came before. */
export const REPEATED = 'repeated';

/** Of a schedule's request for a user (`key`: `tenantId/userId`) at a moment (epoch ms). */
export function scheduledRequestId(campaignId: string, key: string, at: number): string {
  return `${SCHEDULE}${campaignId}:${key}@${at}`;
}

/** Of the request that a cause triggers. */
export function triggeredRequestId(campaignId: string, cause: string): string {
  return `${campaignId}|${cause}`;
}

/** How the id begins, where it is one that Beckon may give to a request for the campaign itself; else undefined. */
export function reservedPrefixOf(requestId: string, campaignId: string): string | undefined {
  if (requestId.startsWith(SCHEDULE)) return SCHEDULE;
  if (!requestId.includes('|')) return undefined;
  const own = triggeredRequestId(campaignId, '');
  return requestId.startsWith(own) ? own : undefined;
}

/** Whether the decision is on a request that came again, and was decided before. */
export function isOnRepeat({ campaignId, decisionId }: Pick<Decision, 'campaignId' | 'decisionId'>): boolean {
  return decisionId.startsWith(`${campaignId}|${REPEATED}:`);
}
