// What orchestrators and Prometheus ask an instance.
import type { FastifyInstance } from 'fastify';
import type { Metrics, Scrape, Watched } from '../runtime/metrics.ts';
import type { Readiness } from '../runtime/readiness.ts';

export interface HealthOptions {
  /** What the instance waits for before it may be sent work, in words; empty when it is ready. */
  readonly waitingFor: () => readonly string[];
  readonly scrape: () => Promise<Scrape>;
}

/**
 * `/healthz`: the process lives and its event loop turns, or there is no answer: give the probe a timeout. `/readyz`: 503
 * says what is missing. `/metrics`: in Prometheus's text format.
 */
export function healthRoutes(server: FastifyInstance, { waitingFor, scrape }: HealthOptions): void {
  server.get('/healthz', async () => ({ status: 'ok' }));

  server.get('/readyz', async (_, reply) => {
    const missing = waitingFor();
    if (missing.length === 0) return { status: 'ok' };
    return reply.code(503).send({ status: 'not ready', waitingFor: missing });
  });

  server.get('/metrics', async (_, reply) => {
    const { contentType, text } = await scrape();
    return reply.type(contentType).send(text);
  });
}

/** The health of an instance that runs a worker. */
export function healthOf(metrics: Metrics, readiness: Readiness, worker: Pick<Watched, 'status'>): HealthOptions {
  return {
    waitingFor: () => {
      const { tasks, sinks } = worker.status();
      return readiness.waitingFor([...tasks, ...sinks]);
    },
    scrape: () => metrics.scrape(),
  };
}

/**
 * Why an instance takes no requests from outside, in words; undefined when it does: before it was ready for the first time, and
 * once it stops. A task that moves to it later does not keep it from taking any, as they are decided wherever the task runs.
 */
export function unreadyOf(readiness: Readiness, health: HealthOptions): () => string | undefined {
  let wasReady = false;
  return () => {
    if (readiness.isStopping) return 'the instance is stopping';
    if (wasReady) return undefined;
    const [missing] = health.waitingFor();
    wasReady = missing === undefined;
    return missing;
  };
}
