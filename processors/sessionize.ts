// Joins a user's events that are no more than the gap apart, and emits each session once its close is certain.
import { openSessions } from '../schemas/cells.ts';
import { summed, withOneMore } from '../schemas/counts.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { compareBytes } from '../schemas/order.ts';
import { acceptedEvents } from '../schemas/streams.ts';
import { keyOf, sessions } from '../schemas/topics.ts';
import type { OpenSession, Session, UserEvent } from '../schemas/types.ts';
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

function join(event: UserEvent, context: Context, gap: number): void {
  const time = event.occurredAt;
  const state = context.get(openSessions);
  const open = state?.open ?? [];
  let joined: OpenSession | undefined;
  const others: OpenSession[] = [];
  for (const session of open) {
    if (time >= session.startedAt - gap && time <= session.endedAt + gap) {
      joined = joined === undefined ? session : merge(joined, session);
    } else others.push(session);
  }
  // Every session whose close is certain was closed before this record, so those here may still be joined.
  if (joined === undefined && context.late) return;
  const grown = joined === undefined ? started(event) : grow(joined, event);
  if (others.length > 0) {
    others.push(grown);
    others.sort((a, b) => a.startedAt - b.startedAt);
  }
  const closesAt = grown.endedAt + gap + context.lateness;
  // A session that grows keeps its timer, which looks again when it fires; only an earlier close needs one of its own.
  const arm = state === undefined || closesAt < state.timerAt;
  if (arm) context.setTimer(timers.session, closesAt);
  context.set(openSessions, { open: others.length > 0 ? others : [grown], timerAt: arm ? closesAt : state.timerAt });
}

function close(timer: Timer, context: Context, gap: number): void {
  const state = context.get(openSessions);
  if (state === undefined || state.timerAt !== timer.at) return;
  const stillOpen: OpenSession[] = [];
  let nextClose = Number.POSITIVE_INFINITY;
  for (const session of state.open) {
    const closesAt = session.endedAt + gap + context.lateness;
    if (closesAt <= timer.at) context.emit(sessions, closed(session, context.key));
    else {
      stillOpen.push(session);
      nextClose = Math.min(nextClose, closesAt);
    }
  }
  if (stillOpen.length === 0) context.set(openSessions, undefined);
  else {
    context.set(openSessions, { open: stillOpen, timerAt: nextClose });
    context.setTimer(timers.session, nextClose);
  }
}

function started({ occurredAt, type, sessionId }: UserEvent): OpenSession {
  const appSessionIds = sessionId === null ? [] : [sessionId];
  return {
    startedAt: occurredAt,
    endedAt: occurredAt,
    eventCount: 1,
    eventTypes: withOneMore({}, type),
    appSessionIds,
  };
}

function grow(session: OpenSession, { occurredAt, type, sessionId }: UserEvent): OpenSession {
  const { eventTypes, appSessionIds } = session;
  const known = sessionId === null || appSessionIds.includes(sessionId);
  return {
    startedAt: Math.min(session.startedAt, occurredAt),
    endedAt: Math.max(session.endedAt, occurredAt),
    eventCount: session.eventCount + 1,
    eventTypes: withOneMore(eventTypes, type),
    appSessionIds: known ? appSessionIds : [...appSessionIds, sessionId],
  };
}

function merge(a: OpenSession, b: OpenSession): OpenSession {
  return {
    startedAt: Math.min(a.startedAt, b.startedAt),
    endedAt: Math.max(a.endedAt, b.endedAt),
    eventCount: a.eventCount + b.eventCount,
    eventTypes: summed(a.eventTypes, b.eventTypes),
    appSessionIds: [...new Set([...a.appSessionIds, ...b.appSessionIds])],
  };
}

function closed({ startedAt, endedAt, eventCount, eventTypes, appSessionIds }: OpenSession, key: string): Session {
  const tenantId = tenantOf(key);
  const userId = key.slice(tenantId.length + 1);
  // Sorted, so that the record is the same for every order in which the events came.
  const types = Object.entries(eventTypes).sort(([a], [b]) => compareBytes(a, b));
  return {
    sessionId: `session:${keyOf(tenantId, userId)}@${startedAt}`,
    tenantId,
    userId,
    startedAt,
    endedAt,
    durationMs: endedAt - startedAt,
    eventCount,
    eventTypes: Object.fromEntries(types),
    appSessionIds: [...appSessionIds].sort(compareBytes),
  };
}

function tenantOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
