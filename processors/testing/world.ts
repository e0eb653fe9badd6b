// A small world for tests of processors: campaigns, a policy, and short ways to say what users do, over the test driver.
import { TestDriver } from '../../runtime/testing/driver.ts';
import { type Campaign, campaignToJson, parseCampaign } from '../../schemas/campaign.ts';
import { Definitions, POLICY_ID } from '../../schemas/definitions.ts';
import { parseDuration } from '../../schemas/durations.ts';
import { type Policy, parsePolicy, policyToJson } from '../../schemas/policy.ts';
import type { Parsed } from '../../schemas/problems.ts';
import { consents, decisions, events, profiles, sendRequests, sends } from '../../schemas/topics.ts';
import type {
  ConsentChange,
  Decision,
  Receipt,
  SendCommand,
  SendRequest,
  UserEvent,
  UserProfile,
} from '../../schemas/types.ts';
import { engage } from '../../topologies/engage.ts';
import type { Topology } from '../../topologies/graph.ts';
import { pace } from '../../topologies/pace.ts';

const DAY = parseDuration('1d');

/** Epoch ms of a time ("09:00", "09:00:00.001") of Monday, 2 March 2026 UTC, or of a day counted from it. */
export function at(time: string, day = 0): number {
  return Date.parse(`2026-03-02T${time}Z`) + day * DAY;
}

/** A file's content: an active marketing campaign over sms and email, asked for through the API, unless it says otherwise. */
export interface CampaignFile {
  readonly id: string;
  readonly [key: string]: unknown;
}

export function campaignOf(file: CampaignFile): Campaign {
  return taken(
    parseCampaign({ trigger: { api: true }, channels: ['sms', 'email'], content: { text: 'hello' }, ...file }),
  );
}

/** No caps unless the file lists some. */
export function policyOf(file: Readonly<Record<string, unknown>> = {}): Policy {
  return taken(parsePolicy({ caps: [], ...file }));
}

function taken<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Error(parsed.problems.map(({ path, reason }) => `${path}: ${reason}`).join('\n'));
}

/** A profile of user "u" with addresses on sms and email, in UTC. */
export function profileOf(rest: Partial<UserProfile> = {}): UserProfile {
  return {
    tenantId: 'default',
    userId: 'u',
    timezone: null,
    locale: null,
    contacts: { sms: '+254700000001', email: 'u@example.org' },
    channelPreferences: [],
    customerType: null,
    device: null,
    notificationFrequency: null,
    attributes: {},
    groups: [],
    updatedAt: at('00:00', -1),
    ...rest,
  };
}

/** User "u" grants marketing on every channel. */
export function consentOf(rest: Partial<ConsentChange> = {}): ConsentChange {
  const who = { tenantId: 'default', userId: 'u', version: null, source: null };
  return { ...who, purpose: 'marketing', channel: null, granted: true, changedAt: at('00:00', -1), ...rest };
}

let made = 0;

export function eventOf(occurredAt: number, rest: Partial<UserEvent> = {}): UserEvent {
  const who = { tenantId: 'default', userId: 'u', sessionId: null };
  return { ...who, eventId: `e${++made}`, type: 'view', properties: {}, occurredAt, ...rest };
}

export function requestOf(campaignId: string, requestedAt: number, rest: Partial<SendRequest> = {}): SendRequest {
  const who = { tenantId: 'default', userId: 'u' };
  return {
    ...who,
    requestId: `r${++made}`,
    campaignId,
    source: 'api',
    requestedAt,
    data: {},
    notBefore: null,
    ...rest,
  };
}

/** What a provider answers to a send, at the moment of sending unless it says otherwise. */
export function receiptOf(send: SendCommand, status: Receipt['status'], rest: Partial<Receipt> = {}): Receipt {
  const { sendId, requestId, hop, tenantId, userId, campaignId, channel, dueAt } = send;
  const ids = { receiptId: `${sendId}:${status}`, sendId, requestId, hop, tenantId, userId, campaignId, channel };
  const told = { status, occurredAt: dueAt, costMicros: null, providerMessageId: null, error: null };
  return { ...ids, ...told, ...rest };
}

export interface WorldOptions {
  readonly campaigns?: readonly CampaignFile[];
  readonly policy?: Readonly<Record<string, unknown>>;
  /** ms; default 5 minutes. */
  readonly lateness?: number;
  /** False: pace is not there to answer; the test pipes the verdicts. */
  readonly pace?: boolean;
  readonly partitions?: number;
}

/** The real topologies, with a user "u" who can be reached and has agreed. */
export class World {
  readonly definitions = new Definitions();
  readonly driver: TestDriver;
  #toldDecisions = 0;

  constructor({ campaigns = [], policy = {}, pace: paces = true, ...options }: WorldOptions = {}) {
    const definition = policyToJson(policyOf(policy));
    this.definitions.apply({ tenantId: 'default', campaignId: POLICY_ID, version: 1, effectiveFrom: 0, definition });
    for (const file of campaigns) this.define(file);
    const topologies: Topology[] = [engage(this.definitions), ...(paces ? [pace(this.definitions)] : [])];
    this.driver = new TestDriver({ topologies, ...options });
    this.driver.pipe(profiles, profileOf());
    this.driver.pipe(consents, consentOf());
  }

  define(file: CampaignFile, version = 1, effectiveFrom = 0): void {
    const definition = campaignToJson(campaignOf(file));
    this.definitions.apply({ tenantId: 'default', campaignId: file.id, version, effectiveFrom, definition });
  }

  /** Another version of the policy. */
  redefine(policy: Readonly<Record<string, unknown>>, version: number, effectiveFrom = 0): void {
    const definition = policyToJson(policyOf(policy));
    this.definitions.apply({ tenantId: 'default', campaignId: POLICY_ID, version, effectiveFrom, definition });
  }

  event(occurredAt: number, rest: Partial<UserEvent> = {}): unknown {
    return this.driver.pipe(events, eventOf(occurredAt, rest))[0];
  }

  ask(campaignId: string, requestedAt: number, rest: Partial<SendRequest> = {}): unknown {
    return this.driver.pipe(sendRequests, requestOf(campaignId, requestedAt, rest))[0];
  }

  consent(rest: Partial<ConsentChange>): void {
    this.driver.pipe(consents, consentOf(rest));
  }

  profile(rest: Partial<UserProfile>): void {
    this.driver.pipe(profiles, profileOf(rest));
  }

  /** What was decided since the last call, each as "campaign: reason", or its outcome where there is no reason. */
  told(): readonly string[] {
    const all = this.driver.outputs(decisions);
    const told = all.slice(this.#toldDecisions).map((d) => `${d.campaignId}: ${d.reason ?? d.outcome}`);
    this.#toldDecisions = all.length;
    return told;
  }

  /** The send of a place in their order; negative counts from the end. */
  sent(at: number): SendCommand {
    const send = this.driver.outputs(sends).at(at);
    if (send === undefined) throw new Error('no such send');
    return send;
  }

  get last(): Decision {
    const last = this.driver.outputs(decisions).at(-1);
    if (last === undefined) throw new Error('nothing was decided yet');
    return last;
  }
}
