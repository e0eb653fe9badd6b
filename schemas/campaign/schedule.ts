// When a campaign's message may be sent.
import { z } from 'zod';
import { formatDuration, parseDuration } from '../durations.ts';
import { duration, quietHours, strict } from '../file-values.ts';
import { given } from './values.ts';

export interface Schedule {
  /** "HH:MM-HH:MM" in the user's zone; null: none of the campaign's own. */
  readonly quietHours: string | null;
  readonly sendTime: 'asap' | 'best';
  readonly expiresAfterMs: number;
}

export const schedule = strict({
  quietHours: quietHours.optional(),
  sendTime: z.enum(['asap', 'best']).default('asap'),
  expiresAfter: duration.default(parseDuration('48h')),
})
  .prefault({})
  .transform(
    ({ quietHours = null, sendTime, expiresAfter }): Schedule => ({
      quietHours,
      sendTime,
      expiresAfterMs: expiresAfter,
    }),
  );

export function scheduleToFile({ quietHours, sendTime, expiresAfterMs }: Schedule): object {
  return { ...given({ quietHours }), sendTime, expiresAfter: formatDuration(expiresAfterMs) };
}
