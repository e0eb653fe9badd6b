// Turns events, closed sessions, signals and moments of schedules into requests of the campaigns whose trigger and audience they match.
import type { Campaign } from '../schemas/campaign.ts';
import { metrics, profile, windows } from '../schemas/cells.ts';
import { type Condition, compileCondition, explainCondition, type Lookup } from '../schemas/condition.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { formatDuration } from '../schemas/durations.ts';
import { compareBytes } from '../schemas/order.ts';
import { scheduledRequestId, triggeredRequestId } from '../schemas/request-ids.ts';
import { acceptedEvents, occurrences, type Request, requests, segmentChanges, unmatched } from '../schemas/streams.ts';
import { keyInId, keyOf, sessions, signals } from '../schemas/topics.ts';
import type { Session } from '../schemas/types.ts';
import { type UserFacts, userFact, whyNotIn } from '../schemas/user-facts.ts';
import { type Context, on, type Processor } from './processor.ts';

type TriggerKind = Campaign['trigger']['kind'];

/** What happened: it may trigger every campaign whose trigger is indexed under its kind and name. */
interface Cause {
  readonly trigger: TriggerKind;
  /** Type of the event, kind of the signal. */
  readonly name: string;
  readonly id: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly properties: Request['data'];
  readonly facts: Request['data'];
  /** The campaigns that it may trigger, where they need not be looked up. */
  readonly campaignIds?: readonly string[];
  /** Epoch ms, where it is not the context's time. */
  readonly at?: number;
  readonly byRecord?: boolean;
}

interface Conditions {
  readonly where: (lookup: Lookup) => boolean;
  readonly audience: (lookup: Lookup) => boolean;
}

export interface MatchOptions {
  /** Also emit why a campaign whose trigger fired made no request. */
  readonly explain?: boolean;
}

export function matchCampaigns(definitions: Definitions, { explain = false }: MatchOptions = {}): Processor {
  const index = triggerIndex(definitions);
  const conditions = new WeakMap<Campaign, Conditions>();

  const match = (cause: Cause, context: Context): void => {
    const ids = cause.campaignIds ?? index(cause.tenantId, cause.trigger, cause.name);
    if (ids === undefined) return;
    const time = cause.at ?? context.time;
    // Most signals are of another threshold: nothing is made before a campaign is triggered.
    let lookup: Lookup | undefined;
    let matched: Campaign[] | undefined;
    for (const id of ids) {
      const campaign = definitions.campaign(cause.tenantId, id, time)?.definition;
      if (campaign === undefined || campaign.status !== 'active' || !triggers(campaign, cause)) continue;
      const { where, audience } = compiled(campaign, conditions);
      lookup ??= lookupOf(cause, context, time, definitions);
      if (where(lookup) && audience(lookup)) {
        if (matched === undefined) matched = [campaign];
        else matched.push(campaign);
      } else if (explain) explainMismatch(campaign, cause, lookup, context, time, definitions);
    }
    if (matched === undefined) return;
    if (matched.length > 1) matched.sort((a, b) => b.priority - a.priority || compareBytes(a.id, b.id));
    for (const { id } of matched) context.emit(requests, requestOf(id, cause, time));
  };

  return {
    name: 'match-campaigns',
    emits: explain ? [requests, unmatched] : [requests],
    reads: [profile, metrics, windows],
    on: [
      on(acceptedEvents, (event, context) => {
        const { type: name } = event;
        if (context.late || index(event.tenantId, 'event', name) === undefined) return;
        const { tenantId, userId, properties } = event;
        const id = `event:${keyInId(context.key)}:${event.eventId}@${event.occurredAt}`;
        match({ trigger: 'event', name, id, tenantId, userId, properties, facts: NOTHING }, context);
      }),
      on(sessions, (session, context) => {
        const { tenantId, userId, sessionId } = session;
        if (index(tenantId, 'session', CLOSED) === undefined) return;
        const facts = sessionFacts(session);
        match(
          { trigger: 'session', name: CLOSED, id: sessionId, tenantId, userId, properties: NOTHING, facts },
          context,
        );
      }),
      on(signals, (signal, context) => {
        const { tenantId, userId, signalId, kind: name, facts } = signal;
        match({ trigger: 'signal', name, id: signalId, tenantId, userId, properties: NOTHING, facts }, context);
      }),
      on(segmentChanges, ({ signal, byRecord }, context) => {
        const { tenantId, userId, signalId: id, kind, firedAt: at, facts } = signal;
        const cause = { trigger: 'segment', name: `${kind}:${facts.segment}`, id, tenantId, userId } as const;
        match({ ...cause, properties: NOTHING, facts, at, byRecord }, context);
      }),
      on(occurrences, ({ tenantId, userId, at, campaignIds }, context) => {
        const id = `schedule:${context.key}@${at}`;
        const cause = {
          trigger: 'schedule',
          name: '',
          id,
          tenantId,
          userId,
          properties: NOTHING,
          facts: NOTHING,
        } as const;
        match({ ...cause, campaignIds }, context);
      }),
    ],
  };
}

const CLOSED = 'closed';
const NOTHING: Request['data'] = {};

type TriggerIndex = (tenantId: string, kind: TriggerKind, name: string) => readonly string[] | undefined;

/** Ids of the campaigns, in any version, that a trigger may concern; made again when the definitions change. */
function triggerIndex(definitions: Definitions): TriggerIndex {
  let revision = -1;
  // Asked for every event, so by kind and name apart: putting a key together would cost more than finding it.
  let byTenant = new Map<string, Readonly<Record<TriggerKind, Map<string, string[]>>>>();
  return (tenantId, kind, name) => {
    if (definitions.revision !== revision) {
      revision = definitions.revision;
      byTenant = new Map();
    }
    let index = byTenant.get(tenantId);
    if (index === undefined) {
      index = {
        event: new Map(),
        session: new Map(),
        signal: new Map(),
        segment: new Map(),
        schedule: new Map(),
        api: new Map(),
      };
      for (const id of definitions.campaignIds(tenantId)) {
        for (const { definition } of definitions.versions(tenantId, id)) {
          const ids = index[definition.trigger.kind];
          const named = triggerName(definition);
          const known = ids.get(named) ?? [];
          if (!known.includes(id)) ids.set(named, [...known, id]);
        }
      }
      byTenant.set(tenantId, index);
    }
    return index[kind].get(name);
  };
}

function triggerName({ trigger }: Campaign): string {
  switch (trigger.kind) {
    case 'event':
      return trigger.event;
    case 'session':
      return CLOSED;
    case 'signal':
      return trigger.signal;
    case 'segment':
      return `segment-${trigger.on}:${trigger.segment}`;
    case 'schedule':
    case 'api':
      return '';
  }
}

/** Whether the version in force is triggered: another version may have been indexed, and a signal has its threshold. */
function triggers(campaign: Campaign, { trigger, name, facts }: Cause): boolean {
  if (campaign.trigger.kind !== trigger || triggerName(campaign) !== name) return false;
  if (campaign.trigger.kind !== 'signal' || campaign.trigger.afterMs === null) return true;
  const { signal, afterMs } = campaign.trigger;
  return signal === 'inactive' ? facts.threshold === formatDuration(afterMs) : (facts.silentMs as number) >= afterMs;
}

function compiled(campaign: Campaign, known: WeakMap<Campaign, Conditions>): Conditions {
  let conditions = known.get(campaign);
  if (conditions === undefined) {
    const always = (): boolean => true;
    const where = whereOf(campaign);
    conditions = {
      where: where === null ? always : compileCondition(where),
      audience: campaign.audience === null ? always : compileCondition(campaign.audience),
    };
    known.set(campaign, conditions);
  }
  return conditions;
}

function whereOf({ trigger }: Campaign): Condition | null {
  return 'where' in trigger ? trigger.where : null;
}

function lookupOf({ tenantId, properties, facts }: Cause, context: Context, time: number, policies: Policies): Lookup {
  return (subject, name) => {
    switch (subject) {
      case 'property':
        return Object.hasOwn(properties, name) ? properties[name] : null;
      case 'fact':
        return Object.hasOwn(facts, name) ? facts[name] : null;
      default:
        return userFact(subject, name, factsOf(tenantId, context, time, policies), time);
    }
  };
}

type Policies = Pick<Definitions, 'policy'>;

function factsOf(tenantId: string, context: Context, time: number, policies: Policies): UserFacts {
  return {
    profile: context.get(profile),
    metrics: context.get(metrics),
    windows: context.get(windows),
    segments: policies.policy(tenantId, time).segments,
  };
}

/** A session's fields as facts; the count of a type is `eventTypes.<type>`. */
function sessionFacts({ startedAt, endedAt, durationMs, eventCount, eventTypes }: Session): Request['data'] {
  const facts: Record<string, number> = { startedAt, endedAt, durationMs, eventCount };
  for (const type in eventTypes) facts[factOf(type)] = eventTypes[type] as number;
  return facts;
}

/** Names of facts by type: a name that is put together has to be looked up among all names before it can be a property's. */
const factNames = new Map<string, string>();
const FACT_NAMES_KEPT = 1000;

function factOf(type: string): string {
  let name = factNames.get(type);
  if (name === undefined) {
    name = `eventTypes.${type}`;
    if (factNames.size < FACT_NAMES_KEPT) factNames.set(type, name);
  }
  return name;
}

function requestOf(
  campaignId: string,
  { trigger, id, tenantId, userId, properties, facts, byRecord = false }: Cause,
  time: number,
): Request {
  const isScheduled = trigger === 'schedule';
  return {
    requestId: isScheduled
      ? scheduledRequestId(campaignId, keyOf(tenantId, userId), time)
      : triggeredRequestId(campaignId, id),
    tenantId,
    userId,
    campaignId,
    source: isScheduled ? 'program' : 'trigger',
    cause: id,
    requestedAt: time,
    // One of them is empty, and nobody changes either.
    data: facts === NOTHING ? properties : facts,
    notBefore: null,
    byRecord,
  };
}

function explainMismatch(
  campaign: Campaign,
  cause: Cause,
  lookup: Lookup,
  context: Context,
  time: number,
  policies: Policies,
): void {
  const where = whereOf(campaign);
  const why = (segment: string): string | undefined =>
    whyNotIn(segment, factsOf(cause.tenantId, context, time, policies), time);
  const whereFails = where === null ? undefined : explainCondition(where, lookup, why);
  const audienceFails = campaign.audience === null ? undefined : explainCondition(campaign.audience, lookup, why);
  context.emit(unmatched, {
    tenantId: cause.tenantId,
    userId: cause.userId,
    campaignId: campaign.id,
    cause: cause.id,
    at: time,
    part: whereFails === undefined ? 'audience' : 'where',
    why: whereFails ?? audienceFails ?? '',
  });
}
