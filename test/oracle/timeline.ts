// One user's open sessions, activity and recent ids, as events arrive in any order. Everything is recomputed from what was kept.
import type { UserEvent } from '../../schemas/types.ts';
import { HOUR } from './common.ts';
import { type OracleSession, sessionFrom } from './sessions.ts';
import { inactive, type OracleSignal, returned } from './signals.ts';

export interface TimelineOptions {
  readonly gapMs: number;
  /** Inactivity thresholds in ms; none: no signals. */
  readonly thresholds: readonly number[];
  /** Allowed lateness in ms. */
  readonly lateness: number;
}

/** What is due at `instant`, on stream time: its date plus the lateness. */
export type WindowTimer = { readonly instant: number } & (
  | { readonly kind: 'session'; readonly session: OracleSession; readonly events: readonly UserEvent[] }
  | { readonly kind: 'inactive' | 'returned'; readonly signal: OracleSignal }
);

export type Arrival = 'processed' | 'late' | 'duplicate';

/** A time at which the user was active; a late one makes no `returned` and no inactivity dated at or before `silentTo`. */
interface Point {
  readonly time: number;
  readonly late: boolean;
  readonly silentTo: number;
}

/** Ids seen of one user: a repeat at most an hour of event time away is a duplicate, as long as the id is remembered. */
export class RecentIds {
  readonly #lateness: number;
  readonly #seen: { readonly id: string; readonly time: number }[] = [];

  constructor(lateness: number) {
    this.#lateness = lateness;
  }

  /** Whether the record is a duplicate; if not, remembers it. `streamTime` includes the record's own time. */
  repeats(id: string, time: number, streamTime: number): boolean {
    const repeat = this.#seen.some(
      (other) =>
        other.id === id && Math.abs(other.time - time) <= HOUR && streamTime <= other.time + HOUR + this.#lateness,
    );
    if (!repeat) this.#seen.push({ id, time });
    return repeat;
  }
}

/** The state of one user. Fire what `pending` gives before `streamTime`, then `arrive` the record that moved time there. */
export class Timeline {
  readonly #options: TimelineOptions;
  readonly #ids: RecentIds;
  readonly #fired = new Set<string>();
  #open: (readonly UserEvent[])[] = [];
  #points: Point[] = [];
  #who: UserEvent | undefined;

  constructor(options: TimelineOptions) {
    this.#options = options;
    this.#ids = new RecentIds(options.lateness);
  }

  /** Takes in one event. `streamTime` is the highest time so far, this event's included. */
  arrive(event: UserEvent, streamTime: number): Arrival {
    if (this.#ids.repeats(event.eventId, event.occurredAt, streamTime)) return 'duplicate';
    this.#who ??= event;
    const watermark = streamTime - this.#options.lateness;
    const late = event.occurredAt < watermark;
    this.#join(event, late);
    this.#addPoint(event.occurredAt, late, watermark);
    return late ? 'late' : 'processed';
  }

  #join(event: UserEvent, late: boolean): void {
    const { gapMs } = this.#options;
    const near = this.#open.filter((events) => {
      const { startedAt, endedAt } = sessionFrom(events);
      return event.occurredAt >= startedAt - gapMs && event.occurredAt <= endedAt + gapMs;
    });
    if (late && near.length === 0) return;
    this.#open = [...this.#open.filter((events) => !near.includes(events)), [...near.flat(), event]];
  }

  #addPoint(time: number, late: boolean, watermark: number): void {
    // A late event starts nothing: without an earlier activity of the user it isn't one.
    const [earliest] = this.#points;
    if (late && (!earliest || time < earliest.time)) return;
    if (this.#points.some((point) => point.time === time)) return;
    const silentTo = late ? watermark : Number.NEGATIVE_INFINITY;
    this.#points = [...this.#points, { time, late, silentTo }].sort((a, b) => a.time - b.time);
  }

  /** Every window timer of what is known now that has not fired, in no order. */
  pending(): WindowTimer[] {
    const { gapMs, thresholds, lateness } = this.#options;
    const timers: WindowTimer[] = this.#open.map((events) => {
      const session = sessionFrom(events);
      return { kind: 'session', instant: session.endedAt + gapMs + lateness, session, events };
    });
    const signals: OracleSignal[] = [];
    const smallest = Math.min(...thresholds);
    this.#points.forEach((point, i) => {
      const next = this.#points[i + 1];
      const silence = (next?.time ?? Number.POSITIVE_INFINITY) - point.time;
      if (!this.#who || silence < smallest) return;
      for (const threshold of thresholds) {
        if (silence >= threshold && point.time + threshold > point.silentTo) {
          signals.push(inactive(this.#who, point.time, threshold));
        }
      }
      if (next && !next.late) signals.push(returned(this.#who, next.time, silence));
    });
    for (const signal of signals) {
      if (this.#fired.has(keyOf(signal))) continue;
      timers.push({ kind: signal.kind, instant: signal.firedAt + lateness, signal });
    }
    return timers;
  }

  /** Marks one of `pending` as fired: a session is closed, a signal is not given again. */
  fire(timer: WindowTimer): void {
    if (timer.kind === 'session') this.#open = this.#open.filter((events) => events !== timer.events);
    else this.#fired.add(keyOf(timer.signal));
  }
}

function keyOf(signal: OracleSignal): string {
  return `${signal.kind} ${signal.kind === 'inactive' ? signal.facts.threshold : ''} ${signal.firedAt}`;
}
