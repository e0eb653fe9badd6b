// The policy's hold: requests of a user are collected for a while and then decided together, so that the higher priority
// gets the last place under a cap even where it asks a little later.
import { compareBytes } from '../../schemas/order.ts';
import type { WaitingRequest } from '../../schemas/state-types.ts';
import type { Request } from '../../schemas/streams.ts';
import { timers } from '../processor.ts';
import type { Desk } from './desk.ts';
import { reservedPrefix } from './ids.ts';

/** The timer that ends a hold. No story is called so. */
export const HOLD = 'hold';

/** Whether the request is held: the policy says so, and it is for a message that caps bind. */
export function isHeld(desk: Desk, request: Request): boolean {
  const { holdMs } = desk.definitions.policy(desk.tenantId, request.requestedAt);
  return (
    holdMs > 0 && desk.definitionFor(request)?.definition.class === 'marketing' && reservedPrefix(request) === undefined
  );
}

/** Adds the request to those held; the first opens the hold. */
export function hold(desk: Desk, request: Request): void {
  const { held, heldUntil } = desk.messages;
  const { requestId, campaignId, source, cause, requestedAt, data, notBefore } = request;
  const asked = { requestId, campaignId, source, cause, requestedAt, data, notBefore };
  const later = { audience: null, judgedAt: null, learned: 0 };
  desk.update({ held: [...held, { ...asked, ...later }] });
  if (heldUntil !== null) return;
  const until = requestedAt + desk.definitions.policy(desk.tenantId, requestedAt).holdMs;
  desk.update({ heldUntil: until });
  // The last of the user's due times of its instant: what was due by then is sent before.
  desk.context.setTimer(timers.due, until, HOLD, { requestedAt: until, priority: 0, campaignId: '' });
}

/** Ends the hold. Returns its requests in the order in which they are decided, and when that is. */
export function endHold(desk: Desk): { readonly requests: readonly WaitingRequest[]; readonly judgedAt: number } {
  const { held, heldUntil } = desk.messages;
  desk.update({ held: [], heldUntil: null });
  const ranked = held.map((request) => ({ request, ...desk.orderOf(request) }));
  ranked.sort(
    (a, b) => b.priority - a.priority || a.requestedAt - b.requestedAt || compareBytes(a.campaignId, b.campaignId),
  );
  return { requests: ranked.map(({ request }) => request), judgedAt: heldUntil as number };
}
