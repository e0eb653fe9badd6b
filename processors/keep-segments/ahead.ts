// Profiles that come before their time: on the log tables are read ahead of events. Segments go by each from its `updatedAt` on,
// as in a simulation, which reads it then.
import type { JudgedProfile, ProfilesAhead } from '../../schemas/state-types.ts';
import type { ProfileChange } from '../../schemas/streams.ts';
import type { UserProfile } from '../../schemas/types.ts';

/** The profiles with one more, whose time has not come. It takes the place of those that came before it for a later time. */
export function withProfile(known: ProfilesAhead | null, { profile, before }: ProfileChange): ProfilesAhead {
  const { now, next } = known ?? { now: before === undefined ? null : judged(before), next: [] };
  return { now, next: next.filter((p) => p.updatedAt <= profile.updatedAt).concat([judged(profile)]) };
}

/** The profiles before time has begun: none counts yet. */
export function withEarly(known: ProfilesAhead | null, { profile, before }: ProfileChange): ProfilesAhead | null {
  // One alone needs no note: it is the profile itself.
  if (before === undefined) return null;
  return withProfile(known ?? { now: null, next: [judged(before)] }, { profile, before });
}

/** As of an instant: the last of those whose time has come counts, and the others wait; null: the profile itself counts. */
export function asOf(
  known: ProfilesAhead | null,
  profile: UserProfile | undefined,
  instant: number,
): ProfilesAhead | null {
  const all = known?.next ?? (profile === undefined ? [] : [judged(profile)]);
  const next = all.filter((p) => p.updatedAt > instant);
  if (next.length === 0) return null;
  return { now: all[all.length - next.length - 1] ?? known?.now ?? null, next };
}

function judged({
  timezone,
  locale,
  customerType,
  device,
  attributes,
  groups,
  updatedAt,
}: JudgedProfile): JudgedProfile {
  return { timezone, locale, customerType, device, attributes, groups, updatedAt };
}
