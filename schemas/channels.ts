// What is known of channels before any policy: ids, what a message costs at most, and when people tend to read.
// The list is open: a policy may name further channels, which cost nothing and have no best hours until it says more.

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

/** Local hours of the user's day: from `start`:00 to before `end`:00. */
export interface HourRange {
  readonly start: number;
  readonly end: number;
}

export interface Channel {
  /** The most one message costs, in micro-USD, unless the policy says otherwise. */
  readonly costMicros: number;
  /** When messages tend to be read, where nothing is learned yet; null: any hour is as good. */
  readonly bestHours: { readonly existing: HourRange; readonly new: HourRange } | null;
}

const hours = (start: number, end: number): { readonly existing: HourRange; readonly new: HourRange } => {
  const range = { start, end };
  return { existing: range, new: range };
};

/** Defaults of every known channel. */
export const channels: Readonly<Record<KnownChannel, Channel>> = {
  sms: { costMicros: 7500, bestHours: hours(10, 18) },
  whatsapp: { costMicros: 5000, bestHours: { existing: { start: 10, end: 11 }, new: { start: 18, end: 19 } } },
  email: { costMicros: 100, bestHours: hours(9, 10) },
  push: { costMicros: 0, bestHours: null },
  telegram: { costMicros: 0, bestHours: null },
  'in-app': { costMicros: 0, bestHours: null },
  'web-push': { costMicros: 0, bestHours: null },
  webhook: { costMicros: 0, bestHours: null },
  instagram: { costMicros: 0, bestHours: hours(19, 20) },
  facebook: { costMicros: 0, bestHours: hours(19, 20) },
  linkedin: { costMicros: 0, bestHours: hours(10, 11) },
  twitter: { costMicros: 0, bestHours: hours(12, 17) },
};

const unknown: Channel = { costMicros: 0, bestHours: null };

/** A channel's defaults; those of a channel that only a policy knows are: no cost, any hour. */
export function channelDefaults(id: string): Channel {
  return isKnownChannel(id) ? channels[id] : unknown;
}

export function isKnownChannel(id: string): id is KnownChannel {
  return Object.hasOwn(channels, id);
}
