// What the routes of the public API work with.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Log } from '../../runtime/log.ts';
import type { Serde } from '../../runtime/serde.ts';
import type { Worker } from '../../runtime/worker.ts';
import type { Definitions } from '../../schemas/definitions.ts';
import type { StatusSources } from '../campaign-status.ts';
import type { DecisionWatcher } from '../decision-watcher.ts';
import type { GroupAppender } from '../group-appender.ts';
import type { SendDesk } from '../send-desk.ts';

export interface ApiContext {
  readonly log: Log;
  readonly serde: Serde;
  /** Campaigns and policies in force, kept up to date. */
  readonly definitions: Definitions;
  readonly desk: SendDesk;
  readonly watcher: DecisionWatcher;
  readonly appender: GroupAppender;
  readonly worker: Pick<Worker, 'status' | 'storeOf'>;
  /** What came of a campaign's messages; null where nobody counts it. */
  readonly outcomes: StatusSources['outcomes'];
  /** What moves time on. */
  readonly time: 'wall' | 'events';
  /** Epoch ms: the wall clock. */
  readonly now: () => number;
}

export type ApiServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export type Routes = (server: ApiServer, context: ApiContext) => void;
