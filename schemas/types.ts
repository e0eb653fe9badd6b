// Generated from the .avsc files by `npm run generate:types`. Do not edit.
/** One version of a campaign, or of the policy (under the id "policy"). */
export interface CampaignDefinition {
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The campaign within the tenant. */
  readonly campaignId: string;
  /** Counts up from 1 with each change. */
  readonly version: number;
  /** The first instant this version is in force. */
  readonly effectiveFrom: number;
  /** The campaign or policy as JSON; its model is schemas/campaign.ts or schemas/policy.ts. */
  readonly definition: string;
}
/** engage asks pace for budget and a slot, or gives it back. */
export interface Candidate {
  /** reserve asks; release gives back; spent confirms; correct tells the actual cost. */
  readonly kind: 'reserve' | 'release' | 'spent' | 'correct';
  /** Names the request it is for: its id when a trigger made it, else one derived from the asker's. */
  readonly requestId: string;
  /** 0 for the first channel, counting up with each fallback. */
  readonly hop: number;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The campaign within the tenant. */
  readonly campaignId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** The request's time; the verdict is processed at it. */
  readonly requestedAt: number;
  /** Viable channels, best first. */
  readonly channels: readonly ChannelCost[];
  /** The earliest allowed instant. */
  readonly earliestAt: number;
  /** The last allowed instant. */
  readonly expiresAt: number;
  /** Quiet hours the slot must avoid. */
  readonly sendingWindow: SendingWindow | null;
  /** correct: the actual cost in micro-units. */
  readonly costMicros: number | null;
}
/** A viable channel. */
export interface ChannelCost {
  /** The channel. */
  readonly channel: string;
  /** The most one message costs on it, in micro-units of the budget's currency. */
  readonly maxCostMicros: number;
}
/** When the user may be written to. */
export interface SendingWindow {
  /** Local "HH:MM-HH:MM" in which no slot may lie. */
  readonly quietHours: string | null;
  /** The user's IANA zone. */
  readonly timezone: string;
  /** Local days (YYYY-MM-DD) on which no slot may lie. */
  readonly holidays: readonly string[];
}
/** A user grants or revokes a purpose, on one channel or on all. */
export interface ConsentChange {
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** What the consent is for, e.g. "marketing"; "all" counts for every purpose. */
  readonly purpose: string;
  /** The channel; absent: every channel. */
  readonly channel: string | null;
  /** true: granted; false: revoked. */
  readonly granted: boolean;
  /** Version of the text agreed to. */
  readonly version: string | number | null;
  /** Where the change came from, e.g. "signup-form". */
  readonly source: string | null;
  /** When it changed. A grant counts from here on, a revocation as soon as it is known. */
  readonly changedAt: number;
}
/** Why a request was or was not answered with a message. */
export interface Decision {
  /** Derived from the request, and ends with #scheduled or #final. */
  readonly decisionId: string;
  /** The request decided. */
  readonly requestId: string;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** The campaign within the tenant. */
  readonly campaignId: string;
  /** Who asked. */
  readonly source: 'trigger' | 'api' | 'batch' | 'program';
  /** The event, session or signal that triggered it. */
  readonly cause: string | null;
  /** When it was asked. */
  readonly requestedAt: number;
  /** Event time of the decision. */
  readonly decidedAt: number;
  /** scheduled is followed by a final one; every other outcome is final. */
  readonly outcome: 'scheduled' | 'sent' | 'blocked' | 'expired' | 'holdout';
  /** Why not sent: one of the closed list in schemas/reasons.ts. */
  readonly reason: string | null;
  /** Every gate that ran, in order. */
  readonly steps: readonly DecisionStep[];
  /** The channel chosen. */
  readonly channel: string | null;
  /** The moment of sending. */
  readonly dueAt: number | null;
  /** The cost counted or reserved, in micro-units. */
  readonly costMicros: number | null;
  /** Version of the campaign decided by; 0 when there is none. */
  readonly definitionVersion: number;
  /** 0 for the first channel, counting up with each fallback. */
  readonly hop: number;
  /** Channels that are tried in turn where this one fails, best first. */
  readonly fallbacks: readonly string[];
  /** The variant of the content, where the campaign has several. */
  readonly variant: string | null;
}
/** One gate's verdict. */
export interface DecisionStep {
  /** The gate. */
  readonly gate: string;
  /** What it said. */
  readonly verdict: 'pass' | 'block';
  /** The facts it used. */
  readonly facts: Readonly<Record<string, boolean | number | string | null>>;
}
/** Something a user did, as its producer saw it. */
export interface UserEvent {
  /** The producer's id of the event; repeated within an hour of event time it is a duplicate. */
  readonly eventId: string;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** The producing app's own session id, if it has one. */
  readonly sessionId: string | null;
  /** When it happened. */
  readonly occurredAt: number;
  /** What happened, e.g. "product_view". */
  readonly type: string;
  /** Free details, by name. */
  readonly properties: Readonly<Record<string, boolean | number | string | null>>;
}
/** What followed a message, or followed without one in the holdout. */
export interface Outcome {
  /** Derived from the user, the campaign and the event. Written again under the same id where a send that waited long for its budget is the one it is due to, or where its send failed for good: the newest holds. */
  readonly outcomeId: string;
  /** The send, for a conversion: the latest before it. */
  readonly sendId: string | null;
  /** The request, for a holdout conversion: the latest before it. */
  readonly requestId: string | null;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** The campaign within the tenant. */
  readonly campaignId: string;
  /** "conversion", "holdout-conversion", or "withdrawn": a conversion that was told before is none, as its send failed. */
  readonly kind: string;
  /** The event's type. */
  readonly event: string;
  /** The value property of the event, where it is a number. */
  readonly value: number | null;
  /** When the event occurred. */
  readonly occurredAt: number;
}
/** What is known of a user; the newest record replaces the one before. */
export interface UserProfile {
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** IANA zone name, e.g. "Africa/Nairobi"; absent or unknown counts as UTC. */
  readonly timezone: string | null;
  /** BCP 47 tag, e.g. "sw-KE". */
  readonly locale: string | null;
  /** Address by channel. */
  readonly contacts: Readonly<Record<string, string>>;
  /** Channels the user prefers, best first. */
  readonly channelPreferences: readonly string[];
  /** A kind of customer, as the policy names them. */
  readonly customerType: string | null;
  /** The device last used, e.g. "android", "feature-phone". */
  readonly device: string | null;
  /** How often the user wants to hear from us; scales the caps. */
  readonly notificationFrequency: 'high' | 'medium' | 'low' | null;
  /** Free attributes, by name. */
  readonly attributes: Readonly<Record<string, boolean | number | string | null>>;
  /** When the profile took this form. */
  readonly updatedAt: number;
  /** Groups the user belongs to, such as a savings group. */
  readonly groups: readonly string[];
}
/** What a provider, or the user, answered to a send. */
export interface Receipt {
  /** Derived from the send and the status; readers deduplicate by it. */
  readonly receiptId: string;
  /** The send it answers. */
  readonly sendId: string;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** The campaign within the tenant. */
  readonly campaignId: string;
  /** The request of the send. */
  readonly requestId: string;
  /** As in the send. */
  readonly hop: number;
  /** The channel. */
  readonly channel: string;
  /** unknown: a crash fell between the call and its answer. */
  readonly status:
    | 'accepted'
    | 'sent'
    | 'delivered'
    | 'failed'
    | 'unknown'
    | 'opened'
    | 'clicked'
    | 'replied'
    | 'unsubscribed';
  /** When. */
  readonly occurredAt: number;
  /** Actual cost in micro-units. */
  readonly costMicros: number | null;
  /** The provider's id. */
  readonly providerMessageId: string | null;
  /** Why it failed; no personal data. */
  readonly error: string | null;
}
/** Somebody asks that a user gets a campaign's message. */
export interface SendRequest {
  /** The asker's id; repeated within an hour of event time it is a duplicate. */
  readonly requestId: string;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** The campaign within the tenant. */
  readonly campaignId: string;
  /** Who asks. */
  readonly source: 'api' | 'batch' | 'program';
  /** When it was asked. */
  readonly requestedAt: number;
  /** Values for the message, by name. */
  readonly data: Readonly<Record<string, boolean | number | string | null>>;
  /** The message may not be sent before this instant. */
  readonly notBefore: number | null;
}
/** One message to hand to a provider. */
export interface SendCommand {
  /** Derived from the request and the hop. */
  readonly sendId: string;
  /** The request it answers. */
  readonly requestId: string;
  /** 0 for the first channel, counting up with each fallback. */
  readonly hop: number;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** The campaign within the tenant. */
  readonly campaignId: string;
  /** The channel. */
  readonly channel: string;
  /** The user's address on it. */
  readonly address: string;
  /** { text }, fields such as { subject, body } with their locale, or a provider's { template, locale }; for sms also encoding and segments. */
  readonly content: Readonly<Record<string, string>>;
  /** The cost counted for it, in micro-units. */
  readonly costMicros: number;
  /** The instant it is meant for. */
  readonly dueAt: number;
  /** It must not be delivered after this instant. */
  readonly expiresAt: number;
  /** The same for every attempt of this send. */
  readonly idempotencyKey: string;
  /** The variant of the content, where the campaign has several. */
  readonly variant: string | null;
}
/** A closed session: a user's events no more than the gap apart. */
export interface Session {
  /** Derived from the user and startedAt. */
  readonly sessionId: string;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** The first event's time. */
  readonly startedAt: number;
  /** The last event's time. */
  readonly endedAt: number;
  /** endedAt - startedAt, in milliseconds. */
  readonly durationMs: number;
  /** Events in the session. */
  readonly eventCount: number;
  /** Events by type. */
  readonly eventTypes: Readonly<Record<string, number>>;
  /** The app's own session ids seen in it, distinct, in byte order. */
  readonly appSessionIds: readonly string[];
}
/** Something that follows from a user's events and the passing of time. */
export interface Signal {
  /** Derived from the kind, the user and firedAt. */
  readonly signalId: string;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** "inactive", "returned", "segment-entered" or "segment-left". */
  readonly kind: string;
  /** The event time the signal is dated at. */
  readonly firedAt: number;
  /** inactive: threshold ("7d"), lastSeenAt (ISO-8601); returned: silentMs; of segments: segment, and redefined (true) where it was the segment that changed. */
  readonly facts: Readonly<Record<string, boolean | number | string | null>>;
}
/** pace's answer to a reserve. */
export interface BudgetVerdict {
  /** Names the request it is for: its id when a trigger made it, else one derived from the asker's. */
  readonly requestId: string;
  /** As in the candidate. */
  readonly hop: number;
  /** The workspace the record belongs to; may not contain "/". */
  readonly tenantId: string;
  /** The campaign within the tenant. */
  readonly campaignId: string;
  /** The user within the tenant. */
  readonly userId: string;
  /** As in the candidate. */
  readonly requestedAt: number;
  /** The answer. */
  readonly outcome: 'reserved' | 'refused';
  /** The channel the budget allows. */
  readonly channel: string | null;
  /** The cost reserved, in micro-units. */
  readonly costMicros: number | null;
  /** The instant of the slot. */
  readonly slotAt: number | null;
  /** Why it was refused: one of the budget reasons, or quiet-hours. */
  readonly reason: string | null;
  /** What the verdict rests on. */
  readonly facts: Readonly<Record<string, boolean | number | string | null>>;
}
