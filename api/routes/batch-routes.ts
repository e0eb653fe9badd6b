// POST /outreach/send-batch, and GET /outreach/batches/{batchId}: what became of it.
import { LATEST_TIME } from '../../runtime/task.ts';
import { BatchDesk, notBeforeOf } from '../batch-desk.ts';
import { decisionsOn, requestsOf } from '../batches.ts';
import { tenantOfBody, tenantOfQuery } from '../http/access.ts';
import type { ApiContext, ApiServer } from '../http/context.ts';
import { goodResponse, Problem, problemResponses } from '../http/problem.ts';
import { batchBody, batchModel, batchParams, batchQuery, batchReadQuery, briefOf } from '../models/batch.ts';
import { iso, isoOrNull } from '../models/common.ts';
import { askedAt, refuseReused } from './send-routes.ts';

const LARGEST = 16 << 20;

export function batchRoutes(server: ApiServer, context: ApiContext): void {
  const { definitions, watcher } = context;
  const desk = new BatchDesk({ ...context, watcher });

  server.route({
    method: 'POST',
    url: '/outreach/send-batch',
    bodyLimit: LARGEST,
    config: { role: 'send', needsReady: true, tenantsOf: tenantOfBody },
    schema: {
      operationId: 'sendBatch',
      tags: ['outreach'],
      summary: 'Ask that many users get the message of a campaign',
      description:
        'Puts a request for each recipient on the log, and tells recipient by recipient what became of it. The same key is the same batch: it can be sent again until the answer comes.',
      body: batchBody,
      querystring: batchQuery,
      response: {
        200: goodResponse('What became of each recipient.', batchModel),
        ...problemResponses(
          'bad-request',
          'unauthorized',
          'forbidden',
          'conflict',
          'too-large',
          'unsupported-media-type',
          'idempotency-key-reused',
          'too-many-requests',
          'internal-error',
          'not-ready',
        ),
      },
    },
    handler: async ({ body, query }) => {
      const asked = askedAt(context, body.requestedAt);
      const last = notBeforeOf(body, asked, body.recipients.length - 1) ?? asked;
      if (last >= LATEST_TIME)
        throw new Problem(
          'bad-request',
          '/body/spacing: puts messages beyond 2099: write a shorter interval, or send fewer at once',
        );
      const { batchId, requestedAt, entries, decisions } = await desk
        .send(body, asked, query.wait * 1000)
        .catch(refuseReused);
      const results = entries.map((entry) =>
        'request' in entry
          ? {
              userId: entry.userId,
              status: 'accepted' as const,
              requestId: entry.request.requestId,
              notBefore: isoOrNull(entry.request.notBefore),
              decision: briefOf(decisions.get(entry.userId), definitions),
            }
          : { userId: entry.userId, status: 'bad' as const, reason: entry.reason },
      );
      const accepted = results.filter(({ status }) => status === 'accepted').length;
      return {
        batchId,
        tenantId: body.tenantId,
        campaignId: body.campaignId,
        requestedAt: iso(requestedAt),
        accepted,
        bad: results.length - accepted,
        decided: decisions.size,
        results,
      };
    },
  });

  server.route({
    method: 'GET',
    url: '/outreach/batches/:batchId',
    config: { role: 'read', tenantsOf: tenantOfQuery },
    schema: {
      operationId: 'getBatch',
      tags: ['outreach'],
      summary: 'What became of a batch',
      description: 'The requests that are on the log, by user, each with the newest decision on it.',
      params: batchParams,
      querystring: batchReadQuery,
      response: {
        200: goodResponse('What became of each user.', batchModel),
        ...problemResponses(
          'bad-request',
          'unauthorized',
          'forbidden',
          'not-found',
          'too-many-requests',
          'internal-error',
        ),
      },
    },
    handler: async ({ params: { batchId }, query: { tenant } }) => {
      const requests = await requestsOf(context, tenant, batchId);
      const [first] = requests.values();
      if (first === undefined)
        throw new Problem('not-found', `no batch "${batchId}" of tenant ${tenant} is on the log: check the ids`);
      const decisions = await decisionsOn(context, requests);
      const all = [...requests.values()].sort((a, b) => (a.notBefore ?? 0) - (b.notBefore ?? 0));
      return {
        batchId,
        tenantId: tenant,
        campaignId: first.campaignId,
        requestedAt: iso(first.requestedAt),
        accepted: all.length,
        bad: 0,
        decided: decisions.size,
        results: all.map(({ userId, requestId, notBefore }) => ({
          userId,
          status: 'accepted' as const,
          requestId,
          notBefore: isoOrNull(notBefore),
          decision: briefOf(decisions.get(userId), definitions),
        })),
      };
    },
  });
}
