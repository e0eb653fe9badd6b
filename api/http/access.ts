// Who asks, and what they may ask for.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ApiKey, keyFor, mayDo, type Role } from '../../runtime/api-keys.ts';
import { Problem } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The key of the request; null: it has none, or none that is known. */
    apiKey: ApiKey | null;
  }
  interface FastifyContextConfig {
    /** What a key must be allowed to do; absent: no key is needed. */
    role?: Role;
  }
}

const CHALLENGE = { 'www-authenticate': 'Bearer realm="beckon"' };

/**
 * Finds out whose key a request carries (`authorization: Bearer …`, or `x-api-key`), and before its body is read refuses it
 * where the route needs a role that the key doesn't have. Without keys whoever reaches the instance may ask for everything.
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
      throw new Problem('forbidden', `the key "${request.apiKey.name}" does not have the role ${role}`);
    return payload;
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
