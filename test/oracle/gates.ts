// The gates that look at one user's past, each recomputed from everything that is known.
import { createHash } from 'node:crypto';
import type { IANAZone } from 'luxon';
import type { ConsentChange } from '../../schemas/types.ts';
import { DAY } from './common.ts';
import type { Campaign, CapRule } from './model.ts';
import { dayNumber } from './zones.ts';

/** A message sent. */
export interface Sent {
  readonly campaignId: string;
  readonly dedupeKey: string | undefined;
  readonly channel: string;
  readonly class: string;
  readonly sentAt: number;
  /** It could not be delivered. */
  failed: boolean;
}

/** Whether the user is held out: the first 32 bits of SHA-256 of tenant/scope/user, over 2^32, are below the share. */
export function heldOut(tenantId: string, scope: string, userId: string, share: number): boolean {
  const hash = createHash('sha256').update(`${tenantId}/${scope}/${userId}`).digest();
  return hash.readUInt32BE(0) / 2 ** 32 < share;
}

/** Source of a revocation that a receipt told: it concerns no transactional message. */
export const UNSUBSCRIBED = 'unsubscribed';

/**
 * Whether the campaign may write on the channel. Of all changes that count, the latest decides, a revocation on a tie.
 * A revocation counts once it is known, a grant from its time. Marketing needs a grant; transactional only no opt-out.
 */
export function hasConsent(
  changes: readonly ConsentChange[],
  campaign: Campaign,
  channel: string,
  now: number,
): boolean {
  const purpose = campaign.class === 'transactional' ? 'transactional' : (campaign.purpose ?? campaign.class);
  const counting = changes.filter(
    (change) =>
      (change.purpose === purpose || change.purpose === 'all') &&
      (change.channel === null || change.channel === channel) &&
      (change.source !== UNSUBSCRIBED || campaign.class !== 'transactional') &&
      (!change.granted || change.changedAt <= now),
  );
  if (counting.length === 0) return campaign.class === 'transactional';
  const latest = Math.max(...counting.map((change) => change.changedAt));
  return counting.filter((change) => change.changedAt === latest).every((change) => change.granted);
}

/** Whether two messages are copies of each other: the same campaign, or the same shared key. */
export function sameMessage(
  a: { readonly campaignId: string; readonly dedupeKey: string | undefined },
  b: { readonly campaignId: string; readonly dedupeKey: string | undefined },
): boolean {
  return a.campaignId === b.campaignId || (a.dedupeKey !== undefined && a.dedupeKey === b.dedupeKey);
}

/** Whether one more send of the class at `at` would break the rule, given everything sent so far. */
export function breaks(
  rule: CapRule,
  sent: readonly Sent[],
  messageClass: string,
  at: number,
  zone: IANAZone,
): boolean {
  if (messageClass === 'transactional') return false;
  if (rule.class !== undefined && rule.class !== messageClass) return false;
  const times = sent
    .filter((message) => message.class !== 'transactional' && !message.failed)
    .filter((message) => rule.channel === undefined || message.channel === rule.channel)
    .filter((message) => rule.class === undefined || message.class === rule.class)
    .map((message) => message.sentAt);
  // In whole days the same question has the same answer: a run of n days ending on day e is the window (e - n, e].
  const position = (time: number): number => (rule.calendar ? dayNumber(time, zone) : time);
  const window = rule.calendar ? rule.windowMs / DAY : rule.windowMs;
  const own = position(at);
  const all = [...times, at].map(position);
  // Only an end where a send stands can be the worst, and only windows that contain this send count.
  return all
    .filter((end) => end - window < own && own <= end)
    .some((end) => all.filter((one) => end - window < one && one <= end).length > rule.max);
}
