// Who enters and leaves segments when, recomputed from all that ever happened: at every record, and at every instant at which an
// event might leave some window or a day be over.
import type { UserEvent, UserProfile } from '../../schemas/types.ts';
import { byBytes, DAY, userKey } from './common.ts';

export type SegmentCondition =
  | { readonly all: readonly SegmentCondition[] }
  | { readonly any: readonly SegmentCondition[] }
  | { readonly not: SegmentCondition }
  | { readonly attribute: string; readonly eq: string }
  | { readonly group: string }
  /** Of whole numbers; `windowMs` absent: over all time. */
  | {
      readonly metric: 'events' | 'daysSinceFirstSeen' | 'daysSinceLastSeen';
      readonly type?: string;
      readonly windowMs?: number;
      readonly op: 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte';
      readonly value: number;
    };

export interface SegmentInput {
  /** In order of time. */
  readonly events: readonly UserEvent[];
  readonly profiles: readonly UserProfile[];
  readonly segments: Readonly<Record<string, SegmentCondition>>;
  readonly until: number;
}

export interface Change {
  readonly userId: string;
  readonly segment: string;
  readonly kind: 'segment-entered' | 'segment-left';
  readonly at: number;
}

/** Each user's changes in their order. */
export function changesOf({ segments, until, ...files }: SegmentInput): Change[] {
  const events = files.events.filter((event) => event.occurredAt < until);
  const profiles = files.profiles.filter((profile) => profile.updatedAt < until);
  const begin = events[0]?.occurredAt ?? profiles.at(-1)?.updatedAt ?? until;
  const changes: Change[] = [];
  for (const key of new Set([...events, ...profiles].map(userKey))) {
    const ownEvents = events.filter((event) => userKey(event) === key);
    const ownProfiles = profiles.filter((profile) => userKey(profile) === key);
    const userId = key.slice(key.indexOf('/') + 1);
    let inside: string[] = [];
    const look = (at: number, seen: number, profile: UserProfile | undefined): void => {
      const known = ownEvents.slice(0, seen);
      const now = Object.keys(segments)
        .filter((name) => holds(segments[name] as SegmentCondition, known, profile, at))
        .sort(byBytes);
      for (const segment of inside)
        if (!now.includes(segment)) changes.push({ userId, segment, kind: 'segment-left', at });
      for (const segment of now) {
        if (!inside.includes(segment)) changes.push({ userId, segment, kind: 'segment-entered', at });
      }
      inside = now;
    };
    // Profiles from before time began count when it begins. On a tie profiles come first.
    const early = ownProfiles.filter((p) => p.updatedAt <= begin);
    const records = [
      ...(early.length > 0 ? [{ at: begin, order: 0, event: 0, profile: early.at(-1) }] : []),
      ...ownProfiles
        .filter((p) => p.updatedAt > begin)
        .map((p) => ({ at: p.updatedAt, order: 1, event: 0, profile: p })),
      ...ownEvents.map((e) => ({ at: e.occurredAt, order: 2, event: 1, profile: undefined })),
    ].sort((a, b) => a.at - b.at || a.order - b.order);
    const instants = new Set<number>();
    for (const { occurredAt } of ownEvents) {
      for (const windowMs of windowsOf(Object.values(segments))) instants.add(occurredAt + windowMs);
      for (let day = 1; occurredAt + day * DAY < until; day++) instants.add(occurredAt + day * DAY);
    }
    const later = [...instants].filter((at) => at < until).sort((a, b) => a - b);
    let seen = 0;
    let profile: UserProfile | undefined;
    for (const record of records) {
      while (later[0] !== undefined && later[0] < record.at) look(later.shift() as number, seen, profile);
      seen += record.event;
      profile = record.profile ?? profile;
      look(record.at, seen, profile);
    }
    for (const at of later) look(at, seen, profile);
  }
  return changes;
}

function windowsOf(conditions: readonly SegmentCondition[]): number[] {
  return conditions.flatMap((condition) => {
    if ('all' in condition) return windowsOf(condition.all);
    if ('any' in condition) return windowsOf(condition.any);
    if ('not' in condition) return windowsOf([condition.not]);
    return 'metric' in condition && condition.windowMs !== undefined ? [condition.windowMs] : [];
  });
}

function holds(
  condition: SegmentCondition,
  events: readonly UserEvent[],
  profile: UserProfile | undefined,
  at: number,
): boolean {
  const each = (part: SegmentCondition): boolean => holds(part, events, profile, at);
  if ('all' in condition) return condition.all.every(each);
  if ('any' in condition) return condition.any.some(each);
  if ('not' in condition) return !each(condition.not);
  if ('attribute' in condition) return profile?.attributes[condition.attribute] === condition.eq;
  if ('group' in condition) return profile?.groups.includes(condition.group) ?? false;
  const { metric, type, windowMs, op, value } = condition;
  // Of a user without events nothing is known: only `ne` holds of nothing.
  if (events.length === 0) return op === 'ne';
  const times = events.map((event) => event.occurredAt);
  const days = (since: number): number => Math.floor((at - since) / DAY);
  let number: number;
  if (metric === 'daysSinceFirstSeen') number = days(Math.min(...times));
  else if (metric === 'daysSinceLastSeen') number = days(Math.max(...times));
  else {
    number = events.filter(
      (event) =>
        (type === undefined || event.type === type) && (windowMs === undefined || event.occurredAt > at - windowMs),
    ).length;
  }
  switch (op) {
    case 'eq':
      return number === value;
    case 'ne':
      return number !== value;
    case 'gt':
      return number > value;
    case 'gte':
      return number >= value;
    case 'lt':
      return number < value;
    case 'lte':
      return number <= value;
  }
}
