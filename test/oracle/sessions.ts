// Sessions of a finished set of events, by their definition: sort, then cut where the distance exceeds the gap.
import type { Session, UserEvent } from '../../schemas/types.ts';
import { byBytes, byUser } from './common.ts';

/** A session without its id, which is the engine's own affair. */
export type OracleSession = Omit<Session, 'sessionId'>;

/** Every session of every user when all events are on time and none is a duplicate. `gapMs` itself still joins. */
export function sessionsOf(events: readonly UserEvent[], gapMs: number): OracleSession[] {
  const sessions: OracleSession[] = [];
  for (const own of byUser(events).values()) {
    const sorted = own.toSorted((a, b) => a.occurredAt - b.occurredAt);
    let current: UserEvent[] = [];
    for (const event of sorted) {
      const last = current.at(-1);
      if (last && event.occurredAt - last.occurredAt > gapMs) {
        sessions.push(sessionFrom(current));
        current = [];
      }
      current.push(event);
    }
    sessions.push(sessionFrom(current));
  }
  return sessions;
}

/** The session that consists of exactly these events (at least one) of one user, in any order. */
export function sessionFrom(events: readonly UserEvent[]): OracleSession {
  const [first] = events;
  if (!first) throw new RangeError('a session has at least one event');
  const times = events.map((event) => event.occurredAt);
  const startedAt = times.reduce((a, b) => Math.min(a, b));
  const endedAt = times.reduce((a, b) => Math.max(a, b));
  const types = new Map<string, number>();
  for (const event of events) types.set(event.type, (types.get(event.type) ?? 0) + 1);
  const appSessionIds = new Set(events.flatMap((event) => (event.sessionId === null ? [] : [event.sessionId])));
  return {
    tenantId: first.tenantId,
    userId: first.userId,
    startedAt,
    endedAt,
    durationMs: endedAt - startedAt,
    eventCount: events.length,
    eventTypes: Object.fromEntries(types),
    appSessionIds: [...appSessionIds].sort(byBytes),
  };
}
