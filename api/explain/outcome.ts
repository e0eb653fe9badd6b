// A decision's outcome in plain English.
import { formatMicros } from '../../schemas/money.ts';
import type { Decision } from '../../schemas/types.ts';
import { reasonWords } from './gates.ts';
import { localInstant } from './words.ts';

/** One line of a final decision: "sent by sms at … for 0.0075 USD", "not sent (duplicate): …". */
export function finalText(decision: Decision, currency: string): string {
  const { outcome, decidedAt, channel, costMicros, reason } = decision;
  if (outcome === 'sent') {
    const cost = costMicros === null || costMicros === 0 ? 'at no cost' : `for ${formatMicros(costMicros, currency)}`;
    return `sent by ${channel} at ${localInstant(decidedAt, zoneOf(decision))} ${cost}`;
  }
  return `not sent (${reason ?? outcome}): ${reasonWords({ reason }) ?? outcome}`;
}

/** "scheduled at … for … by sms" */
export function scheduledText(decision: Decision): string {
  const { decidedAt, dueAt, channel } = decision;
  const at = (time: number): string => localInstant(time, zoneOf(decision));
  return `scheduled at ${at(decidedAt)} for ${dueAt === null ? 'later' : at(dueAt)} by ${channel}`;
}

/** The zone that the message's moment was found in; undefined where it was not looked for. */
export function zoneOf({ steps }: Pick<Decision, 'steps'>): unknown {
  return steps.findLast(({ gate }) => gate === 'send-time')?.facts.timezone;
}
