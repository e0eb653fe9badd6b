// Whether a condition holds. A field that is missing or null has no value: it equals nothing and compares with nothing.
import type { UserProfile } from '../../schemas/types.ts';
import { byBytes, DAY } from './common.ts';
import type { Condition, Leaf, Value } from './model.ts';

type Values = Readonly<Record<string, Value>>;

/** Everything a user did, late events included. */
export interface Metrics {
  events: number;
  /** Closed sessions. */
  sessions: number;
  firstSeenAt: number;
  lastSeenAt: number;
  readonly eventTypes: Map<string, number>;
}

export interface Scope {
  /** Of the event that triggers; the data of a send-request. */
  readonly properties: Values;
  /** Of the session or signal that triggers; the data of a send-request. */
  readonly facts: Values;
  readonly profile: UserProfile | undefined;
  readonly metrics: Metrics;
  /** Epoch ms. */
  readonly now: number;
}

/** Whether the condition holds in the scope; an absent one always does. */
export function holds(condition: Condition | undefined, scope: Scope): boolean {
  if (!condition) return true;
  if ('all' in condition) return condition.all.every((part) => holds(part, scope));
  if ('any' in condition) return condition.any.some((part) => holds(part, scope));
  if ('not' in condition) return !holds(condition.not, scope);
  return leafHolds(condition, fieldOf(condition, scope));
}

function leafHolds(leaf: Leaf, value: Value | undefined): boolean {
  const compares = (limit: number | string | undefined, test: (order: number) => boolean): boolean => {
    if (limit === undefined) return true;
    if (typeof limit === 'number') return typeof value === 'number' && test(value - limit);
    return typeof value === 'string' && test(byBytes(value, limit));
  };
  const present = value !== undefined && value !== null;
  return (
    (leaf.eq === undefined || (present && value === leaf.eq)) &&
    (leaf.ne === undefined || !(present && value === leaf.ne)) &&
    (leaf.in === undefined || (present && leaf.in.includes(value))) &&
    compares(leaf.gt, (order) => order > 0) &&
    compares(leaf.gte, (order) => order >= 0) &&
    compares(leaf.lt, (order) => order < 0) &&
    compares(leaf.lte, (order) => order <= 0) &&
    (leaf.exists === undefined || leaf.exists === present)
  );
}

function own(values: Values | undefined, name: string): Value | undefined {
  return values && Object.hasOwn(values, name) ? values[name] : undefined;
}

function fieldOf(leaf: Leaf, scope: Scope): Value | undefined {
  if (leaf.property !== undefined) return own(scope.properties, leaf.property);
  if (leaf.fact !== undefined) return own(scope.facts, leaf.fact);
  if (leaf.attribute !== undefined) return attributeOf(leaf.attribute, scope.profile);
  if (leaf.metric !== undefined) return metricOf(leaf.metric, scope);
  throw new RangeError('a condition names a property, a fact, an attribute or a metric');
}

/** The attribute of that name, else the field of the profile itself. */
function attributeOf(name: string, profile: UserProfile | undefined): Value | undefined {
  if (!profile) return undefined;
  const { attributes, locale, timezone, customerType, device } = profile;
  return own(Object.hasOwn(attributes, name) ? attributes : { locale, timezone, customerType, device }, name);
}

/** Nothing is known of a user who did nothing. */
function metricOf(name: string, { metrics, now }: Scope): Value | undefined {
  if (metrics.events === 0) return undefined;
  if (name === 'events') return metrics.events;
  if (name === 'sessions') return metrics.sessions;
  if (name.startsWith('events.')) return metrics.eventTypes.get(name.slice('events.'.length)) ?? 0;
  if (name === 'daysSinceFirstSeen') return Math.floor((now - metrics.firstSeenAt) / DAY);
  if (name === 'daysSinceLastSeen') return Math.floor((now - metrics.lastSeenAt) / DAY);
  throw new RangeError(`there is no metric "${name}"`);
}
