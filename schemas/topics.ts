// Every topic as a typed handle: its name, key, value, time, partitioning and retention.
import { type AvroCodec, loadCodec } from './avro.ts';
import type { AvroSchema } from './avro-schema.ts';
import type {
  BudgetVerdict,
  CampaignDefinition,
  Candidate,
  ConsentChange,
  Decision,
  Outcome,
  Receipt,
  SendCommand,
  SendRequest,
  Session,
  Signal,
  UserEvent,
  UserProfile,
} from './types.ts';

/** What processors consume and emit: a topic, or a stream within a topology that needs none. */
export interface Stream<T> {
  readonly name: string;
  /** Carries the value's type; never present at run time. */
  readonly value?: T;
}

export type Cleanup = 'delete' | 'compact' | 'retain';

export interface Topic<T> extends Stream<T> {
  /** The name on the log, prefixed. */
  readonly topic: string;
  readonly codec: AvroCodec<T>;
  readonly schema: AvroSchema;
  /** Which id co-partitions it. */
  readonly keyed: 'user' | 'campaign';
  tenantOf(value: T): string;
  /** The user's or the campaign's id. */
  idOf(value: T): string;
  /** `tenantOf` and `idOf`, joined. */
  keyOf(value: T): string;
  /** Epoch ms: the record's own time. */
  timeOf(value: T): number;
  readonly cleanup: Cleanup;
  /** Producers write it too, though a topology does as well: its times are looked at as those of any input. */
  readonly fromOutside?: true;
  /** Whether the record counts as soon as it is known, whatever its time. */
  countsAtOnce?(value: T): boolean;
}

const PREFIX = 'engagement.';

function topic<T extends { readonly tenantId: string }>(
  name: string,
  keyed: 'user' | 'campaign',
  cleanup: Cleanup,
  idOf: (value: T) => string,
  timeOf: (value: T) => number,
): Topic<T> {
  const { schema, ...codec } = loadCodec<T>(`avsc/${name}`);
  return {
    name,
    topic: PREFIX + name,
    codec,
    schema,
    keyed,
    cleanup,
    tenantOf: (v) => v.tenantId,
    idOf,
    keyOf: (v) => keyOf(v.tenantId, idOf(v)),
    timeOf,
  };
}

/** The key of user topics (`tenantId/userId`) and of campaign topics (`tenantId/campaignId`). */
export function keyOf(tenantId: string, id: string): string {
  return `${tenantId}/${id}`;
}

/** Whether a key is of a tenant's user or campaign. */
export function isKeyOf(tenantId: string, key: string): boolean {
  return key.startsWith(`${tenantId}/`);
}

/**
 * A key as part of an id in which a ":" and free text follow: user "a" with event "b:c" and user "a:b" with event "c" must not
 * make one id. Percent-encoded are ":" and, so that this can be undone, "%".
 */
export function keyInId(key: string): string {
  if (!(key.includes(':') || key.includes('%'))) return key;
  return key.replaceAll('%', '%25').replaceAll(':', '%3A');
}

let lastTenant = '';
let lastPrefix = '/';

/** The tenant of a key. One tenant's keys mostly come in a row: its name is not cut out anew for each. */
export function tenantOf(key: string): string {
  if (!key.startsWith(lastPrefix)) {
    lastTenant = key.slice(0, key.indexOf('/'));
    lastPrefix = `${lastTenant}/`;
  }
  return lastTenant;
}

const user = (v: { readonly userId: string }): string => v.userId;
const campaign = (v: { readonly campaignId: string }): string => v.campaignId;

export const events = topic<UserEvent>('events', 'user', 'delete', user, (v) => v.occurredAt);
export const profiles = topic<UserProfile>('profiles', 'user', 'compact', user, (v) => v.updatedAt);
/** The purpose of a change of consent that counts for every purpose. */
export const EVERY_PURPOSE = 'all';
/** A wrong clock must not keep a revocation from counting. */
export const consents: Topic<ConsentChange> = {
  ...topic<ConsentChange>('consents', 'user', 'retain', user, (v) => v.changedAt),
  countsAtOnce: ({ granted }) => !granted,
};
export const campaigns = topic<CampaignDefinition>(
  'campaigns',
  'campaign',
  'compact',
  campaign,
  (v) => v.effectiveFrom,
);
export const sendRequests = topic<SendRequest>('send-requests', 'user', 'delete', user, (v) => v.requestedAt);
export const sessions = topic<Session>('sessions', 'user', 'delete', user, (v) => v.endedAt);
export const signals = topic<Signal>('signals', 'user', 'delete', user, (v) => v.firedAt);
export const candidates = topic<Candidate>('candidates', 'campaign', 'delete', campaign, (v) => v.requestedAt);
export const verdicts = topic<BudgetVerdict>('verdicts', 'user', 'delete', user, (v) => v.requestedAt);
export const sends = topic<SendCommand>('sends', 'user', 'delete', user, (v) => v.dueAt);
export const decisions = topic<Decision>('decisions', 'user', 'delete', user, (v) => v.decidedAt);
export const receipts: Topic<Receipt> = {
  ...topic<Receipt>('receipts', 'user', 'delete', user, (v) => v.occurredAt),
  fromOutside: true,
  countsAtOnce: ({ status }) => status === 'unsubscribed',
};
export const outcomes = topic<Outcome>('outcomes', 'user', 'delete', user, (v) => v.occurredAt);

/** A record of no topic's schema is kept as it came, with headers that say where it was and why. */
export const DEAD_LETTERS = `${PREFIX}dead-letters`;

/** All typed topics, in the order of the documentation. */
export const allTopics: readonly Topic<unknown>[] = [
  events,
  profiles,
  consents,
  campaigns,
  sendRequests,
  sessions,
  signals,
  candidates,
  verdicts,
  sends,
  decisions,
  receipts,
  outcomes,
];

/** The topic of a short name ("events") or of a full one ("engagement.events"). */
export function topicNamed(name: string): Topic<unknown> | undefined {
  return allTopics.find((t) => t.name === name || t.topic === name);
}
