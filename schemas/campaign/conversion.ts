// What counts as success of a campaign.
import { formatDuration } from '../durations.ts';
import { duration, strict } from '../file-values.ts';
import { given, words } from './values.ts';

export interface Conversion {
  readonly event: string;
  readonly withinMs: number;
  /** The event's property that holds the value; null: conversions are only counted. */
  readonly value: string | null;
}

export const conversion = strict({ event: words, within: duration, value: words.optional() }).transform(
  ({ event, within, value = null }): Conversion => ({ event, withinMs: within, value }),
);

export function conversionToFile({ event, withinMs, value }: Conversion): object {
  return { event, within: formatDuration(withinMs), ...given({ value }) };
}
