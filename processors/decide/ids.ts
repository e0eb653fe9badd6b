// The names that a request's decisions, sends, reservations and timers go by.
import { REPEATED, reservedPrefixOf } from '../../schemas/request-ids.ts';
import type { Request } from '../../schemas/streams.ts';
import { keyInId, keyOf } from '../../schemas/topics.ts';

/**
 * What the ids of a request's decisions, sends and reservations are made of. A trigger's request id names its cause; an asker's
 * may come again, from another user at once and for the same one an hour later.
 */
export function storyOf(request: Named): string {
  return request.source === 'trigger' ? request.requestId : outside('request', request);
}

/** The same of a request whose id is refused: none that a request of Beckon's own with this id has. */
export function refusedStoryOf(request: Named): string {
  return outside('refused', request);
}

/** The same of a request that came before. */
export function repeatedStoryOf(request: Named): string {
  return outside(REPEATED, request);
}

type Named = Pick<Request, 'requestId' | 'tenantId' | 'userId' | 'campaignId' | 'source' | 'requestedAt'>;

function outside(kind: string, { requestId, tenantId, userId, campaignId, requestedAt }: Named): string {
  return `${campaignId}|${kind}:${keyInId(keyOf(tenantId, userId))}:${requestId}@${requestedAt}`;
}

/** What one hop of a story is known by while it is in progress. The first has the story's name. */
export function hopOf(story: string, hop: number): string {
  return hop === 0 ? story : `${story}#${hop}`;
}

export function sendIdOf(story: string, hop: number): string {
  return `${story}#${hop}`;
}

/** The story and the hop of a send. */
export function partsOf(sendId: string): { readonly story: string; readonly hop: number } {
  const at = sendId.lastIndexOf('#');
  return { story: sendId.slice(0, at), hop: Number(sendId.slice(at + 1)) };
}

/** How the id begins, where somebody asks by one that is kept for Beckon's own requests; else undefined. */
export function reservedPrefix({
  requestId,
  campaignId,
  cause,
}: Pick<Request, 'requestId' | 'campaignId' | 'cause'>): string | undefined {
  return cause === null ? reservedPrefixOf(requestId, campaignId) : undefined;
}

const TIMEOUT = '?';

/** The timer that waits for a send's receipt. */
export function timeoutOf(sendId: string): string {
  return `${sendId}${TIMEOUT}`;
}

/** The send that a timer waits for the receipt of; undefined where it is another timer. */
export function sendOfTimeout(timer: string): string | undefined {
  return timer.endsWith(TIMEOUT) ? timer.slice(0, -TIMEOUT.length) : undefined;
}
