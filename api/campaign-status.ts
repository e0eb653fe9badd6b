// The status of a campaign, asked of a running instance: what its task of pace keeps, and what ClickHouse has counted.
import type { Log } from '../runtime/log.ts';
import type { Worker } from '../runtime/worker.ts';
import { budgetDay, budgetLedger } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { channelOf } from '../schemas/policy.ts';
import type { CampaignResults } from '../sinks/clickhouse/campaign-results.ts';
import { KeyedState } from '../state/keyed-state.ts';
import { statusOf } from './campaign-status/compute.ts';
import type { CampaignStatus } from './campaign-status/model.ts';
import { topologies } from './catalogue.ts';
import { placeOf } from './state-routes.ts';

export interface StatusSources {
  readonly log: Log;
  readonly worker: Pick<Worker, 'status' | 'storeOf'>;
  readonly definitions: Definitions;
  /** Epoch ms by which the status is told. */
  now(): number;
  /** What came of a campaign's messages; null where nobody counts it, or who does can't be asked. */
  outcomes(tenantId: string, campaignId: string): Promise<CampaignResults | null>;
}

/**
 * unknown: nobody knows the campaign. starting: the task that keeps its budget is not restored yet. elsewhere: that task runs
 * on another instance.
 */
export type StatusAnswer =
  | { readonly kind: 'status'; readonly status: CampaignStatus }
  | { readonly kind: 'unknown' | 'starting' | 'elsewhere'; readonly message: string };

/** The HTTP status of an answer. */
export const STATUS_CODES = { status: 200, unknown: 404, starting: 503, elsewhere: 421 } as const;

const PACE = 'pace';

/** Throws `StateUnreadable` when the state is damaged. */
export async function campaignStatusOf(
  { tenantId, campaignId }: { readonly tenantId: string; readonly campaignId: string },
  { log, worker, definitions, now: clock, outcomes }: StatusSources,
): Promise<StatusAnswer> {
  const now = clock();
  // One that is not in force yet is told as it will be.
  const known = definitions.campaign(tenantId, campaignId, now) ?? definitions.versions(tenantId, campaignId).at(-1);
  if (known === undefined)
    return { kind: 'unknown', message: `tenant ${tenantId} has no campaign ${campaignId}; check the id` };
  const { definition: campaign, version } = known;
  const pace = topologies.find(({ name }) => name === PACE);
  if (pace === undefined) throw new Error(`there is no topology ${PACE}`);
  const { key, partition } = placeOf(log, pace, tenantId, campaignId);
  const store = worker.storeOf(PACE, partition);
  if (store === undefined && campaign.budget !== null) return absent(`${PACE}.${partition}`, campaignId, worker);
  const state = store === undefined ? undefined : new KeyedState({ store, cells: [budgetLedger, budgetDay] });
  const policy = definitions.policy(tenantId, now);
  const status = statusOf({
    ...{ tenantId, campaign, version, now },
    dearestMicros: Math.max(...campaign.channels.map((channel) => channelOf(policy, channel).costMicros)),
    ledger: state?.get(state.row(key), budgetLedger),
    dayOf: (day) => state?.get(state.row(`${key}\0${day}`), budgetDay),
    outcomes: await outcomes(tenantId, campaignId),
  });
  return { kind: 'status', status };
}

function absent(task: string, campaignId: string, worker: StatusSources['worker']): StatusAnswer {
  if (worker.status().tasks.some((running) => running.task === task)) {
    return {
      kind: 'starting',
      message: `task ${task}, which keeps the budget of ${campaignId}, is not restored yet; ask again`,
    };
  }
  const message = `the budget of ${campaignId} is kept by task ${task}, which runs on another instance: ask the one whose /v1/status lists task ${task}`;
  return { kind: 'elsewhere', message };
}
