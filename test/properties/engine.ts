// The real topologies, driven as `beckon simulate` drives them, over the oracle's inputs.
import { Pipeline } from '../../runtime/pipeline.ts';
import { RECEIPT_RANK, type Source, type SourceRecord, simulate, TABLE_RANK } from '../../runtime/simulation.ts';
import type { Fate } from '../../runtime/task.ts';
import type { Trigger as EngineTrigger } from '../../schemas/campaign/trigger.ts';
import { campaignToJson, type Campaign as EngineCampaign } from '../../schemas/campaign.ts';
import type { Condition as EngineCondition } from '../../schemas/condition.ts';
import { Definitions, POLICY_ID } from '../../schemas/definitions.ts';
import { formatDuration } from '../../schemas/durations.ts';
import { ANY_HOUR, type Hours, hoursToFile } from '../../schemas/hours.ts';
import { formatAmount } from '../../schemas/money.ts';
import { defaultPolicy, parsePolicy, policyToJson } from '../../schemas/policy.ts';
import {
  candidates,
  consents,
  decisions,
  events,
  profiles,
  receipts,
  sendRequests,
  sends,
  sessions,
  signals,
  type Topic,
  verdicts,
} from '../../schemas/topics.ts';
import type {
  BudgetVerdict,
  CampaignDefinition,
  Candidate,
  Decision,
  SendCommand,
  Session,
  Signal,
} from '../../schemas/types.ts';
import { engage } from '../../topologies/engage.ts';
import type { Topology } from '../../topologies/graph.ts';
import { pace } from '../../topologies/pace.ts';
import type { Campaign, DecisionInput, Policy, ScoreModel, Trigger } from '../oracle/model.ts';

/** Every output, in the order in which it was made. */
export class Outputs {
  readonly sessions: Session[] = [];
  readonly signals: Signal[] = [];
  readonly decisions: Decision[] = [];
  readonly sends: SendCommand[] = [];
  /** What went to pace and what came back. */
  readonly budget: (Candidate | BudgetVerdict)[] = [];

  take(topic: Topic<unknown>, value: unknown): void {
    if (topic === sessions) this.sessions.push(value as Session);
    else if (topic === signals) this.signals.push(value as Signal);
    else if (topic === decisions) this.decisions.push(value as Decision);
    else if (topic === sends) this.sends.push(value as SendCommand);
    else if (topic === candidates || topic === verdicts) this.budget.push(value as Candidate | BudgetVerdict);
  }
}

export interface EngineRun extends Outputs {
  readonly pipeline: Pipeline;
  readonly counts: Readonly<Record<'processed' | 'late' | 'duplicate' | 'duplicateRequests' | 'notReached', number>>;
}

export type Build = (definitions: Definitions) => readonly Topology[];

/** The topologies that decide. */
export const real: Build = (definitions) => [engage(definitions), pace(definitions)];

/** Sessions and signals alone. */
export const observing: Build = (definitions) => [engage(definitions, { decides: false })];

/** Sessions and signals of the events, through the topology that only observes. */
export function observe(
  world: Pick<DecisionInput, 'policy' | 'lateness' | 'events'>,
  { build = observing, ...options }: RunOptions = {},
): Promise<EngineRun> {
  const nothing = { profiles: [], consents: [], sendRequests: [], campaigns: [] };
  return runEngine({ ...nothing, ...world }, { ...options, build });
}

interface RunOptions {
  readonly partitions?: number;
  readonly build?: Build;
}

/** Replays the input's files through the topologies, as `beckon simulate` does. */
export async function runEngine(
  input: DecisionInput,
  { partitions = 1, build = real }: RunOptions = {},
): Promise<EngineRun> {
  const outputs = new Outputs();
  const counts = { processed: 0, late: 0, duplicate: 0, duplicateRequests: 0, notReached: 0 };
  const pipeline = new Pipeline({
    topologies: build(definitionsOf(input)),
    partitions,
    lateness: input.lateness,
    onOutput: (topic, value) => outputs.take(topic, value),
    onFailure: (where, { message }) => {
      throw new Error(`${where}: ${message}`);
    },
  });
  const count = ({ topic }: SourceRecord, fate: Fate | 'not-reached'): void => {
    if (typeof fate === 'object') throw new Error(fate.message);
    if (fate === 'not-reached') counts.notReached++;
    else if (topic === events) counts[fate]++;
    else if (fate === 'duplicate') counts.duplicateRequests++;
  };
  await simulate({
    pipeline,
    sources: [
      source(profiles, input.profiles, TABLE_RANK),
      source(consents, input.consents, TABLE_RANK),
      source(events, input.events, 1),
      source(sendRequests, input.sendRequests, 2),
      source(receipts, input.receipts ?? [], RECEIPT_RANK),
    ],
    ...(input.until === undefined ? {} : { until: input.until }),
    onFate: count,
  });
  return Object.assign(outputs, { pipeline, counts });
}

function source<T>(topic: Topic<T>, values: readonly T[], rank: number): Source {
  const batches = [values.map((value, i) => ({ topic, value, line: i + 1 }))];
  return { rank, next: async () => batches.shift() };
}

/** The input's campaigns and policy as records of the campaigns topic, taken as every instance takes them. */
export function definitionsOf(input: Pick<DecisionInput, 'campaigns' | 'policy' | 'events'>): Definitions {
  const definitions = new Definitions();
  for (const record of definitionRecordsOf(input)) definitions.apply(record);
  return definitions;
}

export function definitionRecordsOf({
  campaigns,
  policy,
  events,
}: Pick<DecisionInput, 'campaigns' | 'policy' | 'events'>): readonly CampaignDefinition[] {
  const tenants = new Set(['default', ...campaigns.map((c) => c.tenantId), ...events.map((e) => e.tenantId)]);
  const policyOf = { campaignId: POLICY_ID, version: 1, effectiveFrom: 0, definition: policyJson(policy) };
  return [...[...tenants].map((tenantId) => ({ tenantId, ...policyOf })), ...campaigns.map(recordOf)];
}

function policyJson(policy: Policy): string {
  const parsed = parsePolicy({
    sessionGap: formatDuration(policy.gapMs),
    inactivity: policy.thresholds.map(formatDuration),
    caps: policy.caps.map(({ windowMs, ...rest }) => ({ ...rest, window: formatDuration(windowMs) })),
    costs: Object.fromEntries(Object.entries(policy.costs ?? {}).map(([id, micros]) => [id, formatAmount(micros)])),
    channels: channelsFile(policy),
    ...(policy.scores === undefined ? {} : scoresFile(policy.scores)),
    holidays: policy.holidays ?? [],
    ...(policy.quietHours === undefined ? {} : { quietHours: policy.quietHours }),
    ...(policy.holdMs === undefined ? {} : { hold: formatDuration(policy.holdMs) }),
    ...(policy.holdout === undefined ? {} : { holdout: policy.holdout }),
    ...(policy.notificationFrequency === undefined ? {} : { notificationFrequency: policy.notificationFrequency }),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return policyToJson(parsed.value);
}

function channelsFile({ channels = {}, disabledChannels = [], receiptWithin = {} }: Policy): Record<string, object> {
  const ids = new Set([...Object.keys(channels), ...disabledChannels, ...Object.keys(receiptWithin)]);
  const settings = (id: string): object => {
    const known = channels[id];
    const enabled = !disabledChannels.includes(id);
    const within = receiptWithin[id];
    const waits = within === undefined ? {} : { receiptWithin: formatDuration(within) };
    if (known === undefined) return { enabled, ...waits };
    const { prior, immediacy, bestHours, bestHoursOfNew } = known;
    const each = { existing: hoursToFile(setOf(bestHours)), new: hoursToFile(setOf(bestHoursOfNew)) };
    return { enabled, prior, immediacy, bestHours: each, ...waits };
  };
  return Object.fromEntries([...ids].map((id) => [id, settings(id)]));
}

/** The oracle's tables are whole: what they leave out suits as anything else does. */
function scoresFile({ weights, customerTypes, devices }: ScoreModel): object {
  const known = ['sms', 'email', 'whatsapp', 'push'].map((id) => [id, 0.5] as const);
  const whole = (table: ScoreModel['devices'], kinds: readonly string[]): object =>
    Object.fromEntries(
      [...new Set([...kinds, ...Object.keys(table)])].map((kind) => [
        kind,
        { ...Object.fromEntries(known), ...(Object.hasOwn(table, kind) ? table[kind] : {}) },
      ]),
    );
  const { customerTypes: types, devices: classes } = defaultPolicy;
  return {
    weights,
    scores: {
      customerTypes: whole(customerTypes, Object.keys(types)),
      devices: whole(devices, Object.keys(classes)),
    },
  };
}

function setOf(hours: readonly number[] | null): Hours {
  return hours === null ? ANY_HOUR : hours.reduce((set, hour) => set | (1 << hour), 0);
}

function recordOf(campaign: Campaign): CampaignDefinition {
  const { tenantId, id, version, effectiveFrom } = campaign;
  return { tenantId, campaignId: id, version, effectiveFrom, definition: campaignToJson(engineCampaign(campaign)) };
}

function engineCampaign(c: Campaign): EngineCampaign {
  return {
    ...{ id: c.id, name: c.id, class: c.class, purpose: c.purpose ?? c.class, priority: c.priority },
    ...{ status: c.status, timezone: c.timezone, channels: c.channels, content: { text: 'hello' } },
    ...{ trigger: engineTrigger(c.trigger), audience: (c.audience as EngineCondition | undefined) ?? null },
    dedupe: { windowMs: c.dedupe.windowMs, key: c.dedupe.key ?? null },
    schedule: {
      ...{ quietHours: c.quietHours ?? null, holidays: c.ignoresHolidays ? 'ignore' : 'keep' },
      ...{ sendTime: c.sendTime ?? 'asap', bestHours: c.bestHours === undefined ? null : setOf(c.bestHours) },
      expiresAfterMs: c.expiresAfterMs,
    },
    ...{ urgency: c.urgency ?? (c.class === 'transactional' ? 'high' : 'normal'), priors: c.priors ?? {} },
    budget:
      c.budget === undefined
        ? null
        : {
            ...{ currency: 'USD', totalMicros: c.budget.total ?? null, dailyMicros: c.budget.daily ?? null },
            ...{ perChannelMicros: c.budget.perChannel ?? {}, pacing: c.budget.pacing },
            curve: c.budget.curve ?? [],
            ...{ fromAt: c.budget.from ?? null, toAt: c.budget.to ?? null },
          },
    holdout: c.holdout ?? 0,
    conversion: null,
  };
}

function engineTrigger(trigger: Trigger): EngineTrigger {
  const where = (trigger.where as EngineCondition | undefined) ?? null;
  if ('event' in trigger) return { kind: 'event', event: trigger.event, where };
  if ('session' in trigger) return { kind: 'session', session: 'closed', where };
  if ('api' in trigger) return { kind: 'api' };
  return { kind: 'signal', signal: trigger.signal, afterMs: trigger.afterMs ?? null, where };
}
