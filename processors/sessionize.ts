// Joins a user's events that are no more than the gap apart, and emits each session once its close is certain.
import { openSessions } from '../schemas/cells.ts';
import { countsByName, withName, withOneMore } from '../schemas/counts.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { compareBytes } from '../schemas/order.ts';
import type { OpenSession, OpenSessions } from '../schemas/state-types.ts';
import { acceptedEvents } from '../schemas/streams.ts';
import { sessions, tenantOf } from '../schemas/topics.ts';
import type { Session, UserEvent } from '../schemas/types.ts';
import { type Context, on, type Processor, type Timer, timers } from './processor.ts';

export function sessionize(definitions: Definitions): Processor {
  const gapAt = (tenantId: string, time: number): number => definitions.policy(tenantId, time).sessionGapMs;
  return {
    name: 'sessionize',
    emits: [sessions],
    writes: [openSessions],
    on: [on(acceptedEvents, (event, context) => join(event, context, gapAt(event.tenantId, context.time)))],
    timers: [
      {
        kind: timers.session,
        fire: (timer, context) => close(timer, context, gapAt(tenantOf(context.key), context.time)),
      },
    ],
  };
}

const NONE: readonly OpenSession[] = [];

function join(event: UserEvent, context: Context, gap: number): void {
  const state = context.get(openSessions);
  // Every session whose close is certain was closed before this record, so those here may still be joined.
  if (state === undefined) {
    if (!context.late) keep(started(event), NONE, undefined, context, gap);
    return;
  }
  const { session, others, timerAt } = state;
  if (others.length === 0 && reaches(session, event.occurredAt, gap)) {
    keep(grow(session, event), others, timerAt, context, gap);
    return;
  }
  let joined: OpenSession | undefined;
  const apart: OpenSession[] = [];
  for (const open of inOrder(state)) {
    if (reaches(open, event.occurredAt, gap)) joined = joined === undefined ? open : merge(joined, open);
    else apart.push(open);
  }
  if (joined === undefined && context.late) return;
  keep(joined === undefined ? started(event) : grow(joined, event), apart, timerAt, context, gap);
}

function reaches({ startedAt, endedAt }: OpenSession, time: number, gap: number): boolean {
  return time >= startedAt - gap && time <= endedAt + gap;
}

/** A session that grows keeps its timer, which looks again when it fires; only an earlier close needs one of its own. */
function keep(
  session: OpenSession,
  others: readonly OpenSession[],
  timerAt: number | undefined,
  context: Context,
  gap: number,
): void {
  const closesAt = session.endedAt + gap + context.lateness;
  const arm = timerAt === undefined || closesAt < timerAt;
  if (arm) context.setTimer(timers.session, closesAt);
  context.set(openSessions, { session, others, timerAt: arm ? closesAt : timerAt });
}

function inOrder({ session, others }: OpenSessions): readonly OpenSession[] {
  return others.length === 0 ? [session] : [...others, session].sort((a, b) => a.startedAt - b.startedAt);
}

function close(timer: Timer, context: Context, gap: number): void {
  const state = context.get(openSessions);
  if (state === undefined || state.timerAt !== timer.at) return;
  const stillOpen: OpenSession[] = [];
  let nextClose = Number.POSITIVE_INFINITY;
  for (const session of inOrder(state)) {
    const closesAt = session.endedAt + gap + context.lateness;
    if (closesAt <= timer.at) context.emit(sessions, closed(session, context.key));
    else {
      stillOpen.push(session);
      nextClose = Math.min(nextClose, closesAt);
    }
  }
  const session = stillOpen.pop();
  if (session === undefined) context.set(openSessions, undefined);
  else {
    context.set(openSessions, { session, others: stillOpen, timerAt: nextClose });
    context.setTimer(timers.session, nextClose);
  }
}

function started({ occurredAt, type, sessionId }: UserEvent): OpenSession {
  return {
    startedAt: occurredAt,
    endedAt: occurredAt,
    eventCount: 1,
    types: [type],
    counts: [1],
    appSessionIds: sessionId === null ? [] : [sessionId],
  };
}

function grow(session: OpenSession, { occurredAt, type, sessionId }: UserEvent): OpenSession {
  const { types } = session;
  const at = types.indexOf(type);
  return {
    startedAt: Math.min(session.startedAt, occurredAt),
    endedAt: Math.max(session.endedAt, occurredAt),
    eventCount: session.eventCount + 1,
    types: at < 0 ? withName(types, type) : types,
    counts: withOneMore(session.counts, at < 0 ? types.length : at),
    appSessionIds: sessionId === null ? session.appSessionIds : withName(session.appSessionIds, sessionId),
  };
}

function merge(a: OpenSession, b: OpenSession): OpenSession {
  const types = b.types.reduce(withName, a.types);
  return {
    startedAt: Math.min(a.startedAt, b.startedAt),
    endedAt: Math.max(a.endedAt, b.endedAt),
    eventCount: a.eventCount + b.eventCount,
    types,
    counts: types.map((type) => countOf(a, type) + countOf(b, type)),
    appSessionIds: b.appSessionIds.reduce(withName, a.appSessionIds),
  };
}

function countOf({ types, counts }: OpenSession, type: string): number {
  return counts[types.indexOf(type)] ?? 0;
}

function closed(session: OpenSession, key: string): Session {
  const { startedAt, endedAt, eventCount, types, counts, appSessionIds } = session;
  const tenantId = tenantOf(key);
  // Sorted, so that the record is the same for every order in which the events came.
  const sorted = inByteOrder(types);
  return {
    sessionId: `session:${key}@${startedAt}`,
    tenantId,
    userId: key.slice(tenantId.length + 1),
    startedAt,
    endedAt,
    durationMs: endedAt - startedAt,
    eventCount,
    eventTypes: countsByName(sorted, sorted === types ? counts : sorted.map((type) => countOf(session, type))),
    appSessionIds: inByteOrder(appSessionIds),
  };
}

/** Most lists are of one text: they are in order. */
function inByteOrder(texts: readonly string[]): readonly string[] {
  return texts.length < 2 ? texts : [...texts].sort(compareBytes);
}
