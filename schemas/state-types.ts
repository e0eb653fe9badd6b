// Generated from the .avsc files by `npm run generate:types`. Do not edit.
/** A user's bursts of activity: runs of events less than the smallest threshold apart. The latest lies open, as nearly every event changes it. */
export interface Activity {
  /** First event of the latest burst. */
  readonly first: number;
  /** Its last event. */
  readonly last: number;
  /** Inactivity after it dated up to here has been signalled. */
  readonly signalledTo: number;
  /** Instant of the inactivity timer that is armed. */
  readonly timerAt: number | null;
  /** Earlier bursts whose silence is not certain yet, in order of time. */
  readonly earlier: readonly Burst[];
}
export interface Burst {
  /** First event. */
  readonly first: number;
  /** Last event. */
  readonly last: number;
  /** Inactivity dated up to here has been signalled. */
  readonly signalledTo: number;
}
/** What a campaign has reserved or spent for slots of one local day, in micro-units. */
export interface BudgetDay {
  /** Reserved or spent. */
  readonly reserved: number;
  /** Of messages sent: their actual cost where it was told, else what was reserved. */
  readonly spent: number;
  /** Messages reserved or sent, and not given back. */
  readonly messages: number;
  /** Messages sent. */
  readonly spentMessages: number;
}
/** What a campaign has reserved or spent and not given back, in micro-units. */
export interface BudgetLedger {
  /** Reserved or spent, in all. */
  readonly reserved: number;
  /** Actual cost beyond what was reserved, of what is not given back. */
  readonly overrun: number;
  /** Reserved, by channel. */
  readonly channels: Readonly<Record<string, number>>;
  /** Written by former versions alone: reserved by local day of the slot. Now each day has a row of its own. */
  readonly days: Readonly<Record<string, number>>;
  /** Of messages sent: their actual cost where it was told, else what was reserved. */
  readonly spent: number;
  /** Spent, by channel. */
  readonly spentChannels: Readonly<Record<string, number>>;
  /** Messages reserved or sent, and not given back. */
  readonly messages: number;
  /** Messages sent. */
  readonly spentMessages: number;
}
/** What a user granted and revoked. */
export interface ConsentLedger {
  /** One for each purpose and channel. */
  readonly entries: readonly ConsentEntry[];
}
export interface ConsentEntry {
  /** Purpose, or "all". */
  readonly purpose: string;
  /** Channel; null: every channel. */
  readonly channel: string | null;
  /** Latest revocation. */
  readonly revokedAt: number | null;
  /** Whether receipts told it: then it concerns no transactional message. */
  readonly unsubscribed: boolean;
  /** Grants later than revokedAt, in order. */
  readonly grantedAt: readonly number[];
}
/** How a user answered to messages, and when they are active. Weights halve every 90 days: each is kept as it would stand on 2020-01-01, so that later days count for more. */
export interface UserEngagement {
  /** In the order in which they came first. */
  readonly channels: readonly ChannelEngagement[];
  /** Weight of all answers and sessions by local hour, 24 or none. */
  readonly hours: readonly number[];
  /** The latest messages, whose answers are still heard, in order. */
  readonly recent: readonly RecentSend[];
  /** What was learned while the user awaited a verdict, in order: requests that came before it do not know it yet. */
  readonly pending: readonly PendingActivity[];
}
/** Messages on one channel that did not fail. */
export interface ChannelEngagement {
  readonly channel: string;
  /** How many. */
  readonly sends: number;
  /** Those opened, clicked or replied to. */
  readonly opened: number;
  /** Those clicked or replied to. */
  readonly clicked: number;
  /** Those replied to. */
  readonly replied: number;
  /** Their weight. */
  readonly weight: number;
  /** Their weight, each times its best response. */
  readonly response: number;
  /** Weight of the answers by local hour, 24 or none. */
  readonly hours: readonly number[];
}
export interface RecentSend {
  /** Hash of its sendId, 53 bits. */
  readonly send: number;
  readonly channel: string;
  /** Days since 1970-01-01, UTC. */
  readonly day: number;
  /** Bits: 1 opened, 2 clicked, 4 replied, 8 failed. */
  readonly answers: number;
}
export interface PendingActivity {
  /** Days since 1970-01-01, UTC. */
  readonly day: number;
  /** Local hour. */
  readonly hour: number;
  /** Hash of the sendId answered to; null: a session. */
  readonly send: number | null;
  /** The answer's bit. */
  readonly answer: number;
}
/** A user's messages, and what the holdout kept from being one, of campaigns that name a conversion. */
export interface Exposures {
  /** In the order in which they came. */
  readonly all: readonly Exposure[];
}
export interface Exposure {
  /** The send's id; of the holdout, the request's. */
  readonly id: string;
  readonly campaignId: string;
  /** When it was sent, or held out. */
  readonly at: number;
  /** The last instant of a conversion that is its. */
  readonly until: number;
  /** Held out: no message was sent. */
  readonly holdout: boolean;
}
/** A user's events of one hour of a type that some campaign takes for a conversion. */
export interface MeasuredEvents {
  /** In the order in which they came. */
  readonly events: readonly MeasuredEvent[];
}
export interface MeasuredEvent {
  readonly eventId: string;
  readonly type: string;
  readonly occurredAt: number;
  /** Its numbers that some campaign takes for a value. */
  readonly values: Readonly<Record<string, number>>;
  /** Its outcomes were told: what comes later is joined to it at once. */
  readonly settled: boolean;
}
/** A user's requests in progress and messages sent. */
export interface UserMessages {
  /** Awaiting a verdict (dueAt null) or scheduled. */
  readonly requests: readonly RequestInProgress[];
  /** The requestId a verdict is awaited for. */
  readonly awaiting: string | null;
  /** Inputs that wait for the verdict, in order. */
  readonly waiting: readonly WaitingInput[];
  /** Messages sent, as far back as any window reaches. */
  readonly sent: readonly SentMessage[];
  /** Messages sent that may yet go out on another channel. */
  readonly open: readonly OpenSend[];
  /** Requests that the policy's hold collects. */
  readonly held: readonly WaitingRequest[];
  /** The end of the hold. */
  readonly heldUntil: number | null;
  /** The round of the task in which the newest input came that is awaited or waits. */
  readonly round: number;
}
export interface RequestInProgress {
  readonly requestId: string;
  readonly campaignId: string;
  readonly source: 'trigger' | 'api' | 'batch' | 'program';
  readonly cause: string | null;
  readonly requestedAt: number;
  readonly expiresAt: number;
  readonly definitionVersion: number;
  readonly dedupeKey: string;
  readonly channel: string | null;
  readonly costMicros: number;
  readonly dueAt: number | null;
  readonly budgeted: boolean;
  readonly data: Readonly<Record<string, boolean | number | string | null>>;
  readonly steps: readonly StoredStep[];
  /** 0 for the first channel, counting up with each fallback. */
  readonly hop: number;
  /** Channels to try in turn where this one fails, best first. */
  readonly chain: readonly string[];
  /** The variant of the content. */
  readonly variant: string | null;
  /** The message may not be sent before this instant. */
  readonly notBefore: number | null;
  /** When the gates were asked: at the end of a hold, or when the channel before failed; null: at requestedAt. */
  readonly judgedAt: number | null;
}
export interface StoredStep {
  readonly gate: string;
  readonly verdict: 'pass' | 'block';
  readonly facts: Readonly<Record<string, boolean | number | string | null>>;
}
export interface WaitingInput {
  readonly streamTime: number;
  readonly time: number;
  readonly window: boolean;
  /** It came in the same round as what waits, or is awaited, before it. */
  readonly follows: boolean;
  readonly due: string | null;
  readonly request: WaitingRequest | null;
  readonly receipt: WaitingReceipt | null;
}
export interface WaitingRequest {
  readonly requestId: string;
  readonly campaignId: string;
  readonly source: 'trigger' | 'api' | 'batch' | 'program';
  readonly cause: string | null;
  readonly requestedAt: number;
  readonly data: Readonly<Record<string, boolean | number | string | null>>;
  /** What the audience gate said when the request came; null where it had no say. */
  readonly audience: StoredStep | null;
  readonly notBefore: number | null;
  /** As in RequestInProgress. */
  readonly judgedAt: number | null;
  /** How much of what is pending in the user's engagement had been learned when the request came. */
  readonly learned: number;
}
export interface WaitingReceipt {
  readonly sendId: string;
  readonly status: string;
  readonly occurredAt: number;
  readonly costMicros: number | null;
  readonly error: string | null;
  /** Null: an older version left it out. */
  readonly channel: string | null;
}
export interface SentMessage {
  readonly sendId: string;
  readonly campaignId: string;
  readonly dedupeKey: string;
  readonly channel: string;
  readonly class: string;
  readonly sentAt: number;
  readonly failed: boolean;
  readonly budgeted: boolean;
  /** What was reserved for it; null without a budget. */
  readonly costMicros: number | null;
  /** pace was told that its cost was another. */
  readonly corrected: boolean;
  /** pace was told that it was spent. */
  readonly spent: boolean;
}
export interface OpenSend {
  /** As it was sent. */
  readonly request: RequestInProgress;
  readonly sentAt: number;
  /** When the next channel is tried without a receipt; null: never. */
  readonly timeoutAt: number | null;
}
/** Counts over a user's whole history, late events included. */
export interface UserMetrics {
  /** Events. */
  readonly events: number;
  /** Closed sessions. */
  readonly sessions: number;
  /** Earliest event. */
  readonly firstSeenAt: number;
  /** Latest event. */
  readonly lastSeenAt: number;
  /** Types of events, in the order in which they came first. */
  readonly types: readonly string[];
  /** Events of each, aligned with types. */
  readonly counts: readonly number[];
}
/** A user's sessions that may still grow. */
export interface OpenSessions {
  /** The only one, nearly always; else that which an event joined last, or the latest. */
  readonly session: OpenSession;
  /** Those open beside it, in order of startedAt; hardly ever any. */
  readonly others: readonly OpenSession[];
  /** Instant of the timer that is armed. */
  readonly timerAt: number;
}
export interface OpenSession {
  /** First event. */
  readonly startedAt: number;
  /** Last event. */
  readonly endedAt: number;
  readonly eventCount: number;
  /** Types of its events, in the order in which they came first. */
  readonly types: readonly string[];
  /** Events of each, aligned with types. */
  readonly counts: readonly number[];
  readonly appSessionIds: readonly string[];
}
/** One reservation, kept so that a repeat is noticed and a release knows what to give back. */
export interface Reservation {
  /** The cost still counted. */
  readonly costMicros: number;
  /** Its channel. */
  readonly channel: string;
  /** Local day of its slot. */
  readonly day: string;
  /** Its slot. */
  readonly slotAt: number;
  /** Given back. */
  readonly released: boolean;
  /** Its actual cost was told. */
  readonly corrected: boolean;
  /** Why the reserve was refused, if it was. */
  readonly refusedReason: string | null;
  /** Its message was sent. */
  readonly spent: boolean;
  /** Its actual cost beyond what was reserved. */
  readonly overrunMicros: number;
}
/** What a user's schedules wait for, and how far each has come. */
export interface ScheduledOccurrences {
  /** Instant of the timer that is armed for schedules that end; null: none. */
  readonly occasionAt: number | null;
  /** Instant of the timer that is armed for schedules that recur; null: none. */
  readonly recurrenceAt: number | null;
  /** Campaigns that had an occurrence. */
  readonly campaigns: readonly string[];
  /** Local time of the last one of each, in ms as if it were UTC; aligned with campaigns. */
  readonly lastLocal: readonly number[];
}
/** Ids of a user's recent records, to drop duplicates. */
export interface SeenIds {
  /** Ids, in order of processing; an event's starts with "e", a request's with "r". */
  readonly ids: readonly string[];
  /** Their hashes, aligned with ids: looking through these touches no text. */
  readonly hashes: readonly number[];
  /** Their event times, epoch ms, aligned with ids. */
  readonly times: readonly number[];
  /** There are so many that further ones are kept apart, spread by their hash. */
  readonly spread: boolean;
}
/** The segments that a user is in. */
export interface UserSegments {
  /** In byte order. */
  readonly names: readonly string[];
  /** As of when; never judged as of an earlier time. */
  readonly judgedAt: number;
  /** How often membership changed as of that very instant. */
  readonly changes: number;
  /** Instant of the timer that is armed. */
  readonly timerAt: number | null;
  /** Profiles that were known ahead of stream time; null: the profile counts. */
  readonly ahead: ProfilesAhead | null;
}
export interface ProfilesAhead {
  /** The profile that counts until then. */
  readonly now: JudgedProfile | null;
  /** Those whose time is to come, in order of time; the last is the newest that came. */
  readonly next: readonly JudgedProfile[];
}
/** What segments ask of a profile. */
export interface JudgedProfile {
  readonly timezone: string | null;
  readonly locale: string | null;
  readonly customerType: string | null;
  readonly device: string | null;
  readonly attributes: Readonly<Record<string, boolean | number | string | null>>;
  readonly groups: readonly string[];
  readonly updatedAt: number;
}
/** When what is counted in rolling windows happened, for as long as the longest window that somebody asks about. */
export interface UserWindows {
  /** What is counted: "events", "events.<type>", "sessions". */
  readonly names: readonly string[];
  /** Epoch ms, ascending, of each; aligned with names. */
  readonly times: readonly (readonly number[])[];
}
