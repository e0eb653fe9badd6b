// Keeps the segments that each user is in, and when what is counted in rolling windows happened; says when a user enters or
// leaves a segment, also where nothing but time passes.
//
// A user is judged after each record and session, and at the instants at which a count or a number of days may pass a bound of
// some condition. Of those there is one timer, for the earliest: one that finds nothing to do looks for the next. A profile that
// comes before its time has a timer of its own.
import { metrics, profile, segments, windows } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import type { UserSegments, UserWindows } from '../schemas/state-types.ts';
import { acceptedEvents, type ProfileChange, profileChanges, segmentChanges } from '../schemas/streams.ts';
import { sessions, signals } from '../schemas/topics.ts';
import { isInSegment, type UserFacts } from '../schemas/user-facts.ts';
import { asOf, withEarly, withProfile } from './keep-segments/ahead.ts';
import { inForce, nextChange, type Plan, planner } from './keep-segments/plan.ts';
import { type Context, on, type Processor, type Timer, timers } from './processor.ts';

/** Why a user is judged. */
type Cause = 'record' | 'timer' | 'definition';

/** Id of the timer of a user who was known before time began. */
const START = 'start';
const NONE: readonly string[] = [];
const NOTHING: UserSegments = { names: NONE, judgedAt: 0, changes: 0, timerAt: null, ahead: null };

export function keepSegments(definitions: Definitions): Processor {
  const { planOf, revision } = planner(definitions);
  return {
    name: 'keep-segments',
    emits: [signals, segmentChanges],
    reads: [profile, metrics],
    writes: [segments, windows],
    on: [
      on(acceptedEvents, ({ tenantId, type, occurredAt }, context) => {
        const plan = planOf(tenantId);
        if (plan === undefined) return;
        const [ofType, ofAll] = [plan.windowOfType.get(type), plan.windows.get('events')];
        if (ofType !== undefined) note(`events.${type}`, occurredAt, ofType, context);
        if (ofAll !== undefined) note('events', occurredAt, ofAll, context);
        // A late event counts, and signals nothing: what it changes shows when the user is judged next.
        if (!context.late) judge(plan, context.time, context, 'record');
      }),
      on(sessions, ({ tenantId, endedAt }, context) => {
        const plan = planOf(tenantId);
        if (plan === undefined) return;
        const window = plan.windows.get('sessions');
        if (window !== undefined) note('sessions', endedAt, window, context);
        judge(plan, context.time, context, 'timer');
      }),
      on(profileChanges, (change, context) => take(change, planOf(change.profile.tenantId), context)),
    ],
    timers: [
      {
        kind: timers.segment,
        fire: (timer, context) => {
          const plan = planOf(tenantOf(context.key));
          if (plan !== undefined) fire(timer, plan, context);
        },
      },
      {
        kind: timers.profile,
        fire: ({ at }, context) => {
          const plan = planOf(tenantOf(context.key));
          if (plan !== undefined) turnTo(at, plan, context);
        },
      },
    ],
    sweep: {
      revision,
      visit: (context) => {
        const plan = planOf(tenantOf(context.key));
        const isKnown = context.get(profile) !== undefined || context.get(metrics) !== undefined;
        if (plan !== undefined && isKnown) judgeKnown(plan, context, 'definition');
      },
    },
  };
}

/** Remembers an instant for as long as anybody may ask about it: an event on time is no older than the watermark. */
function note(counted: string, at: number, windowMs: number, context: Context): void {
  const from = context.streamTime - context.lateness - windowMs;
  if (at <= from) return;
  const known = context.get(windows) ?? { names: [], times: [] };
  const place = known.names.indexOf(counted);
  const times = withTime(known.times[place] ?? [], at, from);
  const next: UserWindows =
    place < 0
      ? { names: [...known.names, counted], times: [...known.times, times] }
      : { names: known.names, times: known.times.map((each, i) => (i === place ? times : each)) };
  context.set(windows, next);
}

/** The ascending times with one more, and without those up to `from`. */
function withTime(times: readonly number[], at: number, from: number): readonly number[] {
  let first = 0;
  while (first < times.length && (times[first] as number) <= from) first++;
  let place = times.length;
  while (place > first && (times[place - 1] as number) > at) place--;
  return times.slice(first, place).concat(at, times.slice(place));
}

function fire({ at, id }: Timer, plan: Plan, context: Context): void {
  if (context.get(segments)?.timerAt !== at) return;
  if (id === START) judgeKnown(plan, context, 'timer');
  else judge(plan, at, context, 'timer');
}

/** Judges for a profile that has come: at once, or when its time comes. */
function take(change: ProfileChange, plan: Plan | undefined, context: Context): void {
  const state = context.get(segments) ?? NOTHING;
  if (plan === undefined || plan.versions.length === 0) {
    // Nobody follows profiles any more.
    if (state.ahead !== null) context.set(segments, { ...state, ahead: null });
    return;
  }
  const { updatedAt } = change.profile;
  if (context.streamTime < 0) {
    const ahead = withEarly(state.ahead, change);
    if (ahead !== state.ahead) context.set(segments, { ...state, ahead });
    judgeKnown(plan, context, 'record');
  } else if (updatedAt > context.streamTime) {
    context.set(segments, { ...state, ahead: withProfile(state.ahead, change) });
    context.setTimer(timers.profile, updatedAt);
  } else {
    // The last to come counts, whatever was to come before.
    if (state.ahead !== null) context.set(segments, { ...state, ahead: null });
    judge(plan, context.streamTime, context, 'record');
  }
}

/** The time of profiles has come: judges for each, in the order in which they came. */
function turnTo(instant: number, plan: Plan, context: Context): void {
  for (;;) {
    const state = context.get(segments);
    const [first, ...next] = state?.ahead?.next ?? [];
    if (state === undefined || first === undefined || first.updatedAt > instant) return;
    context.set(segments, { ...state, ahead: next.length === 0 ? null : { now: first, next } });
    judge(plan, first.updatedAt, context, 'record');
  }
}

/** Judges as of stream time; before time has begun, when it does. */
function judgeKnown(plan: Plan, context: Context, cause: Cause): void {
  if (plan.versions.length === 0) return;
  const state = context.get(segments) ?? NOTHING;
  const { streamTime } = context;
  if (streamTime < 0) {
    if (state.timerAt === 0) return;
    context.setTimer(timers.segment, 0, START);
    context.set(segments, { ...state, timerAt: 0 });
    return;
  }
  const begins = state.timerAt === 0;
  const ahead = asOf(state.ahead, context.get(profile), Math.max(streamTime, state.judgedAt));
  if (begins || state.ahead === null) {
    for (const { updatedAt } of ahead?.next ?? []) context.setTimer(timers.profile, updatedAt);
  }
  context.set(segments, { ...state, timerAt: begins ? null : state.timerAt, ahead });
  // Of a user whose first record is still to come nothing is known.
  if (ahead === null || ahead.now !== null || context.get(metrics) !== undefined)
    judge(plan, streamTime, context, cause);
}

function judge(plan: Plan, time: number, context: Context, cause: Cause): void {
  if (plan.versions.length === 0) return;
  const state = context.get(segments) ?? NOTHING;
  const at = Math.max(time, state.judgedAt);
  const current = inForce(plan, at);
  const facts: UserFacts = {
    profile: state.ahead === null ? context.get(profile) : (state.ahead.now ?? undefined),
    metrics: context.get(metrics),
    windows: context.get(windows),
    segments: current?.segments ?? {},
  };
  const names = (current?.names ?? NONE).filter((name) => isInSegment(name, facts, at));
  const entered = names.filter((name) => !state.names.includes(name));
  const left = state.names.filter((name) => !names.includes(name));
  const changed = entered.length + left.length > 0;
  const before = at === state.judgedAt ? state.changes : 0;
  const next = nextChange(plan, at, facts) ?? null;
  // A timer that is armed and still to come looks again when it fires: only an earlier change needs one of its own.
  const armed = state.timerAt !== null && state.timerAt > at ? state.timerAt : null;
  const arm = next !== null && (armed === null || next < armed);
  if (arm) context.setTimer(timers.segment, next);
  const timerAt = arm ? next : armed;
  context.set(segments, {
    names: changed ? names : state.names,
    judgedAt: at,
    changes: before + (changed ? 1 : 0),
    timerAt,
    ahead: state.ahead,
  });
  for (const name of left) {
    // One that the policy has no more is left because of that.
    const isGone = !(current?.names.includes(name) ?? false);
    signal('segment-left', name, at, before, context, isGone ? 'definition' : cause);
  }
  for (const name of entered) signal('segment-entered', name, at, before, context, cause);
}

/** `turn`: how often memberships had changed as of that very instant, so that ids are of one change alone. */
function signal(kind: string, segment: string, at: number, turn: number, context: Context, cause: Cause): void {
  const tenantId = tenantOf(context.key);
  const which = turn === 0 ? segment : `${segment}#${turn}`;
  const value = {
    signalId: `${kind}:${which}:${context.key}@${at}`,
    tenantId,
    userId: context.key.slice(tenantId.length + 1),
    kind,
    firedAt: at,
    facts: cause === 'definition' ? { segment, redefined: true } : { segment },
  };
  context.emit(signals, value);
  if (cause !== 'definition') context.emit(segmentChanges, { signal: value, byRecord: cause === 'record' });
}

function tenantOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
