// GET /v1/state: what is kept of a user or a campaign, by the task that runs here.
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Log } from '../runtime/log.ts';
import { partitionOf } from '../runtime/partition.ts';
import type { Worker } from '../runtime/worker.ts';
import { DEFAULT_TENANT } from '../schemas/definitions.ts';
import { keyOf } from '../schemas/topics.ts';
import type { Topology } from '../topologies/graph.ts';
import { topologies } from './catalogue.ts';
import { readState } from './state.ts';

export interface StateRoutesOptions {
  readonly log: Log;
  readonly worker: Pick<Worker, 'status' | 'storeOf'>;
}

interface StateQuery {
  readonly tenant?: string;
  readonly id?: string;
  readonly topology?: string;
  readonly personal?: string;
}

export function stateRoutes(server: FastifyInstance, { log, worker }: StateRoutesOptions): void {
  server.get<{ Querystring: StateQuery }>('/v1/state', async ({ query }, reply) => {
    const { tenant = DEFAULT_TENANT, id, topology: name = 'engage', personal } = query;
    const topology = topologies.find((t) => t.name === name);
    if (topology === undefined) return refuse(reply, 400, `there is no topology ${name}; choose from ${NAMES}`);
    if (id === undefined || id === '') return refuse(reply, 400, 'give the id of a user or a campaign: /v1/state?id=…');
    const { key, partition } = placeOf(log, topology, tenant, id);
    const task = `${name}.${partition}`;
    const store = worker.storeOf(name, partition);
    if (store === undefined) {
      const starting = worker.status().tasks.some((running) => running.task === task);
      if (starting) return refuse(reply, 503, `task ${task}, which keeps ${key}, is not restored yet; ask again`);
      const mend = `ask the one whose /v1/status lists task ${task}`;
      return refuse(reply, 421, `${key} is kept by task ${task}, which runs on another instance: ${mend}`);
    }
    const state = await readState({ store, topology, partition, key, personal: personal === 'true' });
    return state ?? refuse(reply, 404, `nothing is kept for ${key} in ${name}`);
  });
}

export const NAMES = topologies.map(({ name }) => name).join(', ');

/** The key, and the task's partition that keeps it. */
export function placeOf(
  log: Log,
  { inputs: [first] }: Topology,
  tenantId: string,
  id: string,
): { readonly key: string; readonly partition: number } {
  const key = keyOf(tenantId, id);
  return { key, partition: first === undefined ? 0 : partitionOf(key, log.partitions(first.topic.topic)) };
}

function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).send({ error: message });
}
