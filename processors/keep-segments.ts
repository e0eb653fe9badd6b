// Keeps the segments that each user is in, and when what is counted in rolling windows happened; says when a user enters or
// leaves a segment, also where nothing but time passes.
//
// A user is judged after each record and session, and at the instants at which a count or a number of days may pass a bound of
// some condition. Of those there is one timer, for the earliest: one that finds nothing to do looks for the next.
import { metrics, profile, segments, windows } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import type { UserSegments, UserWindows } from '../schemas/state-types.ts';
import { acceptedEvents, segmentChanges } from '../schemas/streams.ts';
import { profiles, sessions, signals } from '../schemas/topics.ts';
import { isInSegment, type UserFacts } from '../schemas/user-facts.ts';
import { inForce, nextChange, type Plan, planner } from './keep-segments/plan.ts';
import { type Context, on, type Processor, type Timer, timers } from './processor.ts';

/** Why a user is judged. */
type Cause = 'record' | 'timer' | 'definition';

/** Id of the timer of a user who was known before time began. */
const START = 'start';
const NONE: readonly string[] = [];
const NOTHING: UserSegments = { names: NONE, judgedAt: 0, changes: 0, timerAt: null };

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
      on(profiles, ({ tenantId }, context) => {
        const plan = planOf(tenantId);
        if (plan !== undefined) judgeKnown(plan, context, 'record');
      }),
    ],
    timers: [
      {
        kind: timers.segment,
        fire: (timer, context) => {
          const plan = planOf(tenantOf(context.key));
          if (plan !== undefined) fire(timer, plan, context);
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

/** Judges as of stream time, or of the profile's where it is later; before time has begun, when it does. */
function judgeKnown(plan: Plan, context: Context, cause: Cause): void {
  if (plan.versions.length === 0) return;
  if (context.streamTime >= 0) {
    judge(plan, Math.max(context.streamTime, context.get(profile)?.updatedAt ?? 0), context, cause);
    return;
  }
  const state = context.get(segments) ?? NOTHING;
  if (state.timerAt === 0) return;
  context.setTimer(timers.segment, 0, START);
  context.set(segments, { ...state, timerAt: 0 });
}

function judge(plan: Plan, time: number, context: Context, cause: Cause): void {
  if (plan.versions.length === 0) return;
  const state = context.get(segments) ?? NOTHING;
  const at = Math.max(time, state.judgedAt);
  const current = inForce(plan, at);
  const facts: UserFacts = {
    profile: context.get(profile),
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
