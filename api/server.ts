// The instance's HTTP front, on loopback by default: health and metrics, publish, read back, explain.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Log } from '../runtime/log.ts';
import type { Serde } from '../runtime/serde.ts';
import type { Worker } from '../runtime/worker.ts';
import { DEFAULT_TENANT } from '../schemas/definitions.ts';
import { type Topic, topicNamed } from '../schemas/topics.ts';
import { deadLetterRoutes } from './dead-letter-routes.ts';
import { type HealthOptions, healthRoutes } from './health-routes.ts';
import { guardAccess } from './http/access.ts';
import { answerNoHttp, Problem, sendProblem } from './http/problem.ts';
import { PREFIX, type PublicApiOptions, publicApi } from './http/public-api.ts';
import { accepted, Publisher, publishable } from './publisher.ts';
import { isReadable, topicLines } from './reader.ts';
import { stateRoutes } from './state-routes.ts';
import { topicRoutes } from './topic-routes.ts';

/** The largest body of one publish. */
const MAX_BODY = 32 << 20;
export const NDJSON = 'application/x-ndjson';
/** Ids in paths are long and escaped. */
const LONGEST_PARAM = 4096;
const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;

export interface Question {
  readonly tenantId: string;
  readonly userId: string;
  readonly campaignId: string | undefined;
}

/** In words, and as data. */
export interface Told {
  readonly text: string;
  readonly explanation: { readonly problem: string | null };
}

export interface ServerOptions {
  readonly log: Log;
  readonly serde: Serde;
  readonly worker: Worker;
  /** What moves time on. */
  readonly time: 'wall' | 'events';
  readonly health: HealthOptions;
  /** Tells what was decided for a user and why; or that the question can't be answered. */
  readonly explain: (question: Question) => Promise<Told>;
  /** What is served under /api/v1. */
  readonly api: PublicApiOptions;
}

/** A server that is not listening yet. */
export function createServer({ log, serde, worker, time, health, explain, api }: ServerOptions): FastifyInstance {
  const server = fastify({
    bodyLimit: MAX_BODY,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: LONGEST_PARAM },
    genReqId: requestIdOf,
    clientErrorHandler: answerNoHttp,
    frameworkErrors: (_, __, reply) =>
      sendProblem(reply, 'bad-request', 'the path is no path: check how it is escaped'),
  });
  const publisher = new Publisher(log, serde);
  server.addContentTypeParser(NDJSON, { parseAs: 'string' }, (_, body, done) => done(null, body));

  // A page in somebody's browser must not reach an instance that trusts its own machine.
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (request.headers.origin !== undefined) throw new Problem('forbidden', 'requests from web pages are refused');
  });
  // What operations ask may change everything and tells everything: it needs a key where there are any.
  server.addHook('onRoute', (route) => {
    if (route.url.startsWith('/v1/')) route.config = { role: 'admin', ...route.config };
  });
  guardAccess(server, api.settings.keys);
  server.setErrorHandler((error, _, reply) => {
    if (!(error instanceof Problem)) throw error;
    return refuse(reply.headers(error.headers), error.status, error.message);
  });
  server.setNotFoundHandler(({ method }, reply) =>
    sendProblem(reply, 'not-found', `there is no ${method} on this path: see ${PREFIX}/openapi.json`),
  );

  healthRoutes(server, health);
  topicRoutes(server, { log, worker });
  stateRoutes(server, { log, worker });
  deadLetterRoutes(server, { log, serde });
  server.get('/v1/status', async () => ({ time, quiet: worker.quiet, ...worker.status() }));

  server.post<{ Params: { topic: string }; Body: string }>('/v1/topics/:topic/records', async (request, reply) => {
    const topic = accepted.find((t) => t === topicNamed(request.params.topic));
    if (topic === undefined)
      return refuse(reply, 404, `can't publish to ${request.params.topic}; publish to ${namesOf(publishable)}`);
    if (typeof request.body !== 'string') return refuse(reply, 415, `send NDJSON as ${NDJSON}`);
    return publisher.publishLines(topic, request.body);
  });

  server.get<{ Params: { topic: string }; Querystring: { tenant?: string } }>(
    '/v1/topics/:topic/records',
    async ({ params: { topic }, query: { tenant } }, reply) => {
      if (!isReadable(topic)) return refuse(reply, 404, `there is no topic ${topic}`);
      reply.type(NDJSON);
      return reply.send(Readable.from(topicLines(log, serde, topic, tenant)));
    },
  );

  server.post<{ Body: { to?: unknown } | null }>('/v1/advance', async (request, reply) => {
    const to = typeof request.body?.to === 'string' ? Date.parse(request.body.to) : request.body?.to;
    if (typeof to !== 'number' || !Number.isFinite(to))
      return refuse(reply, 400, 'give { "to": instant } as ISO-8601 or epoch ms');
    if (time === 'wall')
      return refuse(reply, 409, 'this instance follows the wall clock: only `start --time events` is moved on');
    await publisher.advance(to);
    return { advancedTo: new Date(to).toISOString() };
  });

  server.get<{ Querystring: { tenant?: string; user?: string; campaign?: string } }>(
    '/v1/explain',
    async (request, reply) => {
      const { tenant = DEFAULT_TENANT, user, campaign } = request.query;
      if (user === undefined || user === '') return refuse(reply, 400, 'give the user: /v1/explain?user=…');
      const { text, explanation } = await explain({ tenantId: tenant, userId: user, campaignId: campaign });
      if (explanation.problem !== null) return refuse(reply, 404, explanation.problem);
      return { text, explanation };
    },
  );

  server.register(publicApi, { ...api, prefix: PREFIX });
  return server;
}

/** The caller's own, so that a request can be followed from system to system. */
function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).send({ error: message });
}

function namesOf(topics: readonly Topic<unknown>[]): string {
  return topics.map((t) => t.name).join(', ');
}
