// The earliest moment at which a channel may be used: the campaign's send time, moved out of quiet hours and off holidays.
import { DAY_MS, type DailyWindow, parseQuietHours } from '../../schemas/durations.ts';
import { activeHours, bestOf } from '../../schemas/engagement.ts';
import { ANY_HOUR, type Hours, hasHour } from '../../schemas/hours.ts';
import { isoDay } from '../../schemas/iso-time.ts';
import {
  endOfWindow,
  firstInHours,
  localDate,
  localDay,
  nextTimeOfDay,
  startOfNextDay,
  type Zone,
} from '../../schemas/local-time.ts';
import { channelOf } from '../../schemas/policy.ts';
import type { Case } from './gate.ts';

const HOUR = 60;

/** The last allowed instant: it counts from when the message was asked for, or may be sent at the earliest. */
export function expiryOf({ request, campaign }: Case): number {
  return Math.max(request.requestedAt, wishOf(request.notBefore, campaign.schedule)) + campaign.schedule.expiresAfterMs;
}

/** The instant before which request and campaign want nothing sent; 0 where they don't say. */
function wishOf(notBefore: number | null, { sendTime }: Case['campaign']['schedule']): number {
  const at = typeof sendTime === 'object' && 'at' in sendTime ? sendTime.at : 0;
  return Math.max(notBefore ?? 0, at);
}

/** The campaign's own quiet hours; for marketing without any, the policy's. */
export function quietHoursOf({ campaign, policy }: Case): string | null {
  return campaign.schedule.quietHours ?? (campaign.class === 'marketing' ? policy.quietHours : null);
}

/** The first allowed instant from now on at which the channel may be used. */
export function earliestMoment(c: Case, channel: string): number {
  const { sendTime } = c.campaign.schedule;
  const from = Math.max(c.now, wishOf(c.request.notBefore, c.campaign.schedule));
  const quiet = quietHoursOf(c);
  const window = quiet === null ? undefined : parseQuietHours(quiet);
  const holidays = holidaysOf(c);
  if (typeof sendTime === 'object' && 'localMinutes' in sendTime) {
    return atTimeOfDay(from, sendTime.localMinutes, window, holidays, c.zone);
  }
  const best = sendTime === 'best' ? outside(bestHours(c, channel).hours, window) : ANY_HOUR;
  if (window === undefined && holidays === undefined && best === ANY_HOUR) return from;
  return firstAllowed(from, best, window, holidays, c.zone);
}

/** Each step goes to the first instant that one of the rules allows, so the first that stays is the first that all allow. */
function firstAllowed(
  from: number,
  best: Hours,
  quiet: DailyWindow | undefined,
  holidays: Holidays | undefined,
  zone: Zone,
): number {
  for (let at = from; ; ) {
    const before = at;
    if (best !== ANY_HOUR) at = firstInHours(at, best, zone);
    if (quiet !== undefined) at = endOfWindow(at, quiet, zone);
    if (holidays !== undefined && isHoliday(at, holidays, zone)) at = startOfNextDay(at, zone);
    if (at === before) return at;
  }
}

/** The time of the first day on which neither it nor the end of quiet hours that it lies in is on a holiday. */
function atTimeOfDay(
  from: number,
  minutes: number,
  quiet: DailyWindow | undefined,
  holidays: Holidays | undefined,
  zone: Zone,
): number {
  for (let at = from; ; ) {
    const wanted = nextTimeOfDay(at, minutes, zone);
    const awake = quiet === undefined ? wanted : endOfWindow(wanted, quiet, zone);
    if (holidays === undefined) return awake;
    if (isHoliday(wanted, holidays, zone)) at = startOfNextDay(wanted, zone);
    else if (isHoliday(awake, holidays, zone)) at = startOfNextDay(awake, zone);
    else return awake;
  }
}

/** Whose hours they are. */
export interface Best {
  readonly hours: Hours;
  readonly of: 'user' | 'campaign' | 'channel';
}

/** The user's own best hours where enough is known of them, else the campaign's, else the channel's. */
export function bestHours(c: Case, channel: string): Best {
  const { campaign, engagement, now } = c;
  const active = activeHours(engagement, channel, dayOf(now));
  if (active !== undefined) return { hours: bestOf(active), of: 'user' };
  if (campaign.schedule.bestHours !== null) return { hours: campaign.schedule.bestHours, of: 'campaign' };
  return { hours: usualHours(c, channel), of: 'channel' };
}

/** The channel's best hours for this kind of customer. */
export function usualHours({ policy, profile }: Case, channel: string): Hours {
  const { bestHours } = channelOf(policy, channel);
  return profile?.customerType === 'new' ? bestHours.new : bestHours.existing;
}

/** The day of an instant by which engagement ages. */
export function dayOf(instant: number): number {
  return Math.floor(instant / DAY_MS);
}

/** Best hours that all lie in quiet hours can't be kept: then any hour will do. */
function outside(best: Hours, quiet: DailyWindow | undefined): Hours {
  if (quiet === undefined || best === ANY_HOUR) return best;
  for (let hour = 0; hour < 24; hour++) if (hasHour(best, hour) && !covers(quiet, hour * HOUR)) return best;
  return ANY_HOUR;
}

/** Whether the whole hour that begins at these minutes is in the window. */
function covers({ start, end }: DailyWindow, minutes: number): boolean {
  const afterStart = (minutes - start + 24 * HOUR) % (24 * HOUR);
  const length = (end - start + 24 * HOUR) % (24 * HOUR);
  return afterStart + HOUR <= length;
}

type Holidays = ReadonlySet<string>;

const sets = new WeakMap<readonly string[], Holidays>();

/** The days without marketing, if they bind the campaign and there are any. */
function holidaysOf({ campaign, policy }: Case): Holidays | undefined {
  const { holidays } = policy;
  if (holidays.length === 0 || campaign.class !== 'marketing' || campaign.schedule.holidays === 'ignore')
    return undefined;
  let set = sets.get(holidays);
  if (set === undefined) {
    set = new Set(holidays);
    sets.set(holidays, set);
  }
  return set;
}

function isHoliday(at: number, holidays: Holidays, zone: Zone): boolean {
  return isListed(localDate(at, zone), holidays);
}

function isListed(date: string, holidays: Holidays): boolean {
  return holidays.has(date) || holidays.has(date.slice('YYYY-'.length));
}

/** The holidays (YYYY-MM-DD, in the user's zone) that a slot from the earliest moment to the expiry may meet, in order. */
export function holidaysAhead(c: Case): readonly string[] {
  if (c.policy.holidays.length === 0) return c.policy.holidays;
  // A clock that is put back over midnight comes to the day before once more.
  return holidaysBetween(c, localDay(c.earliestAt, c.zone) - 1, localDay(expiryOf(c), c.zone) + 1);
}

/** The holidays that bind the campaign from a local day (as `localDay` counts them) to another, in order. */
export function holidaysBetween(c: Case, first: number, last: number): readonly string[] {
  const holidays = holidaysOf(c);
  if (holidays === undefined) return [];
  const days: string[] = [];
  for (let day = first; day <= last; day++) {
    const date = isoDay(day).slice(0, 'YYYY-MM-DD'.length);
    if (isListed(date, holidays)) days.push(date);
  }
  return days;
}
