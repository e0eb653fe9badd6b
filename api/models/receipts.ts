// Receipts as providers, or what stands between them and Beckon, hand them in.
import { z } from 'zod';
import type { Receipt } from '../../schemas/types.ts';
import { campaignId, id, requestId, tenantId, text, time, userId } from './common.ts';

const STATUSES: Readonly<Record<Receipt['status'], true>> = {
  accepted: true,
  sent: true,
  delivered: true,
  failed: true,
  unknown: true,
  opened: true,
  clicked: true,
  replied: true,
  unsubscribed: true,
};
/** The most that Avro's long takes from a number. */
const MOST_MICROS = 2 ** 52;
const MOST = 1000;
const LONGEST = 1024;
/** A send's id holds those of campaign, tenant, user and request, and in one of a batch the user's twice, some of it percent-encoded. */
const LONGEST_SEND = 4096;

const receiptModel = z
  .strictObject({
    receiptId: text()
      .min(1)
      .max(LONGEST_SEND)
      .optional()
      .describe('Names it; without one it is named by its send and status. Repeats do nothing.'),
    sendId: text().min(1).max(LONGEST_SEND).describe('The send it answers, as the command to send had it.'),
    tenantId,
    userId,
    campaignId,
    requestId,
    hop: z.int().min(0).max(100).default(0).describe('As in the send.'),
    channel: id('The channel.'),
    status: z
      .enum(Object.keys(STATUSES) as [Receipt['status'], ...Receipt['status'][]])
      .describe('`unsubscribed` also revokes consent to all marketing on its channel.'),
    occurredAt: time('When.'),
    costMicros: z.int().min(0).max(MOST_MICROS).nullable().default(null).describe('What it cost, in micro-units.'),
    providerMessageId: text().max(LONGEST).nullable().default(null),
    error: text().max(LONGEST).nullable().default(null).describe('Why it failed; no personal data.'),
  })
  .describe('What a provider, or the user, answered to a send.');

export const receiptsBody = z
  .strictObject({ receipts: z.array(receiptModel).min(1).max(MOST) })
  .describe('All of them are taken, or none.');

export type ReceiptsBody = z.output<typeof receiptsBody>;

export const receiptsModel = z.strictObject({ accepted: z.int() }).describe('They are on the log.');

export function receiptOf({ receiptId, ...receipt }: z.output<typeof receiptModel>): Receipt {
  return { ...receipt, receiptId: receiptId ?? `${receipt.sendId}:${receipt.status}` };
}
