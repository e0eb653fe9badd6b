// Every moment of schedules, by looking at one quarter of an hour after the other.
import type { UserEvent, UserProfile } from '../../schemas/types.ts';
import { DAY, userKey } from './common.ts';
import { zoneOf } from './zones.ts';

export type OracleSchedule =
  | { readonly every: 'day' | readonly string[]; readonly at: string }
  | { readonly every: 'month'; readonly day: number; readonly at: string }
  | { readonly attribute: string; readonly before?: string; readonly after?: string; readonly at: string }
  | { readonly at: string };

/** One version of a campaign that does nothing but ask. */
export interface ScheduledCampaign {
  readonly id: string;
  readonly version: number;
  readonly effectiveFrom: number;
  readonly active: boolean;
  readonly schedule: OracleSchedule;
}

export interface ScheduleInput {
  /** All of tenant "default", in order of time, on the quarter of an hour or a millisecond beside it. */
  readonly events: readonly UserEvent[];
  readonly profiles: readonly UserProfile[];
  readonly campaigns: readonly ScheduledCampaign[];
  readonly until: number;
}

export interface Moment {
  readonly userId: string;
  readonly campaignId: string;
  readonly at: number;
}

const STEP = 15 * 60_000;
const NAMES = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** Times and clocks' changes lie on quarters of an hour. */
export function momentsOf({ campaigns, until, ...files }: ScheduleInput): Moment[] {
  const events = files.events.filter((event) => event.occurredAt < until);
  const profiles = files.profiles.filter((profile) => profile.updatedAt < until);
  const times = events.map((event) => event.occurredAt);
  const begin = times.length > 0 ? Math.min(...times) : Math.max(...profiles.map((profile) => profile.updatedAt));
  const moments: Moment[] = [];
  const users = new Set([...events, ...profiles].map(userKey));
  for (const key of users) {
    const own = profiles.filter((profile) => userKey(profile) === key);
    const seen = [...events.filter((e) => userKey(e) === key).map((e) => e.occurredAt), ...own.map((p) => p.updatedAt)];
    const known = Math.max(begin, Math.min(...seen));
    const userId = key.slice(key.indexOf('/') + 1);
    const done = new Set<string>();
    for (let at = Math.ceil(known / STEP) * STEP; at < until; at += STEP) {
      const profile = own.filter((p) => p.updatedAt <= at).at(-1);
      for (const campaignId of new Set(campaigns.map((c) => c.id))) {
        const inForce = campaigns
          .filter((c) => c.id === campaignId && c.effectiveFrom <= at)
          .sort((a, b) => b.effectiveFrom - a.effectiveFrom || b.version - a.version)[0];
        if (!inForce?.active) continue;
        for (const wall of wallsThatBegin(at, profile, inForce.schedule)) {
          // No local time comes again, however the user travels.
          if (!isOf(wall, inForce.schedule, profile) || hasPassed(done, campaignId, wall)) continue;
          done.add(`${campaignId} ${wall}`);
          moments.push({ userId, campaignId, at });
        }
      }
    }
  }
  return moments;
}

function hasPassed(done: ReadonlySet<string>, campaignId: string, wall: number): boolean {
  return [...done].some((entry) => {
    const [id, before] = entry.split(' ');
    return id === campaignId && Number(before) >= wall;
  });
}

/** The local times, as if they were UTC, that clocks show at `at` or skip with it, and showed at no instant before. */
function wallsThatBegin(at: number, profile: UserProfile | undefined, schedule: OracleSchedule): number[] {
  const inUtc = !('every' in schedule) && !('attribute' in schedule) && /(Z|[+-]\d\d:\d\d)$/.test(schedule.at);
  const zone = inUtc ? 'UTC' : (profile?.timezone ?? 'UTC');
  const wall = (instant: number): number => instant + offsetAt(instant, zone);
  let highest = Number.NEGATIVE_INFINITY;
  // Clocks go back by less than three hours.
  for (let before = at - 3 * 60 * 60_000; before < at; before += STEP) highest = Math.max(highest, wall(before));
  const walls: number[] = [];
  for (let shown = highest + STEP; shown <= wall(at); shown += STEP) walls.push(shown);
  return walls;
}

const offsets = new Map<string, Map<number, number>>();

function offsetAt(at: number, zone: string): number {
  const known = offsets.get(zone) ?? new Map<number, number>();
  offsets.set(zone, known);
  const offset = known.get(at) ?? zoneOf(zone).offset(at) * 60_000;
  known.set(at, offset);
  return offset;
}

/** Whether the schedule names the local time. */
function isOf(wall: number, schedule: OracleSchedule, profile: UserProfile | undefined): boolean {
  const text = new Date(wall).toISOString();
  if (!('every' in schedule) && !('attribute' in schedule)) {
    const named = /(Z|[+-]\d\d:\d\d)$/.test(schedule.at) ? schedule.at : `${schedule.at}Z`;
    return Date.parse(named) === wall;
  }
  if (text.slice(11, 16) !== schedule.at) return false;
  const date = new Date(wall);
  if ('attribute' in schedule) {
    const value = profile?.attributes[schedule.attribute];
    if (typeof value !== 'string') return false;
    const days = Number.parseInt(schedule.after ?? '0', 10) - Number.parseInt(schedule.before ?? '0', 10);
    const day = value.endsWith('Z') ? localDate(Date.parse(value), profile?.timezone) : value.slice(0, 10);
    return new Date(Date.parse(`${day}T00:00Z`) + days * DAY).toISOString().slice(0, 10) === text.slice(0, 10);
  }
  if (schedule.every === 'day') return true;
  if (schedule.every !== 'month') return schedule.every.includes(NAMES[date.getUTCDay()] ?? '');
  const { day } = schedule as { readonly day: number };
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return date.getUTCDate() === Math.min(day, last);
}

function localDate(at: number, zone: string | null | undefined): string {
  return new Date(at + zoneOf(zone).offset(at) * 60_000).toISOString().slice(0, 10);
}
