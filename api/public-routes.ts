// Every route of the public API, and what they work with.
import { systemClock } from '../runtime/clock.ts';
import type { DecisionWatcher } from './decision-watcher.ts';
import { GroupAppender } from './group-appender.ts';
import type { ApiContext, Routes } from './http/context.ts';
import type { PublicApiOptions } from './http/public-api.ts';
import { batchRoutes } from './routes/batch-routes.ts';
import { campaignRoutes } from './routes/campaign-routes.ts';
import { receiptRoutes } from './routes/receipt-routes.ts';
import { sendRoutes } from './routes/send-routes.ts';
import { userRoutes } from './routes/user-routes.ts';
import { SendDesk } from './send-desk.ts';

/** In the order of the document. */
export const publicRoutes: readonly Routes[] = [sendRoutes, batchRoutes, campaignRoutes, userRoutes, receiptRoutes];

export interface ApiOptions
  extends Omit<PublicApiOptions, 'context' | 'routes'>,
    Pick<ApiContext, 'log' | 'serde' | 'definitions' | 'time' | 'worker' | 'outcomes'> {
  readonly watcher: DecisionWatcher;
}

export function apiOf({
  log,
  serde,
  definitions,
  time,
  watcher,
  worker,
  outcomes,
  ...options
}: ApiOptions): PublicApiOptions {
  const appender = new GroupAppender(log);
  const desk = new SendDesk({ log, serde, watcher, appender });
  const now = (): number => systemClock.now();
  return {
    ...options,
    routes: publicRoutes,
    context: { log, serde, definitions, time, desk, watcher, appender, worker, outcomes, now },
  };
}
