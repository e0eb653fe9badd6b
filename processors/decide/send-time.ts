// Gate 7: the earliest allowed instant, at the campaign's send time, outside quiet hours and not on a holiday.
import { timeOfDayText } from '../../schemas/campaign/schedule.ts';
import { hoursText } from '../../schemas/hours.ts';
import { localDay } from '../../schemas/local-time.ts';
import { block, type Case, type Gate, iso, pass, type Told } from './gate.ts';
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
    const facts: Told = { earliestAt: iso(earliestAt), expiresAt: iso(expiresAt), timezone: c.zone.name };
    if (!c.zoneKnown) facts.timezoneKnown = false;
    if (quiet !== null) facts.quietHours = quiet;
    tellWish(facts, c, channel);
    if (notBefore !== null) facts.notBefore = iso(notBefore);
    tellHolidays(facts, c);
    if (cameTooLate(c)) {
      facts.cameAfter = iso(c.watermark);
      return block('expired', facts);
    }
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

function tellWish(facts: Told, c: Case, channel: string): void {
  const { sendTime } = c.campaign.schedule;
  if (sendTime === 'asap') return;
  if (sendTime === 'best') {
    const { hours, of } = bestHours(c, channel);
    facts.sendTime = sendTime;
    facts.bestHours = hoursText(hours);
    facts.bestHoursOf = of;
  } else facts.sendTime = 'at' in sendTime ? iso(sendTime.at) : timeOfDayText(sendTime.localMinutes);
}

/** The holidays that lie between now and the expiry. */
function tellHolidays(facts: Told, c: Case): void {
  if (c.policy.holidays.length === 0) return;
  const days = holidaysBetween(c, localDay(c.now, c.zone), localDay(expiryOf(c), c.zone));
  if (days.length > 0) facts.holidays = days.join(', ');
}
