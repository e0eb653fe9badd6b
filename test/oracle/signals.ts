// Signals of a finished set of events, by their definition: look at the distance from each time to the next.
import type { UserEvent } from '../../schemas/types.ts';
import { byUser, durationText } from './common.ts';

/** A signal without its id, which is the engine's own affair. Times in `facts` are ISO-8601. */
export type OracleSignal = { readonly tenantId: string; readonly userId: string; readonly firedAt: number } & (
  | { readonly kind: 'inactive'; readonly facts: { readonly threshold: string; readonly lastSeenAt: string } }
  | { readonly kind: 'returned'; readonly facts: { readonly silentMs: number } }
);

export interface SignalOptions {
  /** Only signals whose timer, at their date plus `latenessMs`, stands before this instant. Default: never ends. */
  readonly endOfTime?: number;
  /** Allowed lateness in ms; it matters together with `endOfTime` alone. Default 0. */
  readonly latenessMs?: number;
}

/** Every signal of every user when all events are on time. A distance of exactly a threshold is a silence. */
export function signalsOf(
  events: readonly UserEvent[],
  thresholdsMs: readonly number[],
  { endOfTime = Number.POSITIVE_INFINITY, latenessMs = 0 }: SignalOptions = {},
): OracleSignal[] {
  const signals: OracleSignal[] = [];
  const thresholds = [...new Set(thresholdsMs)];
  const smallest = Math.min(...thresholds);
  for (const own of byUser(events).values()) {
    const times = [...new Set(own.map((event) => event.occurredAt))].sort((a, b) => a - b);
    const [user] = own;
    if (!user) continue;
    times.forEach((time, i) => {
      const next = times[i + 1] ?? Number.POSITIVE_INFINITY;
      for (const threshold of thresholds) {
        if (next - time >= threshold) signals.push(inactive(user, time, threshold));
      }
      if (next - time >= smallest && next < Number.POSITIVE_INFINITY) signals.push(returned(user, next, next - time));
    });
  }
  return signals.filter((signal) => signal.firedAt + latenessMs < endOfTime);
}

type Who = { readonly tenantId: string; readonly userId: string };

/** The signal that the user, last seen at `lastSeenAt`, has been silent for `threshold` ms. */
export function inactive(who: Who, lastSeenAt: number, threshold: number): OracleSignal {
  const facts = { threshold: durationText(threshold), lastSeenAt: new Date(lastSeenAt).toISOString() };
  return { tenantId: who.tenantId, userId: who.userId, kind: 'inactive', firedAt: lastSeenAt + threshold, facts };
}

/** The signal that the user came back at `at` after `silentMs`. */
export function returned(who: Who, at: number, silentMs: number): OracleSignal {
  return { tenantId: who.tenantId, userId: who.userId, kind: 'returned', firedAt: at, facts: { silentMs } };
}
