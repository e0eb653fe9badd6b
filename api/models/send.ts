// Asking for one message.
import { z } from 'zod';
import { campaignId, data, id, requestId, tenantId, time, userId, wait } from './common.ts';

export const sendBody = z
  .strictObject({
    userId,
    campaignId,
    tenantId,
    requestId: id(
      'Yours, to ask again without asking twice: within an hour the same id is the same request. Or the header idempotency-key.',
    ).optional(),
    data: data.default({}),
    notBefore: time('The message may not be sent before.').optional(),
    requestedAt: time(
      'When it is asked, on an instance whose time follows the records; refused where it follows the clock.',
    ).optional(),
  })
  .describe('Asks that a user gets the message of a campaign.');

export const sendHeaders = z.object({
  'idempotency-key': id('As requestId in the body.').optional(),
});

export const sendQuery = z.strictObject({ wait });

export const pendingModel = z
  .strictObject({
    status: z.literal('pending'),
    requestId,
    tenantId: z.string(),
    userId: z.string(),
    campaignId: z.string(),
    ask: z.string().describe('The path that tells the decision once there is one, also in the header location.'),
  })
  .describe('The request is on the log and will be decided; nobody waited long enough to say how.');
