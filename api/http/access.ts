// Who asks, and what they may ask for.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ApiKey, keyFor, mayDo, type Role, strangeTenant } from '../../runtime/api-keys.ts';
import { Problem } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The key of the request; null: it has none, or none that is known. */
    apiKey: ApiKey | null;
  }
  interface FastifyContextConfig {
    /** What a key must be allowed to do; absent: no key is needed. */
    role?: Role;
    /** Ids of the tenants that a valid request is about. Every route that a key of some tenants can reach has it. */
    tenantsOf?: (request: FastifyRequest) => readonly string[];
  }
}

const CHALLENGE = { 'www-authenticate': 'Bearer realm="beckon"' };

/** Of a route that names its tenant as `tenantId` in the body. */
export const tenantOfBody = ({ body }: FastifyRequest): readonly string[] => [(body as { tenantId: string }).tenantId];

/** Of a route that names its tenant as `tenant` in the query. */
export const tenantOfQuery = ({ query }: FastifyRequest): readonly string[] => [(query as { tenant: string }).tenant];

/**
 * Finds out whose key a request carries (`authorization: Bearer …`, or `x-api-key`), and before its body is read refuses it
 * where the route needs a role that the key doesn't have; once it is read, where it is about a tenant that the key is not for.
 * Without keys whoever reaches the instance may ask for everything.
 */
export function guardAccess(server: FastifyInstance, keys: readonly ApiKey[]): void {
  server.decorateRequest('apiKey', null);
  server.addHook('onRequest', async (request) => {
    const secret = secretOf(request);
    if (secret !== undefined) request.apiKey = keyFor(keys, secret) ?? null;
  });
  if (keys.length === 0) return;
  // After what limits rates, which knows the key by then.
  server.addHook('preParsing', async (request: FastifyRequest, _: FastifyReply, payload) => {
    const { role } = request.routeOptions.config;
    if (role === undefined) return payload;
    if (request.apiKey === null) {
      const what = secretOf(request) === undefined ? 'send your key' : 'the key is not known: send a valid one';
      throw new Problem('unauthorized', `${what} as "authorization: Bearer <key>"`, CHALLENGE);
    }
    if (!mayDo(request.apiKey, role))
      throw new Problem(
        'forbidden',
        `the key "${request.apiKey.name}" does not have the role ${role}: send one that has`,
      );
    return payload;
  });
  server.addHook('onRoute', ({ url, config: { role, tenantsOf } = {} }) => {
    // A key of some tenants has no role admin.
    if (role !== undefined && role !== 'admin' && tenantsOf === undefined)
      throw new Error(`the route ${url} does not tell which tenants it is about`);
  });
  server.addHook('preHandler', async (request) => {
    const { apiKey: key } = request;
    if (key === null) return;
    const other = strangeTenant(key, request.routeOptions.config.tenantsOf?.(request) ?? []);
    if (other === undefined) return;
    const own = key.tenants?.join(', ');
    throw new Problem(
      'forbidden',
      `the key "${key.name}" is for tenant ${own} alone, and the request is about tenant ${other}: name the key's as tenantId in a body or tenant in a query, or send another key`,
    );
  });
}

function secretOf({ headers }: FastifyRequest): string | undefined {
  const bearer = /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const given = headers['x-api-key'];
  return typeof given === 'string' && given !== '' ? given : undefined;
}

/** Whether an address can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
