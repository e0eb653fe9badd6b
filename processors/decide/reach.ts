// Whether a user can be reached on a channel at all, whatever the caps say.
import { channelOf } from '../../schemas/policy.ts';
import type { Case } from './gate.ts';

/** Why the user can't be reached on the channel, or undefined. */
export function obstacleToReach(id: string, c: Case): string | undefined {
  return c.consented.includes(id) ? obstacleBesideConsent(id, c) : 'no consent';
}

/** The same of a user who has consented. */
export function obstacleBesideConsent(id: string, c: Case): string | undefined {
  if (!channelOf(c.policy, id).enabled) return 'disabled';
  return addressOf(id, c) === undefined ? 'no address' : undefined;
}

/** The user's address on a channel; undefined when there is none. */
export function addressOf(id: string, { profile }: Case): string | undefined {
  if (profile === undefined || !Object.hasOwn(profile.contacts, id)) return undefined;
  return profile.contacts[id] || undefined;
}
