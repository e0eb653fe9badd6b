// Requests that come again after their ids were forgotten.
import type { Request } from '../../schemas/streams.ts';
import type { Desk } from './desk.ts';
import { partsOf, storyOf } from './ids.ts';

type Named = Pick<Request, 'requestId' | 'campaignId' | 'cause' | 'requestedAt'>;

/**
 * Whether it is a request of old that the user's row still knows: it waits, is in progress, or its message was sent. Ids of
 * on-time requests are remembered elsewhere.
 */
export function isRepeated({ context, messages }: Desk, request: Request): boolean {
  const { requestId, campaignId, cause, requestedAt } = request;
  if (cause !== null || requestedAt >= context.streamTime - context.lateness) return false;
  const isSame = (other: Named): boolean =>
    other.requestId === requestId &&
    other.requestedAt === requestedAt &&
    other.campaignId === campaignId &&
    other.cause === null;
  const { requests, held, waiting, sent } = messages;
  if (requests.some(isSame) || held.some(isSame)) return true;
  if (waiting.some(({ request: other }) => other !== null && isSame(other))) return true;
  const story = storyOf(request);
  return sent.some(({ sendId }) => partsOf(sendId).story === story);
}
