// A user's decisions, page by page.
import { z } from 'zod';
import { campaignId, tenantId, userId } from './common.ts';
import { decisionModel } from './decision.ts';

const MOST = 200;

export const userDecisionsParams = z.strictObject({ userId });

export const userDecisionsQuery = z.strictObject({
  tenant: tenantId,
  campaign: campaignId.optional().describe('Decisions on this campaign alone.'),
  limit: z.coerce.number().int().min(1).max(MOST).default(20).describe('At most so many.'),
  from: z
    .string()
    .regex(/^\d{1,15}$/, 'give back what the page before said in next')
    .optional()
    .describe('Where to go on: what the page before said in `next`.'),
});

export const userDecisionsModel = z
  .strictObject({
    decisions: z.array(decisionModel).describe('Newest first.'),
    next: z
      .string()
      .nullable()
      .describe(
        'Where to go on, as `from`; null when nothing older is on the log. A page may hold fewer than asked for, even none, and still have a next one.',
      ),
  })
  .describe("A page of a user's decisions.");
