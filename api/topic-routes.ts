// GET /v1/topics: what there is on the instance's log, and how far the tasks that run here have come.
import type { FastifyInstance } from 'fastify';
import type { Log } from '../runtime/log.ts';
import type { Worker } from '../runtime/worker.ts';
import { topicNamed } from '../schemas/topics.ts';
import { groups, topics } from './catalogue.ts';
import { describeLog, type PositionOf, type TopicOverview } from './topic-overview.ts';

export interface TopicRoutesOptions {
  readonly log: Log;
  readonly worker: Pick<Worker, 'status'>;
}

export function topicRoutes(server: FastifyInstance, { log, worker }: TopicRoutesOptions): void {
  server.get('/v1/topics', async (): Promise<{ readonly topics: readonly TopicOverview[] }> => {
    return { topics: await describeLog(log, topics, groups, positionsOf(worker)) };
  });
}

function positionsOf(worker: Pick<Worker, 'status'>): PositionOf {
  const { tasks, sinks } = worker.status();
  const positions = new Map([...tasks, ...sinks].map(({ task, positions: of }) => [task, of]));
  return (group, topic, partition) => positions.get(`${group}.${partition}`)?.[topicNamed(topic)?.name ?? topic];
}
