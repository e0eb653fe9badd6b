// Asking for many messages at once.
import { z } from 'zod';
import type { Definitions } from '../../schemas/definitions.ts';
import { DURATION_MEND, parseDuration } from '../../schemas/durations.ts';
import type { Decision } from '../../schemas/types.ts';
import { campaignId, id, instant, requestId, tenantId, text, time, wait } from './common.ts';
import { decisionModel, viewOf } from './decision.ts';

export const MOST_RECIPIENTS = 10_000;

/** No more digits than a duration may have in its unit, so that all that fits the pattern is taken. */
const interval = text()
  .regex(/^[1-9](\d{0,8}s|\d{0,6}m|\d{0,4}h|\d{0,3}d)$/, DURATION_MEND)
  .describe('A duration, such as 2s or 1m.')
  .transform((written) => parseDuration(written));

export const recipientModel = z
  .strictObject({
    userId: text().describe('The user within the tenant.'),
    data: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('Values for the message, by name: text, numbers, true or false.'),
  })
  .describe('One that can not be taken is told of in its result, and keeps the others from nothing.');

export const batchBody = z
  .strictObject({
    idempotencyKey: id('Yours: within an hour the same key is the same batch, and nothing is published twice.'),
    campaignId,
    tenantId,
    recipients: z.array(recipientModel).min(1).max(MOST_RECIPIENTS).describe('A user stands among them once.'),
    spacing: z
      .union(
        [
          z.strictObject({ perMinute: z.int().min(1).max(600_000).describe('Messages a minute.') }),
          z.strictObject({ interval }),
        ],
        'give either perMinute, a whole number from 1 to 600,000, or interval, such as 2s',
      )
      .optional()
      .describe('Spreads the earliest moments of sending, in the order of the recipients.'),
    notBefore: time('The first message may not be sent before.').optional(),
    requestedAt: time('As in send.').optional(),
  })
  .describe('Asks that many users get the message of a campaign.');

export type BatchBody = z.output<typeof batchBody>;

export const batchQuery = z.strictObject({ wait: wait.default(0) });
export const batchParams = z.strictObject({ batchId: id('As the answer to send-batch has it.') });
export const batchReadQuery = z.strictObject({ tenant: tenantId });

const briefModel = decisionModel
  .pick({
    decisionId: true,
    outcome: true,
    reason: true,
    explanation: true,
    channel: true,
    fallbacks: true,
    dueAt: true,
    decidedAt: true,
  })
  .describe('What was decided, in short.');

const accepted = z.strictObject({
  userId: z.string(),
  status: z.literal('accepted'),
  requestId,
  notBefore: instant('The earliest moment of sending.').nullable(),
  decision: briefModel.nullable().describe('Null: not decided yet.'),
});

const bad = z.strictObject({
  userId: z.string(),
  status: z.literal('bad'),
  reason: z.string().describe('Why nothing was asked for this recipient.'),
});

export const batchModel = z
  .strictObject({
    batchId: z.string(),
    tenantId: z.string(),
    campaignId: z.string(),
    requestedAt: instant('When it was asked.'),
    accepted: z.int().describe('Recipients for whom a request is on the log.'),
    bad: z.int(),
    decided: z.int().describe('Accepted ones on whose request there is a decision.'),
    results: z.array(z.discriminatedUnion('status', [accepted, bad])).describe('In the order of the recipients.'),
  })
  .describe('A batch, recipient by recipient.');

export type Brief = z.output<typeof briefModel>;

export function briefOf(decision: Decision | undefined, definitions: Definitions): Brief | null {
  if (decision === undefined) return null;
  const { decisionId, outcome, reason, explanation, channel, fallbacks, dueAt, decidedAt } = viewOf(
    decision,
    definitions,
  );
  return { decisionId, outcome, reason, explanation, channel, fallbacks, dueAt, decidedAt };
}
