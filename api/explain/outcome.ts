// A decision's outcome in plain English.
import { formatMicros } from '../../schemas/money.ts';
import type { Decision } from '../../schemas/types.ts';
import { reasonWords } from './gates.ts';
import { instant } from './words.ts';

/** One line of a final decision: "sent by sms at … for 0.0075 USD", "not sent (duplicate): …". */
export function finalText({ outcome, decidedAt, channel, costMicros, reason }: Decision, currency: string): string {
  if (outcome === 'sent') {
    const cost = costMicros === null || costMicros === 0 ? 'at no cost' : `for ${formatMicros(costMicros, currency)}`;
    return `sent by ${channel} at ${instant(decidedAt)} ${cost}`;
  }
  return `not sent (${reason ?? outcome}): ${reasonWords({ reason }) ?? outcome}`;
}

/** "scheduled at … for … by sms" */
export function scheduledText({ decidedAt, dueAt, channel }: Decision): string {
  return `scheduled at ${instant(decidedAt)} for ${dueAt === null ? 'later' : instant(dueAt)} by ${channel}`;
}
