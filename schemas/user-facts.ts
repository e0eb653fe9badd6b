// What conditions can ask of a user: attributes and groups of the profile, metrics of the history, segments of the policy.
import { type Condition, compileCondition, explainCondition, type Lookup, type Subject } from './condition.ts';
import { DAY_MS } from './durations.ts';
import { EVENTS_OF_TYPE, type WindowedMetric, windowOf } from './metric-names.ts';
import type { UserMetrics, UserWindows } from './state-types.ts';
import type { UserProfile } from './types.ts';

export type FactValue = null | boolean | number | string;

/** What conditions can ask of a profile. */
export type AskedProfile = Pick<
  UserProfile,
  'timezone' | 'locale' | 'customerType' | 'device' | 'attributes' | 'groups'
>;

/** What is known of a user. */
export interface UserFacts {
  readonly profile: AskedProfile | undefined;
  readonly metrics: UserMetrics | undefined;
  /** Times of what is counted in windows. */
  readonly windows: UserWindows | undefined;
  /** The policy's, by name. */
  readonly segments: Readonly<Record<string, Condition>>;
}

/** What a condition asks of the user as of an instant (epoch ms). Of a cause (`property`, `fact`) there is nothing here. */
export function userFact(subject: Subject, name: string, facts: UserFacts, time: number): FactValue {
  switch (subject) {
    case 'attribute':
      return attributeOf(facts.profile, name);
    case 'metric': {
      const windowed = windowOf(name);
      if (windowed === undefined) return metricOf(facts.metrics, name, time);
      return facts.metrics === undefined ? null : countIn(facts.windows, windowed, time);
    }
    case 'group':
      return facts.profile?.groups.includes(name) ?? false;
    case 'segment':
      return isInSegment(name, facts, time);
    default:
      return null;
  }
}

/** How many of what is counted lie in (time - window, time]. */
function countIn(windows: UserWindows | undefined, { counted, windowMs }: WindowedMetric, time: number): number {
  const times = windows?.times[windows.names.indexOf(counted)] ?? [];
  let count = 0;
  for (let i = times.length - 1; i >= 0; i--) {
    const at = times[i] as number;
    if (at <= time - windowMs) break;
    if (at <= time) count++;
  }
  return count;
}

const compiled = new WeakMap<Condition, (lookup: Lookup) => boolean>();

/** Whether the segment's condition holds for the user as of an instant; false for a segment that there is none of. */
export function isInSegment(name: string, facts: UserFacts, time: number): boolean {
  const condition = segmentOf(name, facts);
  if (condition === undefined) return false;
  let holds = compiled.get(condition);
  if (holds === undefined) {
    holds = compileCondition(condition);
    compiled.set(condition, holds);
  }
  return holds((subject, asked) => userFact(subject, asked, facts, time));
}

/** Why the user is not in the segment, in words that hold the user's values; undefined for one who is. */
export function whyNotIn(name: string, facts: UserFacts, time: number): string | undefined {
  const condition = segmentOf(name, facts);
  if (condition === undefined) return 'the policy has no such segment';
  return explainCondition(condition, (subject, asked) => userFact(subject, asked, facts, time));
}

function segmentOf(name: string, { segments }: UserFacts): Condition | undefined {
  return Object.hasOwn(segments, name) ? segments[name] : undefined;
}

/** A profile's attribute, else one of its own fields of that name (locale, timezone, customerType, device). */
export function attributeOf(profile: AskedProfile | undefined, name: string): FactValue {
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
