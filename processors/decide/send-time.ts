// Gate 7: the earliest allowed instant, outside quiet hours and, where asked for, at the channel's best hours.
import { channelDefaults } from '../../schemas/channels.ts';
import { type DailyWindow, parseQuietHours } from '../../schemas/durations.ts';
import { endOfWindow } from '../../schemas/local-time.ts';
import { block, type Case, type Facts, type Gate, iso, pass } from './gate.ts';

const HOUR = 60;
/** Quiet hours and best hours are alternately left this often at most; they may leave no moment at all. */
const ROUNDS = 4;

export const sendTime: Gate = {
  name: 'send-time',
  judge(c) {
    const earliestAt = earliestMoment(c, (c.ranked[0] ?? c.consented[0]) as string);
    c.earliestAt = earliestAt;
    const expiresAt = expiryOf(c);
    const quiet = quietHoursOf(c);
    const facts: Facts = {
      earliestAt: iso(earliestAt),
      expiresAt: iso(expiresAt),
      timezone: c.zone.name,
      ...(c.zoneKnown ? {} : { timezoneKnown: false }),
      ...(quiet === null ? {} : { quietHours: quiet }),
      ...(c.campaign.schedule.sendTime === 'best' ? { sendTime: 'best' } : {}),
    };
    if (cameTooLate(c)) return block('expired', { ...facts, cameAfter: iso(c.watermark) });
    return earliestAt > expiresAt ? block('expired', facts) : pass(facts);
  },
};

/**
 * The request comes after its message expired. The user's history may not reach back so far, so the gates that look at it have
 * no say: the answer must not depend on how much is still remembered.
 */
export function cameTooLate(c: Case): boolean {
  return expiryOf(c) < c.watermark;
}

/** The last allowed instant. */
export function expiryOf({ request, campaign }: Case): number {
  return request.requestedAt + campaign.schedule.expiresAfterMs;
}

/** The campaign's own quiet hours; for marketing without any, the policy's. */
export function quietHoursOf({ campaign, policy }: Case): string | null {
  return campaign.schedule.quietHours ?? (campaign.class === 'marketing' ? policy.quietHours : null);
}

/** The first instant from now on at which the channel may be used. */
export function earliestMoment(c: Case, channel: string): number {
  const quiet = quietHoursOf(c);
  const quietWindow = quiet === null ? undefined : parseQuietHours(quiet);
  const poor = c.campaign.schedule.sendTime === 'best' ? poorHours(channel, c) : undefined;
  let at = c.now;
  for (let round = 0; round < ROUNDS; round++) {
    const before = at;
    if (poor !== undefined) at = endOfWindow(at, poor, c.zone);
    if (quietWindow !== undefined) at = endOfWindow(at, quietWindow, c.zone);
    if (at === before) return at;
  }
  // Best hours that all lie in quiet hours can't be kept; quiet hours always are.
  return quietWindow === undefined ? c.now : endOfWindow(c.now, quietWindow, c.zone);
}

/** The hours of the day outside the channel's best ones. */
function poorHours(channel: string, { profile }: Case): DailyWindow | undefined {
  const best = channelDefaults(channel).bestHours;
  if (best === null) return undefined;
  const { start, end } = profile?.customerType === 'new' ? best.new : best.existing;
  return { start: end * HOUR, end: start * HOUR };
}
