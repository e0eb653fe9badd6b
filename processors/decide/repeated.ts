// Requests that come again after their ids were forgotten.
import type { Request } from '../../schemas/streams.ts';
import type { Desk } from './desk.ts';
import { partsOf, storyOf } from './ids.ts';

/**
 * Whether a message is scheduled, or was sent, for the very request. Asked at the request's turn, so it says the same however long
 * pace takes. Ids of requests on time are remembered elsewhere. `arrivedAt`: stream time when it came.
 */
export function isRepeated({ context, messages }: Desk, request: Request, arrivedAt: number): boolean {
  const { requestId, campaignId, cause, requestedAt } = request;
  if (cause !== null || requestedAt >= arrivedAt - context.lateness) return false;
  const isKnown = messages.requests.some(
    (other) =>
      other.requestId === requestId &&
      other.requestedAt === requestedAt &&
      other.campaignId === campaignId &&
      other.cause === null,
  );
  if (isKnown) return true;
  const story = storyOf(request);
  return messages.sent.some(({ sendId }) => partsOf(sendId).story === story);
}
