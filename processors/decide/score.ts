// How well each channel suits a message: five factors from 0 to 1, weighed by the policy, and why the best one is the best.
// Every factor is rounded to four decimals before it is weighed, and so is the score.
import { channelDefaults, type FitTable, NEUTRAL_FIT, UNKNOWN_DEVICE } from '../../schemas/channels.ts';
import {
  activeHours,
  channelEngagement,
  engagementScore,
  PRIOR_EVIDENCE,
  round4,
  sendsOn,
} from '../../schemas/engagement.ts';
import { ANY_HOUR, distanceTo } from '../../schemas/hours.ts';
import { localHour } from '../../schemas/local-time.ts';
import { rowOf, type ScorePart, scoreParts, type Weights } from '../../schemas/policy/scores.ts';
import { channelOf } from '../../schemas/policy.ts';
import type { Case } from './gate.ts';
import { dayOf, earliestMoment, usualHours } from './moments.ts';

export interface Scored {
  readonly channel: string;
  /** 0 to 1. */
  readonly score: number;
  readonly factors: Readonly<Record<ScorePart, number>>;
}

/** The channels by their score; of equals the one that the user prefers, then the one that the campaign names first. */
export function rank(channels: readonly string[], c: Case): readonly Scored[] {
  const ranked: Scored[] = [];
  for (const id of channels) ranked.push(scoreOf(id, c));
  return ranked.sort((a, b) => b.score - a.score || placeOf(a.channel, c) - placeOf(b.channel, c));
}

function placeOf(channel: string, c: Case): number {
  const preferences = preferencesOf(c);
  const place = preferences.indexOf(channel);
  return place < 0 ? preferences.length : place;
}

function scoreOf(channel: string, c: Case): Scored {
  const factors = {
    customerType: customerTypeFit(channel, c),
    engagement: engagementScore(channelEngagement(c.engagement, channel), priorOf(channel, c), dayOf(c.now)),
    device: deviceFit(channel, c),
    urgency: urgencyFit(channel, c),
    timeOfDay: timeOfDayFit(channel, c),
  };
  return { channel, score: weighed(factors, c.policy.weights), factors };
}

/** Written out rather than looped over the parts: this runs for every channel of every decision. */
function weighed(factors: Scored['factors'], weights: Weights): number {
  return round4(
    weights.customerType * factors.customerType +
      weights.engagement * factors.engagement +
      weights.device * factors.device +
      weights.urgency * factors.urgency +
      weights.timeOfDay * factors.timeOfDay,
  );
}

const NO_PREFERENCES: readonly string[] = [];

function preferencesOf({ profile }: Case): readonly string[] {
  return profile?.channelPreferences ?? NO_PREFERENCES;
}

/** The user's own order: 1 for the first, falling evenly to 0 for a channel they don't name. Else the policy's table. */
function customerTypeFit(channel: string, c: Case): number {
  const preferences = preferencesOf(c);
  if (preferences.length === 0) return fitIn(c.policy.customerTypes, c.profile?.customerType, channel);
  const place = preferences.indexOf(channel);
  return place < 0 ? 0 : round4((preferences.length - place) / preferences.length);
}

function deviceFit(channel: string, { policy, profile }: Case): number {
  return fitIn(policy.devices, deviceIn(policy.devices, profile?.device), channel);
}

/** The row of the table that stands for the device. */
function deviceIn(table: FitTable, device: string | null | undefined): string {
  const name = device?.toLowerCase() ?? UNKNOWN_DEVICE;
  return Object.hasOwn(table, name) ? name : UNKNOWN_DEVICE;
}

function fitIn(table: FitTable, kind: string | null | undefined, channel: string): number {
  const row = kind === null || kind === undefined ? undefined : rowOf(table, kind);
  return row !== undefined && Object.hasOwn(row, channel) ? round4(row[channel] as number) : NEUTRAL_FIT;
}

/** The campaign's own prior, else the policy's. */
function priorOf(channel: string, { campaign, policy }: Case): number {
  return Object.hasOwn(campaign.priors, channel)
    ? (campaign.priors[channel] as number)
    : channelOf(policy, channel).prior;
}

const NEEDED = { low: 0, normal: 0.5, high: 1 } as const;

/** How near the channel's immediacy is to what the message needs. */
function urgencyFit(channel: string, { campaign, policy }: Case): number {
  return round4(1 - Math.abs(NEEDED[campaign.urgency] - channelOf(policy, channel).immediacy));
}

/**
 * How active the user is at the local hour of the channel's earliest moment; where too little is learned, how near that hour is
 * to the channel's best ones: 1 within them, 0 twelve hours away, half where any hour is as good.
 */
function timeOfDayFit(channel: string, c: Case): number {
  const hour = localHour(earliestMoment(c, channel), c.zone);
  const active = activeHours(c.engagement, channel, dayOf(c.now));
  if (active !== undefined) return active[hour] as number;
  const best = usualHours(c, channel);
  return best === ANY_HOUR ? NEUTRAL_FIT : round4(1 - distanceTo(best, hour) / 12);
}

/** How much of the ranking rests on the user's own answers: n/(n + k) over the messages sent on these channels, 0 to below 1. */
export function confidenceIn(ranked: readonly Scored[], c: Case): number {
  const day = dayOf(c.now);
  const sends = ranked.reduce((sum, { channel }) => sum + sendsOn(channelEngagement(c.engagement, channel), day), 0);
  return round4(sends / (sends + PRIOR_EVIDENCE));
}

/** Reasons told: the two factors that added most, the second where it added so much. What is less is a rounding of equals. */
const REASONS = 2;
const WORTH_TELLING = 0.01;
const NO_GAIN = 1e-9;

/** Why the first is before the second, in words: the factors that made the difference. */
export function whyFirst([first, second]: readonly Scored[], c: Case): string {
  if (first === undefined || second === undefined) return '';
  const name = channelDefaults(first.channel).name;
  const { weights } = c.policy;
  if (first.score === second.score) {
    const preferred = preferencesOf(c).includes(first.channel);
    const by = preferred ? 'preferred by the user' : 'named first by the campaign';
    return `${name}: as good as ${channelDefaults(second.channel).name}, and ${by}`;
  }
  let words = '';
  let told: ScorePart | undefined;
  for (let n = 0; n < REASONS; n++) {
    let greatest: ScorePart | undefined;
    let most = n === 0 ? NO_GAIN : 0;
    for (const part of scoreParts) {
      if (part === told) continue;
      const gain = weights[part] * (first.factors[part] - second.factors[part]);
      if (gain <= most) continue;
      greatest = part;
      most = gain;
    }
    if (greatest === undefined || (n > 0 && most < WORTH_TELLING)) break;
    words += `${n === 0 ? '' : ', '}${WORDS[greatest](first.channel, c)}`;
    told = greatest;
  }
  return `${name}: ${words}`;
}

/** What a factor says for a channel. Nothing that only this one profile may hold is told. */
const WORDS: Readonly<Record<ScorePart, (channel: string, c: Case) => string>> = {
  customerType: (_, c) =>
    preferencesOf(c).length > 0 ? 'preferred by the user' : `suits ${c.profile?.customerType ?? 'such'} customers`,
  engagement(channel, c) {
    const known = channelEngagement(c.engagement, channel);
    if (known === undefined || known.opened === 0) return 'usually answered more';
    const { sends, replied, clicked, opened } = known;
    if (replied > 0) return `replied to ${replied} of ${sends}`;
    return clicked > 0 ? `clicked ${clicked} of ${sends}` : `opened ${opened} of ${sends}`;
  },
  device: (_, { policy, profile }) => `suits the device (${deviceIn(policy.devices, profile?.device)})`,
  urgency: (_, { campaign }) => (campaign.urgency === 'low' ? 'does not press' : 'noticed as soon as needed'),
  timeOfDay(channel, c) {
    const hour = localHour(earliestMoment(c, channel), c.zone);
    const active = activeHours(c.engagement, channel, dayOf(c.now));
    return active === undefined ? `near its best hours at ${hour}:00` : `active around ${hour}:00`;
  },
};
