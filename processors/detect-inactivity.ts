// Signals that a user has been silent for each threshold of the policy, and that one came back after a silence.
//
// A user's events are kept as bursts: runs of events less than the smallest threshold apart. Only the end of a burst can be
// followed by a silence worth a signal, and only its start can end one, so bursts say all that signals need.
import { activity } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { formatDuration } from '../schemas/durations.ts';
import { isoTime } from '../schemas/iso-time.ts';
import type { Activity, Burst } from '../schemas/state-types.ts';
import { acceptedEvents } from '../schemas/streams.ts';
import { signals, tenantOf } from '../schemas/topics.ts';
import { type Context, on, type Processor, type Timer, timers } from './processor.ts';

export function detectInactivity(definitions: Definitions): Processor {
  /** Thresholds in ms, ascending. */
  const thresholdsAt = (tenantId: string, { time }: Context): readonly number[] =>
    definitions.policy(tenantId, time).inactivityMs;
  return {
    name: 'detect-inactivity',
    emits: [signals],
    writes: [activity],
    on: [
      on(acceptedEvents, (event, context) => note(event.occurredAt, context, thresholdsAt(event.tenantId, context))),
    ],
    timers: [
      {
        kind: timers.inactive,
        fire: (timer, context) => signalInactive(timer, context, thresholdsAt(tenantOf(context.key), context)),
      },
      { kind: timers.returned, fire: (timer, context) => signalReturned(timer, context) },
    ],
  };
}

function note(time: number, context: Context, thresholds: readonly number[]): void {
  const least = thresholds[0] as number;
  const state = context.get(activity);
  if (state === undefined) {
    // A late event starts no silence: a user whom only late events know was never seen.
    if (!context.late) arm([burst(time)], null, context, thresholds);
    return;
  }
  const { first, last, signalledTo, timerAt, earlier } = state;
  if (!context.late && time >= first && time - last < least && timerAt !== null) {
    // The armed timer is earlier than any of the grown burst: it looks again when it fires.
    if (time > last) context.set(activity, { first, last: time, signalledTo, timerAt, earlier });
    return;
  }
  const bursts = burstsOf(state);
  const next = context.late ? insertLate(time, bursts, least, context) : insert(time, bursts, least, context);
  if (next !== undefined) arm(next, timerAt, context, thresholds);
}

function burstsOf({ first, last, signalledTo, earlier }: Activity): readonly Burst[] {
  const latest = { first, last, signalledTo };
  return earlier.length === 0 ? [latest] : [...earlier, latest];
}

function burst(time: number, signalledTo = time): Burst {
  return { first: time, last: time, signalledTo };
}

/** Adds an on-time event anywhere; bursts it brings less than the least threshold apart become one. */
function insert(time: number, bursts: readonly Burst[], least: number, context: Context): readonly Burst[] {
  const before = bursts.filter((b) => b.last <= time - least);
  const near = bursts.filter((b) => b.last > time - least && b.first < time + least);
  const after = bursts.filter((b) => b.first >= time + least);
  const nearFirst = near[0];
  const nearLast = near[near.length - 1];
  const joined =
    nearFirst === undefined || nearLast === undefined
      ? burst(time)
      : {
          first: Math.min(nearFirst.first, time),
          last: Math.max(nearLast.last, time),
          signalledTo: nearLast.signalledTo,
        };
  // A silence now ends at this event, or at the next burst, which was the user's first until now.
  const follower = after[0];
  if (before.length > 0 && joined.first === time)
    context.setTimer(timers.returned, time + context.lateness, String(time));
  if (before.length + near.length === 0 && follower !== undefined) {
    context.setTimer(timers.returned, follower.first + context.lateness, String(follower.first));
  }
  return [...before, joined, ...after];
}

/** A late event corrects a silence that is still open; it starts none and makes nobody return. */
function insertLate(
  time: number,
  bursts: readonly Burst[],
  least: number,
  { streamTime, lateness }: Context,
): readonly Burst[] | undefined {
  const watermark = streamTime - lateness;
  const before = bursts.filter((b) => b.first <= time);
  const after = bursts.filter((b) => b.first > time);
  const previous = before[before.length - 1];
  const following = after[0];
  if (previous === undefined) return undefined;
  if (time <= previous.last) return undefined;
  if (time - previous.last < least) {
    if (following !== undefined && following.first - time < least) {
      return [...before.slice(0, -1), { ...following, first: previous.first }, ...after.slice(1)];
    }
    const moved = { ...previous, last: time, signalledTo: Math.max(previous.signalledTo, watermark) };
    return [...before.slice(0, -1), moved, ...after];
  }
  if (following !== undefined && following.first - time < least) {
    return [...before, { ...following, first: time }, ...after.slice(1)];
  }
  return [...before, burst(time, watermark), ...after];
}

const NONE: readonly Burst[] = [];

/** Keeps the bursts, with a timer for the next silence that may become certain. `armed`: the timer there is. */
function arm(bursts: readonly Burst[], armed: number | null, context: Context, thresholds: readonly number[]): void {
  let next = Number.POSITIVE_INFINITY;
  for (let i = 0; i < bursts.length; i++) {
    const { last, signalledTo } = bursts[i] as Burst;
    const until = bursts[i + 1]?.first ?? Number.POSITIVE_INFINITY;
    for (const threshold of thresholds) {
      if (last + threshold <= signalledTo) continue;
      if (last + threshold <= until) next = Math.min(next, last + threshold + context.lateness);
      break;
    }
  }
  let timerAt = armed;
  if (next === Number.POSITIVE_INFINITY) timerAt = null;
  else if (armed === null || next < armed) {
    context.setTimer(timers.inactive, next);
    timerAt = next;
  }
  const { first, last, signalledTo } = bursts[bursts.length - 1] as Burst;
  const earlier = bursts.length === 1 ? NONE : bursts.slice(0, -1);
  context.set(activity, { first, last, signalledTo, timerAt, earlier });
}

function signalInactive(timer: Timer, context: Context, thresholds: readonly number[]): void {
  const state = context.get(activity);
  if (state === undefined || state.timerAt !== timer.at) return;
  const date = timer.at - context.lateness;
  const before = burstsOf(state);
  const bursts = new Array<Burst>(before.length);
  for (let i = 0; i < before.length; i++) {
    const { first, last, signalledTo } = before[i] as Burst;
    const until = before[i + 1]?.first ?? Number.POSITIVE_INFINITY;
    for (const threshold of thresholds) {
      const firedAt = last + threshold;
      if (firedAt > signalledTo && firedAt <= date && firedAt <= until) {
        const name = formatDuration(threshold);
        emit(context, `inactive:${name}`, 'inactive', firedAt, { threshold: name, lastSeenAt: isoTime(last) });
      }
    }
    bursts[i] = { first, last, signalledTo: Math.max(signalledTo, date) };
  }
  // What lies before a burst whose start is certain has no signal left to give.
  const certain = bursts.length === 1 ? 0 : bursts.findLastIndex((b) => b.first < date);
  arm(certain > 0 ? bursts.slice(certain) : bursts, null, context, thresholds);
}

function signalReturned(timer: Timer, context: Context): void {
  const state = context.get(activity);
  // The date is the timer's own: the lateness may have changed since it was set.
  const firedAt = Number(timer.id);
  if (state === undefined) return;
  const { first, earlier } = state;
  const at = first === firedAt ? earlier.length : earlier.findIndex((b) => b.first === firedAt);
  const previous = earlier[at - 1];
  if (previous === undefined) return;
  emit(context, 'returned', 'returned', firedAt, { silentMs: firedAt - previous.last });
  context.set(activity, { ...state, earlier: at === earlier.length ? NONE : earlier.slice(at) });
}

function emit(
  context: Context,
  id: string,
  kind: string,
  firedAt: number,
  facts: Record<string, string | number>,
): void {
  const tenantId = tenantOf(context.key);
  context.emit(signals, {
    signalId: `${id}:${context.key}@${firedAt}`,
    tenantId,
    userId: context.key.slice(tenantId.length + 1),
    kind,
    firedAt,
    facts,
  });
}
