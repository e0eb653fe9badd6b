// The OpenAPI document without an instance.
import fastify from 'fastify';
import type { ApiContext } from './http/context.ts';
import { PREFIX, publicApi } from './http/public-api.ts';
import { publicRoutes } from './public-routes.ts';

/** As an instance of this version serves it, as text. */
export async function openApiDocument(version: string): Promise<string> {
  const server = fastify();
  await server.register(publicApi, {
    prefix: PREFIX,
    // Routes are described, never asked.
    context: {} as ApiContext,
    routes: publicRoutes,
    settings: { keys: [], rateLimit: 0 },
    logger: { error: () => {}, warn: () => {}, debug: () => {} },
    observer: { answered: () => {} },
    version,
    unready: () => undefined,
  });
  const { body } = await server.inject(`${PREFIX}/openapi.json`);
  await server.close();
  return `${JSON.stringify(JSON.parse(body), null, 2)}\n`;
}
