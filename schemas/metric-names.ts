// Names of metrics that count in a rolling window: "events@7d", "events.purchase@30d", "sessions@30d".
import { parseDuration } from './durations.ts';

export interface WindowedMetric {
  /** What is counted: "events", "events.<type>" or "sessions". */
  readonly counted: string;
  readonly windowMs: number;
}

export const EVENTS_OF_TYPE = 'events.';
const WINDOW = /^(.*)@(\d{1,6}[smhd])$/s;

const known = new Map<string, WindowedMetric | null>();
const KEPT = 1000;

/** The window of a metric's name; undefined where it has none. A type of events may hold an "@" of its own. */
export function windowOf(name: string): WindowedMetric | undefined {
  let metric = known.get(name);
  if (metric === undefined) {
    metric = read(name);
    if (known.size < KEPT) known.set(name, metric);
  }
  return metric ?? undefined;
}

function read(name: string): WindowedMetric | null {
  const parts = WINDOW.exec(name);
  if (parts === null) return null;
  try {
    return { counted: parts[1] as string, windowMs: parseDuration(parts[2] as string) };
  } catch {
    return null;
  }
}

export function isCounted(name: string): boolean {
  return (
    name === 'events' || name === 'sessions' || (name.startsWith(EVENTS_OF_TYPE) && name.length > EVENTS_OF_TYPE.length)
  );
}
