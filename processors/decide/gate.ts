// The contract of a gate: a pure function of the case before it. Each gate leaves its verdict and the facts it used.
import type { Campaign } from '../../schemas/campaign.ts';
import { isoTime } from '../../schemas/iso-time.ts';
import type { Zone } from '../../schemas/local-time.ts';
import type { Policy } from '../../schemas/policy.ts';
import type { Reason } from '../../schemas/reasons.ts';
import type {
  ConsentLedger,
  UserEngagement,
  UserMessages,
  UserMetrics,
  UserWindows,
} from '../../schemas/state-types.ts';
import type { Request } from '../../schemas/streams.ts';
import type { DecisionStep, SendCommand, UserProfile } from '../../schemas/types.ts';

/** A request and all that gates may know about it. */
export interface Case {
  readonly request: Request;
  readonly campaign: Campaign;
  readonly policy: Policy;
  /** Epoch ms: the moment of judgement. */
  readonly now: number;
  readonly profile: UserProfile | undefined;
  readonly consents: ConsentLedger | undefined;
  readonly metrics: UserMetrics | undefined;
  readonly windows: UserWindows | undefined;
  readonly messages: UserMessages;
  /** How the user answered so far and when they are active; undefined where nothing is learned. */
  readonly engagement: UserEngagement | undefined;
  /** The user's zone; UTC where it is not known. */
  readonly zone: Zone;
  readonly zoneKnown: boolean;
  /** Epoch ms: the watermark when the request came. */
  readonly watermark: number;
  /** Channels with consent, in the campaign's order; set by the consent gate. */
  consented: readonly string[];
  /** Viable channels, best first; set by the channel gate. */
  ranked: readonly string[];
  /** The earliest allowed instant; set by the send-time gate. */
  earliestAt: number;
  /** The message for the chosen channel; set at the moment of sending. */
  content: SendCommand['content'] | null;
}

export type Facts = DecisionStep['facts'];

/** Facts as a gate gathers them: one object filled in place, as copies of it were a fifth of what a decision allocated. */
export type Told = Record<string, Facts[string]>;

export interface Blocked {
  readonly verdict: 'block';
  readonly facts: Facts;
  readonly reason: Reason;
}

export type Verdict = { readonly verdict: 'pass'; readonly facts: Facts } | Blocked;

export interface Gate {
  readonly name: string;
  /** False where the gate does not apply and leaves no step. */
  applies?(c: Case): boolean;
  judge(c: Case): Verdict;
}

export function pass(facts: Facts = {}): Verdict {
  return { verdict: 'pass', facts };
}

export function block(reason: Reason, facts: Facts = {}): Blocked {
  return { verdict: 'block', reason, facts };
}

// The last two instants shown. The facts of one decision show the same few, the moment and when it expires in turn.
let lastInstant = 0;
let lastText = isoTime(lastInstant);
let instantBefore = lastInstant;
let textBefore = lastText;

/** An instant as facts show it. */
export function iso(instant: number): string {
  if (instant === lastInstant) return lastText;
  const text = instant === instantBefore ? textBefore : isoTime(instant);
  instantBefore = lastInstant;
  textBefore = lastText;
  lastInstant = instant;
  lastText = text;
  return text;
}
