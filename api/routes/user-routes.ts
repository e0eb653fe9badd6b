// GET /users/{userId}/decisions: what was decided for a user, newest first, from the user's partition of the log.
import { decisions, keyOf } from '../../schemas/topics.ts';
import { tenantOfQuery } from '../http/access.ts';
import type { ApiContext, ApiServer } from '../http/context.ts';
import { goodResponse, problemResponses } from '../http/problem.ts';
import { viewOf } from '../models/decision.ts';
import { userDecisionsModel, userDecisionsParams, userDecisionsQuery } from '../models/user-decisions.ts';
import { scanBack } from '../scan-back.ts';

export function userRoutes(server: ApiServer, { log, serde, definitions }: ApiContext): void {
  server.route({
    method: 'GET',
    url: '/users/:userId/decisions',
    config: { role: 'read', tenantsOf: tenantOfQuery },
    schema: {
      operationId: 'listUserDecisions',
      tags: ['users'],
      summary: 'What was decided for a user, and why',
      description:
        'Reads back from the end of the log, a bounded number of records a page; for older ones ask ClickHouse.',
      params: userDecisionsParams,
      querystring: userDecisionsQuery,
      response: {
        200: goodResponse('A page of decisions.', userDecisionsModel),
        ...problemResponses('bad-request', 'unauthorized', 'forbidden', 'too-many-requests', 'internal-error'),
      },
    },
    handler: async ({ params, query: { tenant, campaign, limit, from } }) => {
      const { found, next } = await scanBack({
        log,
        serde,
        topic: decisions,
        key: keyOf(tenant, params.userId),
        before: from === undefined ? undefined : Number(from),
        limit,
        wanted: ({ campaignId }) => campaign === undefined || campaignId === campaign,
      });
      const requested = new Map(found.map(({ value }) => [value.requestId, value.requestedAt]));
      return {
        decisions: found.map(({ value }) => viewOf(value, definitions, (id) => requested.get(id))),
        next: next === undefined ? null : String(next),
      };
    },
  });
}
