// What conditions can ask of a user: attributes of the profile and metrics of the history.
import { DAY_MS } from './durations.ts';
import type { UserMetrics } from './state-types.ts';
import type { UserProfile } from './types.ts';

export type FactValue = null | boolean | number | string;

/** A profile's attribute, else one of its own fields of that name (locale, timezone, customerType, device). */
export function attributeOf(profile: UserProfile | undefined, name: string): FactValue {
  if (profile === undefined) return null;
  if (Object.hasOwn(profile.attributes, name)) return profile.attributes[name] ?? null;
  switch (name) {
    case 'locale':
      return profile.locale;
    case 'timezone':
      return profile.timezone;
    case 'customerType':
      return profile.customerType;
    case 'device':
      return profile.device;
    default:
      return null;
  }
}

const EVENTS_OF_TYPE = 'events.';

/**
 * A metric at an instant (epoch ms): events, sessions (closed ones), `events.<type>`, daysSinceFirstSeen, daysSinceLastSeen
 * (whole days). Null for an unknown name and for a user without events.
 */
export function metricOf(metrics: UserMetrics | undefined, name: string, time: number): FactValue {
  if (metrics === undefined) return null;
  if (name.startsWith(EVENTS_OF_TYPE)) {
    const at = metrics.types.indexOf(name.slice(EVENTS_OF_TYPE.length));
    return metrics.counts[at] ?? 0;
  }
  switch (name) {
    case 'events':
      return metrics.events;
    case 'sessions':
      return metrics.sessions;
    case 'daysSinceFirstSeen':
      return Math.floor((time - metrics.firstSeenAt) / DAY_MS);
    case 'daysSinceLastSeen':
      return Math.floor((time - metrics.lastSeenAt) / DAY_MS);
    default:
      return null;
  }
}
