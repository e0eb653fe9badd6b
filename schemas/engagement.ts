// What a user's engagement says: how well they answer on each channel, and at which local hours they are active. Weights halve
// every 90 days. They are kept as they would stand on one fixed day, so that nothing has to be aged and any order of learning
// gives the same sums.
import type { ChannelEngagement, UserEngagement } from './state-types.ts';

/** What is heard of a message after it was sent. */
export type Answer = 'opened' | 'clicked' | 'replied' | 'failed';
/** One or more of them. */
export type AnswerBits = number;

const HALF_LIFE_DAYS = 90;
/** 2020-01-01, the day on which a weight is 1. */
const FIXED_DAY = 18_262;
/** 2^(1/90). Powers of it are made by multiplication alone: `Math.pow` need not give the same bits on every machine. */
const DAILY_GROWTH = 1.0077313692171515;
const GROWTHS = Array.from({ length: HALF_LIFE_DAYS - 1 }).reduce<number[]>(
  (made) => [...made, (made.at(-1) as number) * DAILY_GROWTH],
  [1],
);

/** The messages, and the activities, that a prior or a table weighs as much as. */
export const PRIOR_EVIDENCE = 5;

/** What weighs 1 on this day (days since 1970-01-01, UTC), as it is kept. */
export function weightOf(day: number): number {
  const days = day - FIXED_DAY;
  const halfLives = Math.floor(days / HALF_LIFE_DAYS);
  return (GROWTHS[days - halfLives * HALF_LIFE_DAYS] as number) * 2 ** halfLives;
}

/** Rounded to four decimals. What lies within a billionth of the middle is rounded up, so that the order of sums can't matter. */
export function round4(value: number): number {
  return Math.floor(value * 10_000 + 0.5 + 1e-7) / 10_000;
}

export function channelEngagement(known: UserEngagement | undefined, channel: string): ChannelEngagement | undefined {
  if (known === undefined) return undefined;
  for (const own of known.channels) if (own.channel === channel) return own;
  return undefined;
}

/** The weight on a day of the messages sent on a channel. */
export function sendsOn(engagement: ChannelEngagement | undefined, day: number): number {
  return engagement === undefined ? 0 : Math.max(0, engagement.weight / weightOf(day));
}

/** (decayed answers + prior · k) / (decayed sends + k), from 0 to 1. */
export function engagementScore(engagement: ChannelEngagement | undefined, prior: number, day: number): number {
  if (engagement === undefined) return round4(prior);
  const response = Math.max(0, engagement.response / weightOf(day));
  const sends = Math.max(response, sendsOn(engagement, day));
  return round4((response + prior * PRIOR_EVIDENCE) / (sends + PRIOR_EVIDENCE));
}

/** For each local hour, how active the user is then, relative to the most active hour: from 0 to 1. */
export type ActiveHours = readonly number[];

/**
 * The hours of the channel's answers, where they weigh enough on the day; else of all answers and sessions; else undefined.
 * An hour's activity is its own and half of each neighbour's.
 */
export function activeHours(known: UserEngagement | undefined, channel: string, day: number): ActiveHours | undefined {
  if (known === undefined) return undefined;
  const own = channelEngagement(known, channel)?.hours;
  if (own !== undefined && weighsEnough(own, day)) return relative(own);
  return weighsEnough(known.hours, day) ? relative(known.hours) : undefined;
}

/** What is worked out of the weights by hour. */
interface Worked {
  readonly sum: number;
  active: ActiveHours | undefined;
}

/**
 * The lists asked for last, in turn: the user's own and those of some channels, each several times a decision. A WeakMap of all of
 * them would be looked through by every garbage collection.
 */
const lately: { readonly hours: readonly number[]; readonly worked: Worked }[] = [];
const LATELY = 4;
let oldest = 0;

function workedOut(hours: readonly number[]): Worked {
  for (const known of lately) if (known.hours === hours) return known.worked;
  let sum = 0;
  for (const weight of hours) sum += weight;
  const worked: Worked = { sum, active: undefined };
  lately[oldest] = { hours, worked };
  oldest = (oldest + 1) % LATELY;
  return worked;
}

function weighsEnough(hours: readonly number[], day: number): boolean {
  return hours.length > 0 && round4(workedOut(hours).sum / weightOf(day)) >= PRIOR_EVIDENCE;
}

function relative(hours: readonly number[]): ActiveHours {
  const known = workedOut(hours);
  if (known.active === undefined) {
    const smooth = hours.map(
      (weight, hour) => weight + ((hours[(hour + 23) % 24] as number) + (hours[(hour + 1) % 24] as number)) / 2,
    );
    const most = Math.max(...smooth);
    known.active = smooth.map((weight) => round4(weight / most));
  }
  return known.active;
}

/** An hour this active, relative to the most active one, is among the user's best. */
const BEST_FROM = 0.8;

/** The user's best hours, as a set of hours (see hours.ts). */
export function bestOf(active: ActiveHours): number {
  return active.reduce((set, activity, hour) => (activity >= BEST_FROM ? set | (1 << hour) : set), 0);
}
