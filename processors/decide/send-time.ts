// Gate 7: the earliest allowed instant, at the campaign's send time, outside quiet hours and not on a holiday.
import { timeOfDayText } from '../../schemas/campaign/schedule.ts';
import { hoursText } from '../../schemas/hours.ts';
import { localDay } from '../../schemas/local-time.ts';
import { block, type Case, type Facts, type Gate, iso, pass } from './gate.ts';
import { bestHours, earliestMoment, expiryOf, holidaysBetween, quietHoursOf } from './moments.ts';

export const sendTime: Gate = {
  name: 'send-time',
  judge(c) {
    const channel = (c.ranked[0] ?? c.consented[0]) as string;
    const earliestAt = earliestMoment(c, channel);
    c.earliestAt = earliestAt;
    const expiresAt = expiryOf(c);
    const quiet = quietHoursOf(c);
    const { notBefore } = c.request;
    const facts: Facts = {
      earliestAt: iso(earliestAt),
      expiresAt: iso(expiresAt),
      timezone: c.zone.name,
      ...(c.zoneKnown ? {} : { timezoneKnown: false }),
      ...(quiet === null ? {} : { quietHours: quiet }),
      ...wish(c, channel),
      ...(notBefore === null ? {} : { notBefore: iso(notBefore) }),
      ...holidayFacts(c),
    };
    if (cameTooLate(c)) return block('expired', { ...facts, cameAfter: iso(c.watermark) });
    return earliestAt > expiresAt ? block('expired', facts) : pass(facts);
  },
};

/**
 * The request comes later than its message would have kept. The user's history may not reach back so far, so the gates that
 * look at it have no say: the answer must not depend on how much is still remembered.
 */
export function cameTooLate({ request, campaign, watermark }: Case): boolean {
  return request.requestedAt + campaign.schedule.expiresAfterMs < watermark;
}

function wish(c: Case, channel: string): Facts {
  const { sendTime } = c.campaign.schedule;
  if (sendTime === 'asap') return {};
  if (sendTime === 'best') {
    const { hours, of } = bestHours(c, channel);
    return { sendTime, bestHours: hoursText(hours), bestHoursOf: of };
  }
  return { sendTime: 'at' in sendTime ? iso(sendTime.at) : timeOfDayText(sendTime.localMinutes) };
}

/** The holidays that lie between now and the expiry. */
function holidayFacts(c: Case): Facts {
  const days = holidaysBetween(c, localDay(c.now, c.zone), localDay(expiryOf(c), c.zone));
  return days.length === 0 ? {} : { holidays: days.join(', ') };
}
