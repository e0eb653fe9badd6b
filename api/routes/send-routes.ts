// POST /outreach/send, and GET /outreach/requests/{requestId}: what became of it.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { reservedPrefixOf } from '../../schemas/request-ids.ts';
import type { SendRequest } from '../../schemas/types.ts';
import { tenantOfBody, tenantOfQuery } from '../http/access.ts';
import type { ApiContext, ApiServer } from '../http/context.ts';
import { goodResponse, Problem, problemResponses } from '../http/problem.ts';
import { requestId, tenantId, userId, wait } from '../models/common.ts';
import { decisionModel, viewOf } from '../models/decision.ts';
import { pendingModel, sendBody, sendHeaders, sendQuery } from '../models/send.ts';
import { RequestIdReused } from '../send-desk.ts';

const LARGEST = 256 << 10;

export function sendRoutes(server: ApiServer, context: ApiContext): void {
  const { desk, definitions } = context;

  server.route({
    method: 'POST',
    url: '/outreach/send',
    bodyLimit: LARGEST,
    config: { role: 'send', needsReady: true, tenantsOf: tenantOfBody },
    schema: {
      operationId: 'send',
      tags: ['outreach'],
      summary: 'Ask that a user gets the message of a campaign',
      description:
        'Puts the request on the log and waits for its decision: scheduled, sent, blocked, expired or holdout. Where none came in time the answer is 202, and the request is decided all the same.',
      body: sendBody,
      querystring: sendQuery,
      headers: sendHeaders,
      response: {
        200: goodResponse('The decision, scheduled or final.', decisionModel),
        202: goodResponse('On the log, not decided in time.', pendingModel),
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
    handler: async ({ body, query, headers }, reply) => {
      const named = nameOf(body.requestId, headers['idempotency-key']);
      refuseReserved(named, body.campaignId);
      const request: SendRequest = {
        requestId: named ?? randomUUID(),
        tenantId: body.tenantId,
        userId: body.userId,
        campaignId: body.campaignId,
        source: 'api',
        requestedAt: askedAt(context, body.requestedAt),
        data: body.data,
        notBefore: body.notBefore ?? null,
      };
      const decision = await desk.send(request, named !== undefined, query.wait * 1000).catch(refuseReused);
      if (decision !== undefined) return reply.code(200).send(viewOf(decision, definitions));
      const ask = askPath(server.prefix, request);
      return reply
        .code(202)
        .header('location', ask)
        .send({ status: 'pending', ask, ...idsOf(request) });
    },
  });

  server.route({
    method: 'GET',
    url: '/outreach/requests/:requestId',
    config: { role: 'read', tenantsOf: tenantOfQuery },
    schema: {
      operationId: 'getRequest',
      tags: ['outreach'],
      summary: 'The decision on a request',
      description:
        'The newest decision: the final one, once there is one. Asked for without a wait it tells what is there.',
      params: z.strictObject({ requestId }),
      querystring: z.strictObject({
        userId,
        tenant: tenantId,
        wait: wait.default(0),
      }),
      response: {
        200: goodResponse('The newest decision.', decisionModel),
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
    handler: async ({ params, query }) => {
      const asked = { tenantId: query.tenant, userId: query.userId, requestId: params.requestId };
      const decision = await desk.newest(asked, query.wait * 1000);
      if (decision !== undefined) return viewOf(decision, definitions);
      const where = `of user "${asked.userId}" (tenant ${asked.tenantId})`;
      throw new Problem(
        'not-found',
        `nothing is decided on a request "${asked.requestId}" ${where}: check the ids, or ask again`,
      );
    },
  });
}

function nameOf(inBody: string | undefined, inHeader: string | undefined): string | undefined {
  if (inBody !== undefined && inHeader !== undefined && inBody !== inHeader)
    throw new Problem('bad-request', 'requestId and the header idempotency-key differ: give one of them');
  return inBody ?? inHeader;
}

function refuseReserved(named: string | undefined, campaignId: string): void {
  const reserved = named === undefined ? undefined : reservedPrefixOf(named, campaignId);
  if (reserved === undefined) return;
  throw new Problem('bad-request', `ids of requests that begin with "${reserved}" are Beckon's own: take another`);
}

/** When a request is asked: now, or where time follows the records as the asker says. */
export function askedAt({ time, now }: Pick<ApiContext, 'time' | 'now'>, given: number | undefined): number {
  if (time === 'wall') {
    if (given === undefined) return now();
    throw new Problem('conflict', 'this instance follows the wall clock: leave requestedAt out');
  }
  if (given !== undefined) return given;
  throw new Problem('conflict', 'the time of this instance follows the records: give requestedAt');
}

function askPath(prefix: string, { requestId: id, userId: user, tenantId: tenant }: SendRequest): string {
  const query = new URLSearchParams({ userId: user, tenant });
  return `${prefix}/outreach/requests/${encodeURIComponent(id)}?${query}`;
}

function idsOf({ requestId: id, tenantId: tenant, userId: user, campaignId }: SendRequest) {
  return { requestId: id, tenantId: tenant, userId: user, campaignId };
}

export function refuseReused(error: unknown): never {
  if (error instanceof RequestIdReused) throw new Problem('idempotency-key-reused', error.message);
  throw error;
}
