// A case before the gates, for tests of them: user "u" asks for campaign "c" on Monday, 2 March 2026, 09:00 UTC.

import { zoneOrUtc } from '../../schemas/local-time.ts';
import type {
  ConsentEntry,
  RequestInProgress,
  SentMessage,
  UserEngagement,
  UserMetrics,
} from '../../schemas/state-types.ts';
import type { Request } from '../../schemas/streams.ts';
import type { UserProfile } from '../../schemas/types.ts';
import { NO_MESSAGES } from '../decide/desk.ts';
import type { Case } from '../decide/gate.ts';
import { at, campaignOf, policyOf, profileOf } from './world.ts';

type File = Readonly<Record<string, unknown>>;

export interface CaseOptions {
  readonly campaign?: File;
  readonly policy?: File;
  readonly now?: number;
  /** null: nothing is known of the user. */
  readonly profile?: Partial<UserProfile> | null;
  /** Default: marketing granted on every channel. */
  readonly consents?: readonly ConsentEntry[];
  readonly metrics?: UserMetrics;
  readonly engagement?: UserEngagement;
  readonly requests?: readonly RequestInProgress[];
  readonly sent?: readonly SentMessage[];
  readonly request?: Partial<Request>;
  /** Default: those of the campaign. */
  readonly consented?: readonly string[];
  readonly ranked?: readonly string[];
  readonly watermark?: number;
}

export function caseOf(options: CaseOptions = {}): Case {
  const campaign = campaignOf({ id: 'c', ...options.campaign });
  const now = options.now ?? at('09:00');
  const profile = options.profile === null ? undefined : profileOf(options.profile);
  const { zone, known } = zoneOrUtc(profile?.timezone);
  return {
    request: { ...REQUEST, requestedAt: now, ...options.request },
    campaign,
    policy: policyOf(options.policy),
    now,
    profile,
    consents: { entries: options.consents ?? [granted('marketing', at('00:00', -1))] },
    metrics: options.metrics,
    windows: undefined,
    engagement: options.engagement,
    messages: { ...NO_MESSAGES, requests: options.requests ?? [], sent: options.sent ?? [] },
    zone,
    zoneKnown: known,
    watermark: options.watermark ?? now,
    consented: options.consented ?? campaign.channels,
    ranked: options.ranked ?? campaign.channels,
    earliestAt: now,
    content: null,
  };
}

const REQUEST = {
  requestId: 'r',
  tenantId: 'default',
  userId: 'u',
  campaignId: 'c',
  source: 'api',
  cause: null,
  data: {},
  notBefore: null,
} as const;

export function granted(purpose: string, time: number, channel: string | null = null): ConsentEntry {
  return { purpose, channel, revokedAt: null, unsubscribed: false, grantedAt: [time] };
}

export function revoked(purpose: string, time: number, channel: string | null = null): ConsentEntry {
  return { purpose, channel, revokedAt: time, unsubscribed: false, grantedAt: [] };
}

/** An sms of campaign "other". */
export function sent(sentAt: number, rest: Partial<SentMessage> = {}): SentMessage {
  const message = { sendId: `s@${sentAt}`, campaignId: 'other', dedupeKey: '', channel: 'sms', class: 'marketing' };
  const told = { failed: false, budgeted: false, costMicros: null, corrected: false, spent: false };
  return { ...message, sentAt, ...told, ...rest };
}
