// What makes a campaign ask for a message.
import { z } from 'zod';
import { type Condition, conditionModel } from '../condition.ts';
import { formatDuration } from '../durations.ts';
import { duration, strict } from '../file-values.ts';
import { said } from '../problems.ts';
import { type Timetable, timetable, timetableToFile } from './timetable.ts';
import { given, words } from './values.ts';

export type Trigger =
  | { readonly kind: 'event'; readonly event: string; readonly where: Condition | null }
  | { readonly kind: 'session'; readonly session: 'closed'; readonly where: Condition | null }
  | {
      readonly kind: 'signal';
      readonly signal: 'inactive' | 'returned';
      /** inactive: the threshold, null: each of them; returned: the least silence, null: any. */
      readonly afterMs: number | null;
      readonly where: Condition | null;
    }
  /** A segment of the policy is entered or left. */
  | { readonly kind: 'segment'; readonly segment: string; readonly on: 'entered' | 'left' }
  | { readonly kind: 'schedule'; readonly timetable: Timetable }
  | { readonly kind: 'api' };

const where = conditionModel.optional();

const TRIGGERS = ['event', 'session', 'signal', 'segment', 'schedule', 'api'] as const;

export const trigger = strict({
  event: words.optional(),
  session: z.literal('closed').optional(),
  signal: z.enum(['inactive', 'returned']).optional(),
  api: z.literal(true).optional(),
  segment: words.optional(),
  on: z.enum(['entered', 'left']).optional(),
  schedule: timetable.optional(),
  after: duration.optional(),
  where,
}).transform(({ event, session, signal, segment, on, schedule, after, where = null, ...rest }, ctx): Trigger => {
  const refuse = (path: string[], reason: string, mend: string): void => {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path, input: rest });
  };
  const given = TRIGGERS.filter(
    (kind) => ({ event, session, signal, segment, schedule, api: rest.api })[kind] !== undefined,
  );
  if (given.length !== 1) {
    const reason =
      given.length === 0 ? 'does not say what triggers the campaign' : `names ${given.join(' and ')} at once`;
    refuse([], reason, `give exactly one of ${TRIGGERS.join(', ')}; a second trigger is a campaign of its own`);
  }
  if (after !== undefined && signal === undefined)
    refuse(['after'], 'belongs to a signal', 'leave it out, or use signal:');
  if (on !== undefined && segment === undefined)
    refuse(['on'], 'belongs to a segment', 'leave it out, or use segment:');
  if (event !== undefined) return { kind: 'event', event, where };
  if (session !== undefined) return { kind: 'session', session, where };
  if (signal !== undefined) return { kind: 'signal', signal, afterMs: after ?? null, where };
  if (where !== null) refuse(['where'], 'has no event, session or signal to ask', 'use audience: instead');
  if (segment !== undefined) return { kind: 'segment', segment, on: on ?? 'entered' };
  return schedule === undefined ? { kind: 'api' } : { kind: 'schedule', timetable: schedule };
});

export function triggerToFile(trigger: Trigger): object {
  switch (trigger.kind) {
    case 'event':
      return { event: trigger.event, ...given({ where: trigger.where }) };
    case 'session':
      return { session: trigger.session, ...given({ where: trigger.where }) };
    case 'signal': {
      const after = trigger.afterMs === null ? null : formatDuration(trigger.afterMs);
      return { signal: trigger.signal, ...given({ after, where: trigger.where }) };
    }
    case 'segment':
      return { segment: trigger.segment, on: trigger.on };
    case 'schedule':
      return { schedule: timetableToFile(trigger.timetable) };
    case 'api':
      return { api: true };
  }
}
