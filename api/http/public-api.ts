// The public API under /api/v1: access, limits, errors and the document, around its routes.
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { ApiSettings } from '../../runtime/config.ts';
import { loggable } from '../../runtime/errors.ts';
import type { HttpObserver } from '../../runtime/observer.ts';
import type { ApiContext, ApiServer, Routes } from './context.ts';
import { describeApi } from './openapi.ts';
import { answerError, Problem, sendProblem } from './problem.ts';

export const PREFIX = '/api/v1';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route works only where the instance takes work. */
    needsReady?: boolean;
  }
}

export interface PublicApiOptions {
  readonly context: ApiContext;
  readonly routes: readonly Routes[];
  readonly settings: ApiSettings;
  readonly logger: Pick<Logger, 'error' | 'warn' | 'debug'>;
  readonly observer: HttpObserver;
  /** Beckon's. */
  readonly version: string;
  /** Why the instance takes no work, in words; undefined when it does. */
  readonly unready: () => string | undefined;
}

export async function publicApi(plain: FastifyInstance, options: PublicApiOptions): Promise<void> {
  const { context, routes, settings, logger, observer, version, unready } = options;
  const server: ApiServer = plain.withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler);
  const unforeseen = (error: unknown, request: FastifyRequest): void =>
    logger.error(
      { request: request.id, route: routeOf(request), error: loggable(error) },
      'a request failed for no reason that is known',
    );
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, server.getDefaultJsonParser('error', 'error'));
  server.setErrorHandler((error, request, reply) => answerError(error, request, reply, unforeseen));
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 'not-found', `there is no ${request.method} on this path: see ${PREFIX}/openapi.json`),
  );
  if (settings.rateLimit > 0) {
    await server.register(rateLimit, {
      max: settings.rateLimit,
      timeWindow: 1000,
      keyGenerator: ({ apiKey, ip }) => (apiKey === null ? `address ${ip}` : `key ${apiKey.name}`),
      errorResponseBuilder: (_, { max }) =>
        new Problem('too-many-requests', `at most ${max} requests a second: ask again after retry-after`) as Error,
    });
  }
  server.addHook('preParsing', async (request, reply, payload) => {
    const why = request.routeOptions.config.needsReady === true ? unready() : undefined;
    if (why === undefined) return payload;
    reply.header('retry-after', '1');
    throw new Problem('not-ready', `${why}: ask again, or ask another instance`);
  });
  server.addHook('onResponse', async (request, reply) => {
    const route = routeOf(request);
    const { method } = request;
    const { statusCode: status, elapsedTime: ms } = reply;
    observer.answered({ method, route, status, ms });
    const line = { request: request.id, method, route, status, ms: Math.round(ms), key: request.apiKey?.name };
    if (status >= 500) logger.warn(line, 'answered');
    else logger.debug(line, 'answered');
  });
  await describeApi(server, version);
  const taken = methodsByPath(server);
  for (const add of routes) add(server, context);
  server.route({
    method: 'GET',
    url: '/openapi.json',
    schema: { hide: true },
    handler: async (_, reply) => reply.type('application/json').send(JSON.stringify(server.swagger())),
  });
  refuseOtherMethods(server, taken);
}

/** The methods of every route that is registered from now on. */
function methodsByPath(server: ApiServer): ReadonlyMap<string, Set<string>> {
  const taken = new Map<string, Set<string>>();
  server.addHook('onRoute', ({ method, routePath }) => {
    const methods = taken.get(routePath) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    taken.set(routePath, methods);
  });
  return taken;
}

/** A path that exists says which methods it takes, where it is asked with another. */
function refuseOtherMethods(server: ApiServer, taken: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [path, methods] of [...taken]) {
    const allow = [...methods].join(', ');
    const others = server.supportedMethods.filter((method) => !methods.has(method));
    server.route({
      method: others as HTTPMethods[],
      url: path,
      schema: { hide: true },
      // Before the body is looked at: whatever it is, the method is wrong.
      onRequest: async () => {
        throw new Problem('method-not-allowed', `the path takes ${allow}`, { allow });
      },
      handler: () => {},
    });
  }
}

function routeOf({ routeOptions, is404 }: FastifyRequest): string {
  return is404 ? 'none' : (routeOptions.url ?? 'none');
}
