// GET /v1/dead-letters and POST /v1/dead-letters/replay, for a log that this process alone can open.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Log } from '../runtime/log.ts';
import type { Serde } from '../runtime/serde.ts';
import { listDeadLetters, replayDeadLetters } from './dead-letters.ts';

export interface DeadLetterRoutesOptions {
  readonly log: Log;
  readonly serde: Serde;
}

const place = z.object({ partition: z.int().min(0), offset: z.int().min(0) });
const filter = { topic: z.string().optional(), code: z.string().optional(), tenant: z.string().optional() };
const listQuery = z.object({
  ...filter,
  since: z.coerce.number().optional(),
  limit: z.coerce.number().int().min(1).default(50),
  values: z.enum(['true', 'false']).default('false'),
});
const replayBody = z.object({ ...filter, place: place.optional(), dryRun: z.boolean().default(false) });

export function deadLetterRoutes(server: FastifyInstance, { log, serde }: DeadLetterRoutesOptions): void {
  server.get('/v1/dead-letters', async ({ query }, reply) => {
    const asked = listQuery.safeParse(query);
    if (!asked.success) return reply.code(400).send({ error: z.prettifyError(asked.error).replaceAll('\n', ' ') });
    const { limit, values, ...wanted } = asked.data;
    return listDeadLetters(log, wanted, limit, values === 'true' ? serde : undefined);
  });

  server.post('/v1/dead-letters/replay', async ({ body }, reply) => {
    const asked = replayBody.safeParse(body ?? {});
    if (!asked.success) return reply.code(400).send({ error: z.prettifyError(asked.error).replaceAll('\n', ' ') });
    const { dryRun, ...wanted } = asked.data;
    return replayDeadLetters(log, wanted, { dryRun });
  });
}
