// Scores of channels, in whole ten-thousandths.
import type { UserProfile } from '../../schemas/types.ts';
import type { Campaign, ChannelModel, Policy, ScoreModel } from './model.ts';

/** All that a score is made of; everything in ten-thousandths is said so. */
export interface ScoreInput {
  readonly campaign: Campaign;
  readonly policy: Policy;
  readonly profile: UserProfile | undefined;
  /** Decayed sends and answers by channel. */
  readonly answered: (channel: string) => { readonly sends: number; readonly answers: number };
  /** Activity by local hour relative to the highest, in ten-thousandths; null where too little is known. */
  readonly active: (channel: string) => readonly number[] | null;
  /** Local hour of the channel's earliest moment. */
  readonly hourFor: (channel: string) => number;
}

const ANY_HOUR = null;
const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);
const REST: ChannelModel = { prior: 0.2, immediacy: 0.5, bestHours: ANY_HOUR, bestHoursOfNew: ANY_HOUR };
const both = (hours: readonly number[] | null) => ({ bestHours: hours, bestHoursOfNew: hours });
const CHANNELS: Readonly<Record<string, ChannelModel>> = {
  sms: { prior: 0.3, immediacy: 0.9, ...both(range(10, 18)) },
  whatsapp: { prior: 0.4, immediacy: 0.8, bestHours: [10], bestHoursOfNew: [18] },
  email: { prior: 0.2, immediacy: 0.2, ...both([9]) },
  push: { prior: 0.2, immediacy: 1, ...both(ANY_HOUR) },
};
const smartphone = { sms: 0.6, whatsapp: 0.9, email: 0.6, push: 0.9 };
const SCORES: ScoreModel = {
  weights: { customerType: 30, engagement: 30, device: 20, urgency: 10, timeOfDay: 10 },
  customerTypes: {
    new: { sms: 0.7, whatsapp: 0.8, email: 0.5, push: 0.3 },
    existing: { sms: 0.6, whatsapp: 0.8, email: 0.5, push: 0.7 },
    business: { sms: 0.4, whatsapp: 0.6, email: 0.9, push: 0.3 },
  },
  devices: {
    android: smartphone,
    ios: smartphone,
    desktop: { sms: 0.3, whatsapp: 0.4, email: 0.9, push: 0.1 },
    'feature-phone': { sms: 1, whatsapp: 0.1, email: 0.1, push: 0 },
  },
};

export function channelModel(policy: Policy, channel: string): ChannelModel {
  return policy.channels?.[channel] ?? CHANNELS[channel] ?? REST;
}

/** The channel's best hours for the user; null: any. */
export function usualHours(
  policy: Policy,
  profile: UserProfile | undefined,
  channel: string,
): readonly number[] | null {
  const { bestHours, bestHoursOfNew } = channelModel(policy, channel);
  return profile?.customerType === 'new' ? bestHoursOfNew : bestHours;
}

/** A number from 0 to 1 as whole ten-thousandths, the middle rounded up. */
export function tenThousandths(value: number): number {
  return Math.round(value * 1e4 + 1e-7);
}

/** The channel's score in ten-thousandths. */
export function scoreOf(channel: string, input: ScoreInput): number {
  const { campaign, policy, profile } = input;
  const { weights, customerTypes, devices } = policy.scores ?? SCORES;
  const { prior, immediacy } = channelModel(policy, channel);
  const lookUp = (table: ScoreModel['devices'], row: string | null | undefined): number => {
    const known = Object.entries(table).find(([name]) => name === row)?.[1];
    return tenThousandths(Object.entries(known ?? {}).find(([name]) => name === channel)?.[1] ?? 0.5);
  };
  const preferences = profile?.channelPreferences ?? [];
  const place = preferences.indexOf(channel);
  const liked = place === -1 ? 0 : tenThousandths(1 - place / preferences.length);

  const { sends, answers } = input.answered(channel);
  const urgency = campaign.urgency ?? (campaign.class === 'transactional' ? 'high' : 'normal');
  const needed = urgency === 'high' ? 1 : urgency === 'low' ? 0 : 0.5;
  const activity = input.active(channel);
  const hour = input.hourFor(channel);
  const usual = usualHours(policy, profile, channel);
  const apart = (other: number): number => Math.min(Math.abs(hour - other), 24 - Math.abs(hour - other));
  const usualFit = usual === null ? 5000 : tenThousandths((12 - Math.min(...usual.map(apart))) / 12);

  const factors = {
    customerType: preferences.length > 0 ? liked : lookUp(customerTypes, profile?.customerType),
    engagement: tenThousandths((answers + 5 * (campaign.priors?.[channel] ?? prior)) / (sends + 5)),
    device: lookUp(devices, profile?.device?.toLowerCase()),
    urgency: tenThousandths(1 - Math.abs(needed - immediacy)),
    timeOfDay: activity === null ? usualFit : (activity[hour] ?? 0),
  };
  let sum = 0;
  for (const [part, percent] of Object.entries(weights)) sum += percent * factors[part as keyof typeof factors];
  return Math.floor((sum + 50) / 100);
}

/** Highest score first; of equals the one named earlier in the user's preferences, then earlier by the campaign. */
export function ranked(channels: readonly string[], input: ScoreInput): string[] {
  const wishes = input.profile?.channelPreferences ?? [];
  const keys = channels.map((channel) => {
    const place = wishes.includes(channel) ? wishes.indexOf(channel) : wishes.length;
    return { channel, key: [-scoreOf(channel, input), place, input.campaign.channels.indexOf(channel)] };
  });
  keys.sort((a, b) => {
    const at = a.key.findIndex((value, i) => value !== b.key[i]);
    return at === -1 ? 0 : (a.key[at] ?? 0) - (b.key[at] ?? 0);
  });
  return keys.map(({ channel }) => channel);
}
