// GET /outreach/campaigns/{campaignId}/status: its budget, and what came of its messages.
import { z } from 'zod';
import { campaignStatus } from '../campaign-status/model.ts';
import { campaignStatusOf } from '../campaign-status.ts';
import { tenantOfQuery } from '../http/access.ts';
import type { ApiContext, ApiServer } from '../http/context.ts';
import { goodResponse, Problem, type ProblemKind, problemResponses } from '../http/problem.ts';
import { campaignId, tenantId } from '../models/common.ts';

const KINDS: Readonly<Record<'unknown' | 'starting' | 'elsewhere', ProblemKind>> = {
  unknown: 'not-found',
  starting: 'not-ready',
  elsewhere: 'misdirected',
};

export function campaignRoutes(server: ApiServer, context: ApiContext): void {
  server.route({
    method: 'GET',
    url: '/outreach/campaigns/:campaignId/status',
    config: { role: 'read', tenantsOf: tenantOfQuery },
    schema: {
      operationId: 'getCampaignStatus',
      tags: ['outreach'],
      summary: 'How a campaign does',
      description:
        'Ideal and actual spend, what to do about the daily limit, cost of messages and conversions. The instance that keeps the budget answers; others say which it is.',
      params: z.strictObject({ campaignId }),
      querystring: z.strictObject({ tenant: tenantId }),
      response: {
        200: goodResponse('The status.', campaignStatus),
        ...problemResponses(
          'bad-request',
          'unauthorized',
          'forbidden',
          'not-found',
          'misdirected',
          'too-many-requests',
          'internal-error',
          'not-ready',
        ),
      },
    },
    handler: async ({ params, query }) => {
      const asked = { tenantId: query.tenant, campaignId: params.campaignId };
      const answer = await campaignStatusOf(asked, { ...context, now: () => timeOf(context) });
      if (answer.kind === 'status') return answer.status;
      throw new Problem(KINDS[answer.kind], answer.message, answer.kind === 'starting' ? { 'retry-after': '1' } : {});
    },
  });
}

/** The time that the instance has come to: where it follows the records, the latest of its tasks'. */
function timeOf({ time, now, worker }: ApiContext): number {
  if (time === 'wall') return now();
  const times = worker.status().tasks.map(({ streamTime }) => (streamTime === null ? 0 : Date.parse(streamTime)));
  return Math.max(0, ...times);
}
