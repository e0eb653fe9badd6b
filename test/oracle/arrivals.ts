// Sessions and signals for events in any order of arrival, event by event, as one task sees them.
import type { UserEvent } from '../../schemas/types.ts';
import { userKey } from './common.ts';
import type { OracleSession } from './sessions.ts';
import type { OracleSignal } from './signals.ts';
import { type Arrival, Timeline, type TimelineOptions } from './timeline.ts';

export interface ReplayOptions extends TimelineOptions {
  /** Nothing at or after this instant happens; the first event that reaches it ends the input. Default: never. */
  readonly until?: number;
}

export interface Replayed {
  readonly sessions: OracleSession[];
  readonly signals: OracleSignal[];
  /** What became of each event, in order of arrival; shorter than the input where `until` ended it. */
  readonly arrivals: Arrival[];
  readonly counts: Readonly<Record<Arrival | 'notReached', number>>;
}

/** Replays events, given in order of arrival, through one task. Users don't meet, so each is fired when it is next looked at. */
export function replay(events: readonly UserEvent[], options: ReplayOptions): Replayed {
  const until = options.until ?? Number.POSITIVE_INFINITY;
  const stop = events.findIndex((event) => event.occurredAt >= until);
  const reached = stop < 0 ? events : events.slice(0, stop);

  const sessions: OracleSession[] = [];
  const signals: OracleSignal[] = [];
  const timelines = new Map<string, Timeline>();
  const fireBefore = (timeline: Timeline, instant: number): void => {
    for (const timer of timeline.pending()) {
      if (timer.instant >= instant) continue;
      timeline.fire(timer);
      if (timer.kind === 'session') sessions.push(timer.session);
      else signals.push(timer.signal);
    }
  };

  let streamTime = Number.NEGATIVE_INFINITY;
  const arrivals = reached.map((event) => {
    streamTime = Math.max(streamTime, event.occurredAt);
    const timeline = timelines.get(userKey(event)) ?? new Timeline(options);
    timelines.set(userKey(event), timeline);
    fireBefore(timeline, streamTime);
    return timeline.arrive(event, streamTime);
  });
  for (const timeline of timelines.values()) fireBefore(timeline, until);

  const count = (kind: Arrival): number => arrivals.filter((arrival) => arrival === kind).length;
  return {
    sessions,
    signals,
    arrivals,
    counts: {
      processed: count('processed'),
      late: count('late'),
      duplicate: count('duplicate'),
      notReached: events.length - reached.length,
    },
  };
}
