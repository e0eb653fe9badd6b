// What is known of channels before any policy: ids, what a message costs at most, when people tend to read, and what their
// scores start from. The list is open: a policy may name further channels, and say otherwise of these.
import { ANY_HOUR, type Hours, hours } from './hours.ts';

export const channelIds = [
  'sms',
  'whatsapp',
  'email',
  'push',
  'telegram',
  'in-app',
  'web-push',
  'webhook',
  'instagram',
  'facebook',
  'linkedin',
  'twitter',
] as const;

export type KnownChannel = (typeof channelIds)[number];

/** Local hours of the user's day at which messages tend to be read. */
export interface BestHours {
  readonly existing: Hours;
  /** For profiles with the customerType "new". */
  readonly new: Hours;
}

export interface Channel {
  /** As people write it. */
  readonly name: string;
  /** The most one message costs, in micro-USD, unless the policy says otherwise. */
  readonly costMicros: number;
  /** Where nothing is learned yet. */
  readonly bestHours: BestHours;
  /** The engagement, from 0 to 1, that a user without history is taken to have. */
  readonly prior: number;
  /** How soon a message is noticed, from 0 to 1. */
  readonly immediacy: number;
}

const daily = (set: Hours): BestHours => ({ existing: set, new: set });
const anytime = daily(ANY_HOUR);

/** Defaults of every known channel. Priors and immediacies are starting points for a policy to correct, not measurements. */
export const channels: Readonly<Record<KnownChannel, Channel>> = {
  sms: { name: 'SMS', costMicros: 7500, bestHours: daily(hours(10, 18)), prior: 0.3, immediacy: 0.9 },
  whatsapp: {
    name: 'WhatsApp',
    costMicros: 5000,
    bestHours: { existing: hours(10, 11), new: hours(18, 19) },
    prior: 0.4,
    immediacy: 0.8,
  },
  email: { name: 'Email', costMicros: 100, bestHours: daily(hours(9, 10)), prior: 0.2, immediacy: 0.2 },
  push: { name: 'Push', costMicros: 0, bestHours: anytime, prior: 0.2, immediacy: 1 },
  telegram: { name: 'Telegram', costMicros: 0, bestHours: anytime, prior: 0.35, immediacy: 0.8 },
  'in-app': { name: 'In-app', costMicros: 0, bestHours: anytime, prior: 0.3, immediacy: 0.4 },
  'web-push': { name: 'Web push', costMicros: 0, bestHours: anytime, prior: 0.1, immediacy: 0.7 },
  webhook: { name: 'Webhook', costMicros: 0, bestHours: anytime, prior: 0.2, immediacy: 0.9 },
  instagram: { name: 'Instagram', costMicros: 0, bestHours: daily(hours(19, 20)), prior: 0.2, immediacy: 0.4 },
  facebook: { name: 'Facebook', costMicros: 0, bestHours: daily(hours(19, 20)), prior: 0.2, immediacy: 0.4 },
  linkedin: { name: 'LinkedIn', costMicros: 0, bestHours: daily(hours(10, 11)), prior: 0.15, immediacy: 0.2 },
  twitter: { name: 'Twitter', costMicros: 0, bestHours: daily(hours(12, 17)), prior: 0.1, immediacy: 0.4 },
};

/** How well channels fit a kind of user, from 0 to 1, by the kind and then by channel. */
export type FitTable = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** How well a channel fits where no table says anything. */
export const NEUTRAL_FIT = 0.5;

/** Fit by the profile's customerType. Starting points for a policy to correct. */
export const customerTypeFits: FitTable = {
  new: { sms: 0.7, whatsapp: 0.8, email: 0.5, push: 0.3, telegram: 0.4, 'in-app': 0.6 },
  existing: { sms: 0.6, whatsapp: 0.8, email: 0.5, push: 0.7, telegram: 0.5, 'in-app': 0.7 },
  business: { sms: 0.4, whatsapp: 0.6, email: 0.9, push: 0.3, linkedin: 0.8, webhook: 0.7 },
};

/** The device that stands for every one that no table names. */
export const UNKNOWN_DEVICE = 'unknown';

const smartphone = { sms: 0.6, whatsapp: 0.9, email: 0.6, push: 0.9, telegram: 0.8, 'in-app': 0.8, 'web-push': 0.4 };

/** Fit by the profile's device, in small letters. Starting points for a policy to correct. */
export const deviceFits: FitTable = {
  android: smartphone,
  ios: { ...smartphone, 'web-push': 0.2 },
  desktop: {
    ...{ sms: 0.3, whatsapp: 0.4, email: 0.9, push: 0.1, telegram: 0.5, 'in-app': 0.5, 'web-push': 0.8 },
    linkedin: 0.7,
  },
  'feature-phone': {
    ...{ sms: 1, whatsapp: 0.1, email: 0.1, push: 0, telegram: 0, 'in-app': 0, 'web-push': 0 },
    ...{ instagram: 0, facebook: 0.1, linkedin: 0, twitter: 0 },
  },
  [UNKNOWN_DEVICE]: {},
};

const unlisted: Omit<Channel, 'name'> = { costMicros: 0, bestHours: anytime, prior: 0.2, immediacy: 0.5 };

/** A channel's defaults; those of a channel that only a policy knows are: no cost, any hour, middling scores. */
export function channelDefaults(id: string): Channel {
  return isKnownChannel(id) ? channels[id] : { name: id, ...unlisted };
}

export function isKnownChannel(id: string): id is KnownChannel {
  return Object.hasOwn(channels, id);
}
