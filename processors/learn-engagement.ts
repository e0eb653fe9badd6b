// Learns how a user answers on each channel and at which local hours they are active, from messages sent, receipts and sessions.
// Nothing is kept unless some campaign in force could use it: one with several channels, or with best hours.
import { engagement, messages, profile } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { DAY_MS } from '../schemas/durations.ts';
import { answerOf, asKnownAfter, hashOfSend, withActivity, withSend } from '../schemas/learned.ts';
import { localHour, zoneOrUtc } from '../schemas/local-time.ts';
import { receipts, sends, sessions } from '../schemas/topics.ts';
import { type Context, on, type Processor } from './processor.ts';

export function learnEngagement(definitions: Definitions): Processor {
  return {
    name: 'learn-engagement',
    emits: [],
    reads: [profile, messages],
    writes: [engagement],
    on: [
      on(sessions, ({ tenantId, startedAt }, context) => {
        if (definitions.learns(tenantId, startedAt)) learn(context, startedAt, null, 0);
      }),
      on(receipts, ({ tenantId, sendId, status, occurredAt, channel }, context) => {
        const answer = answerOf(status);
        if (answer === undefined || !definitions.learns(tenantId, occurredAt)) return;
        const send = hashOfSend(sendId);
        const answered = context.get(engagement)?.recent.find((r) => r.send === send);
        // What answers on another channel answers another message.
        if (answered === undefined || answered.channel === channel) learn(context, occurredAt, send, answer);
      }),
      on(sends, ({ tenantId, sendId, channel, dueAt }, context) => {
        if (!definitions.learns(tenantId, dueAt)) return;
        context.set(engagement, withSend(context.get(engagement), hashOfSend(sendId), channel, dayOf(dueAt)));
      }),
    ],
  };
}

/** A session that began, or an answer that came, at an instant. */
function learn(context: Context, at: number, send: number | null, answer: number): void {
  const known = context.get(engagement);
  const own = context.get(messages);
  // Requests that wait for their turn came before this, and must not know it; a message that waits may be what it answers to.
  const waits = own !== undefined && (own.awaiting !== null || own.waiting.length > 0);
  // An answer to a message that nobody remembers: from before there was anything to learn, or from long ago.
  if (send !== null && !waits && !known?.recent.some((r) => r.send === send)) return;
  const { zone } = zoneOrUtc(context.get(profile)?.timezone);
  const activity = { day: dayOf(at), hour: localHour(at, zone), send, answer };
  if (!waits) {
    context.set(engagement, withActivity(asKnownAfter(known), activity));
    return;
  }
  const { channels = [], hours = [], recent = [], pending = [] } = known ?? {};
  context.set(engagement, { channels, hours, recent, pending: pending.concat([activity]) });
}

function dayOf(instant: number): number {
  return Math.floor(instant / DAY_MS);
}
