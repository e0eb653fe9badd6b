// Short ways to write inputs of the oracle's own tests.
import type { ConsentChange, SendRequest, UserEvent, UserProfile } from '../../schemas/types.ts';
import { DAY, HOUR } from './common.ts';
import type { Campaign, DecisionInput, Policy } from './model.ts';

export const MINUTE = 60_000;
/** 2026-03-02, a Monday, 00:00 UTC. */
export const T0 = Date.UTC(2026, 2, 2);

let made = 0;

/** An event at `at` (epoch ms) of user "u1", with an id of its own unless one is given. */
export function event(at: number, rest: Partial<UserEvent> = {}): UserEvent {
  made += 1;
  const defaults = {
    eventId: `e${made}`,
    tenantId: 'default',
    userId: 'u1',
    sessionId: null,
    type: 'view',
    properties: {},
  };
  return { ...defaults, occurredAt: at, ...rest };
}

/** A profile with addresses on sms and email, in UTC. */
export function profile(rest: Partial<UserProfile> = {}): UserProfile {
  return {
    ...{ tenantId: 'default', userId: 'u1', timezone: null, locale: null, channelPreferences: [] },
    ...{ customerType: null, device: null, notificationFrequency: null, attributes: {}, groups: [] },
    ...{ contacts: { sms: '+100', email: 'u1@example.org' }, updatedAt: T0 - DAY },
    ...rest,
  };
}

/** A grant for marketing on every channel. */
export function consent(rest: Partial<ConsentChange> = {}): ConsentChange {
  return {
    ...{ tenantId: 'default', userId: 'u1', purpose: 'marketing', channel: null, granted: true },
    ...{ version: null, source: null, changedAt: T0 - DAY },
    ...rest,
  };
}

/** A request at `at` for campaign "c1". */
export function request(at: number, rest: Partial<SendRequest> = {}): SendRequest {
  made += 1;
  const defaults = { requestId: `r${made}`, tenantId: 'default', userId: 'u1', campaignId: 'c1' };
  return { ...defaults, source: 'api', requestedAt: at, data: {}, notBefore: null, ...rest };
}

/** An active marketing campaign "c1" over sms and email, asked for through the API. */
export function campaign(rest: Partial<Campaign> = {}): Campaign {
  return {
    ...{ tenantId: 'default', id: 'c1', version: 1, effectiveFrom: 0, status: 'active', class: 'marketing' },
    ...{ priority: 50, trigger: { api: true }, channels: ['sms', 'email'], dedupe: { windowMs: 0 } },
    ...{ expiresAfterMs: 2 * DAY, timezone: 'UTC' },
    ...rest,
  };
}

/** Gap 30 min, thresholds 3 d and 7 d, no caps, unless given. */
export function policy(rest: Partial<Policy> = {}): Policy {
  return { gapMs: 30 * MINUTE, thresholds: [3 * DAY, 7 * DAY], caps: [], ...rest };
}

/** A user with a profile and consent, one campaign, and no input unless given. Lateness 5 min. */
export function input(rest: Partial<DecisionInput> = {}): DecisionInput {
  return {
    ...{ events: [], sendRequests: [], profiles: [profile()], consents: [consent()] },
    ...{ campaigns: [campaign()], policy: policy(), lateness: 5 * MINUTE },
    ...rest,
  };
}

/** Epoch ms of a time on 2026-03-02 UTC, e.g. at(9, 30). */
export function at(hours: number, minutes = 0): number {
  return T0 + hours * HOUR + minutes * MINUTE;
}
