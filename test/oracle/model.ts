// What the decision oracle reads and writes. Campaigns and policy are normalised: every duration in ms, money in micro-units.
import type { ConsentChange, Receipt, SendRequest, UserEvent, UserProfile } from '../../schemas/types.ts';
import type { OracleSession } from './sessions.ts';
import type { OracleSignal } from './signals.ts';
import type { Arrival } from './timeline.ts';

export type Value = boolean | number | string | null;

/** Nested by `all`, `any` and `not`; a leaf names one field and says one thing (or several, which must all hold) about it. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | Leaf;

export interface Leaf {
  readonly property?: string;
  readonly fact?: string;
  readonly attribute?: string;
  readonly metric?: string;
  readonly eq?: Value;
  readonly ne?: Value;
  readonly in?: readonly Value[];
  readonly gt?: number | string;
  readonly gte?: number | string;
  readonly lt?: number | string;
  readonly lte?: number | string;
  readonly exists?: boolean;
}

export type Trigger = { readonly where?: Condition } & (
  | { readonly event: string }
  | { readonly session: 'closed' }
  | { readonly signal: 'inactive' | 'returned'; readonly afterMs?: number }
  | { readonly api: true }
);

export interface Budget {
  readonly total?: number;
  readonly daily?: number;
  readonly perChannel?: Readonly<Record<string, number>>;
  /** `even` needs total, from and to; `curve` total, from and points. */
  readonly pacing: 'even' | 'asap' | 'curve';
  /** Shares in 0..1, multiples of a hundred-millionth. */
  readonly curve?: readonly { readonly at: number; readonly share: number }[];
  readonly from?: number;
  /** Exclusive. */
  readonly to?: number;
}

/** One version of a campaign. */
export interface Campaign {
  readonly tenantId: string;
  readonly id: string;
  readonly version: number;
  readonly effectiveFrom: number;
  readonly status: 'active' | 'draft' | 'paused' | 'ended';
  readonly class: 'marketing' | 'transactional';
  readonly purpose?: string;
  readonly priority: number;
  readonly trigger: Trigger;
  readonly audience?: Condition;
  readonly channels: readonly string[];
  /** normal, or high where the class is transactional, unless said. */
  readonly urgency?: 'low' | 'normal' | 'high';
  /** By channel, in 0..1, instead of the policy's. */
  readonly priors?: Readonly<Record<string, number>>;
  /** As soon as it may be, unless said. */
  readonly sendTime?: 'best' | { readonly localMinutes: number } | { readonly at: number };
  /** Local hours, for users of whom none are learned. */
  readonly bestHours?: readonly number[];
  readonly ignoresHolidays?: boolean;
  readonly dedupe: { readonly windowMs: number; readonly key?: string };
  /** "HH:MM-HH:MM" in the user's zone, instead of the policy's. */
  readonly quietHours?: string;
  readonly expiresAfterMs: number;
  readonly budget?: Budget;
  /** Zone of the budget's days. */
  readonly timezone: string;
  /** Share in 0..1. */
  readonly holdout?: number;
}

/** At most `max` sends in a window; `calendar`: the window is windowMs/1d consecutive whole local days. */
export interface CapRule {
  readonly max: number;
  readonly windowMs: number;
  readonly channel?: string;
  readonly class?: string;
  readonly calendar?: boolean;
}

/** What is known of a channel beside its cost. */
export interface ChannelModel {
  readonly prior: number;
  readonly immediacy: number;
  /** Local hours; null: any. */
  readonly bestHours: readonly number[] | null;
  /** For the customerType "new". */
  readonly bestHoursOfNew: readonly number[] | null;
}

export interface ScoreModel {
  /** Whole percents that add up to 100. */
  readonly weights: Readonly<Record<'customerType' | 'engagement' | 'device' | 'urgency' | 'timeOfDay', number>>;
  readonly customerTypes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly devices: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Policy {
  readonly gapMs: number;
  readonly thresholds: readonly number[];
  readonly caps: readonly CapRule[];
  /** Micro-units by channel; a channel left out costs what DESIGN §4 says. */
  readonly costs?: Readonly<Record<string, number>>;
  readonly quietHours?: string;
  /** "YYYY-MM-DD" or "MM-DD", without marketing. */
  readonly holidays?: readonly string[];
  /** A channel left out is as the documentation says; so are the scores where they are left out. */
  readonly channels?: Readonly<Record<string, ChannelModel>>;
  readonly scores?: ScoreModel;
  /** Global share in 0..1. */
  readonly holdout?: number;
  readonly disabledChannels?: readonly string[];
  /** ms for which a user's marketing requests are collected before they are decided together. */
  readonly holdMs?: number;
  /** ms after which the next channel is tried without a receipt of delivery, by channel. */
  readonly receiptWithin?: Readonly<Record<string, number>>;
  /** What a user's wish multiplies every cap's maximum by, rounded down; 1 where nothing is said. */
  readonly notificationFrequency?: Readonly<Partial<Record<'high' | 'medium' | 'low', number>>>;
}

/** What became of a send. */
export interface OracleReceipt extends Receipt {
  /** The send by `sendName`: its id is the engine's own affair. */
  readonly send: string;
}

export interface DecisionInput {
  /** All in file order. */
  readonly events: readonly UserEvent[];
  readonly profiles: readonly UserProfile[];
  readonly consents: readonly ConsentChange[];
  readonly sendRequests: readonly SendRequest[];
  /** Come after everything else of the same time, due messages too; they move no time. */
  readonly receipts?: readonly OracleReceipt[];
  readonly campaigns: readonly Campaign[];
  readonly policy: Policy;
  /** Allowed lateness in ms. */
  readonly lateness: number;
  /** Nothing at or after this instant happens. Default: never. */
  readonly until?: number;
}

export interface OracleStep {
  readonly gate: string;
  readonly verdict: 'pass' | 'block';
  /** Of the channel gate, where several channels were viable: their scores in ten-thousandths. */
  readonly scores?: Readonly<Record<string, number>>;
}

export interface OracleDecision {
  readonly tenantId: string;
  readonly userId: string;
  readonly campaignId: string;
  /** The asker's id; null for a trigger, whose request ids are the engine's own affair. */
  readonly requestId: string | null;
  readonly source: 'trigger' | SendRequest['source'];
  /** "event:ID", "session:STARTED_AT" or "signal:KIND:THRESHOLD"; null for a send-request. */
  readonly cause: string | null;
  readonly requestedAt: number;
  readonly decidedAt: number;
  readonly outcome: 'scheduled' | 'sent' | 'blocked' | 'expired' | 'holdout';
  readonly reason: string | null;
  readonly steps: readonly OracleStep[];
  /** Channel, moment and cost, once a message was scheduled or sent; a block at the moment of sending keeps the first two. */
  readonly channel: string | null;
  readonly dueAt: number | null;
  readonly costMicros: number | null;
  readonly definitionVersion: number;
  /** 0 for the first channel, counting up with each fallback. */
  readonly hop: number;
  /** Channels left to try, once a message was scheduled or sent. */
  readonly fallbacks: readonly string[];
}

export interface OracleSend {
  readonly tenantId: string;
  readonly userId: string;
  readonly campaignId: string;
  readonly requestId: string | null;
  readonly hop: number;
  readonly channel: string;
  readonly address: string;
  readonly costMicros: number;
  readonly dueAt: number;
  readonly expiresAt: number;
}

/** What a campaign has reserved or spent and not given back, in micro-units. */
export interface Ledger {
  reserved: number;
  readonly days: Map<string, number>;
  readonly channels: Map<string, number>;
}

export interface DecisionOutput {
  readonly sessions: OracleSession[];
  readonly signals: OracleSignal[];
  /** In the order in which they were made. */
  readonly decisions: OracleDecision[];
  readonly sends: OracleSend[];
  /** By `tenantId/campaignId`. */
  readonly ledgers: ReadonlyMap<string, Ledger>;
  readonly counts: Readonly<Record<Arrival | 'duplicateRequests' | 'notReached', number>>;
}
