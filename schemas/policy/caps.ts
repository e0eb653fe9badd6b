// The policy's frequency caps.
import { z } from 'zod';
import { DAY_MS, formatDuration } from '../durations.ts';
import { channelId, duration, strict } from '../file-values.ts';
import { quoted, said } from '../problems.ts';

/** At most `max` messages to one user within the window. Transactional and failed sends do not count. */
export interface Cap {
  readonly max: number;
  readonly windowMs: number;
  /** null: over all channels together. */
  readonly channel: string | null;
  /** null: whatever the class (which, transactional sends being uncapped, is marketing). */
  readonly class: 'marketing' | null;
  /** true: the window is calendar days in the user's zone, today included; false: it rolls. */
  readonly calendar: boolean;
  /** The rule as decisions name it: "3 per 1d", "1 per 1d on sms". */
  readonly rule: string;
}

export const cap = strict({
  max: z.int().min(0),
  window: duration,
  channel: channelId.optional(),
  class: z
    .literal('marketing', {
      error: (issue) =>
        issue.input === 'transactional'
          ? said('transactional messages are never capped', 'leave class out, or write class: marketing')
          : said(`is ${quoted(issue.input)}`, 'leave class out, or write class: marketing'),
    })
    .optional(),
  calendar: z.boolean().default(false),
}).transform(({ window: windowMs, channel = null, class: only = null, ...rest }, ctx): Cap => {
  if (rest.calendar && windowMs % DAY_MS !== 0) {
    ctx.issues.push({
      code: 'custom',
      message: said('a calendar window is whole days', 'write 1d, 7d and the like, or leave calendar out'),
      path: ['window'],
      input: windowMs,
    });
  }
  const cap = { ...rest, windowMs, channel, class: only };
  return { ...cap, rule: ruleOf(cap) };
});

function ruleOf({ max, windowMs, channel, class: only, calendar }: Omit<Cap, 'rule'>): string {
  const parts = [`${max} per ${calendar ? 'calendar ' : ''}${formatDuration(windowMs)}`];
  if (only !== null) parts.push(`of ${only}`);
  if (channel !== null) parts.push(`on ${channel}`);
  return parts.join(' ');
}

export const defaultCaps = [
  { max: 3, window: '1d' },
  { max: 10, window: '7d' },
].map((rule) => cap.parse(rule));

export function capToFile({ max, windowMs, channel, class: only, calendar }: Cap): object {
  return {
    max,
    window: formatDuration(windowMs),
    ...(channel === null ? {} : { channel }),
    ...(only === null ? {} : { class: only }),
    calendar,
  };
}
