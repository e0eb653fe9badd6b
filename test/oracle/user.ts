// What the decision oracle keeps of one user: everything that ever happened, nothing summed up ahead.
import type { ConsentChange, UserProfile } from '../../schemas/types.ts';
import { byBytes, userKey } from './common.ts';
import type { Metrics, Scope } from './conditions.ts';
import { Learned } from './engagement.ts';
import type { Sent } from './gates.ts';
import type { Campaign, OracleStep } from './model.ts';
import type { Request } from './names.ts';
import { RecentIds, Timeline, type TimelineOptions, type WindowTimer } from './timeline.ts';

/** A request that a message was made for, until it is sent or blocked. */
export interface Message {
  readonly request: Request;
  readonly campaign: Campaign;
  readonly steps: OracleStep[];
  readonly channel: string;
  readonly cost: number;
  readonly dueAt: number;
  readonly expiresAt: number;
  readonly hop: number;
  /** Channels to try where this one fails, best first. */
  readonly fallbacks: readonly string[];
}

/** A message that was sent, under the name that receipts give it. */
export interface SentMessage extends Sent {
  readonly name: string;
  readonly message: Message;
  /** What of the budget it holds, micro-units. */
  cost: number;
  corrected: boolean;
  /** Another channel may follow: by `timeoutAt`, where nobody says that it was delivered. */
  open: boolean;
  readonly timeoutAt: number | undefined;
}

/** A request in a hold, and what it is about. */
export interface Held {
  readonly request: Request;
  readonly scope: Scope;
}

export type Timer =
  | { readonly user: User; readonly instant: number; readonly kind: 'window'; readonly window: WindowTimer }
  | { readonly user: User; readonly instant: number; readonly kind: 'hold' }
  | (TimerOfMessage & { readonly kind: 'due' })
  | (TimerOfMessage & { readonly kind: 'timeout'; readonly sent: SentMessage });

interface TimerOfMessage {
  readonly user: User;
  readonly instant: number;
  readonly message: Message;
}

export class User {
  readonly tenantId: string;
  readonly userId: string;
  readonly key: string;
  readonly timeline: Timeline;
  readonly requestIds: RecentIds;
  readonly metrics: Metrics = {
    events: 0,
    sessions: 0,
    firstSeenAt: Number.POSITIVE_INFINITY,
    lastSeenAt: Number.NEGATIVE_INFINITY,
    eventTypes: new Map(),
  };
  readonly consents: ConsentChange[] = [];
  readonly sent: SentMessage[] = [];
  /** Requests that wait for the end of a hold. */
  held: Held[] = [];
  heldUntil: number | undefined;
  readonly learned = new Learned();
  /** Messages that wait for their moment. */
  scheduled: Message[] = [];
  profile: UserProfile | undefined;
  /** The user's next timer as it was last looked up; "unknown" after any change. */
  next: Timer | undefined | 'unknown' = 'unknown';

  constructor(who: { readonly tenantId: string; readonly userId: string }, options: TimelineOptions) {
    this.tenantId = who.tenantId;
    this.userId = who.userId;
    this.key = userKey(who);
    this.timeline = new Timeline(options);
    this.requestIds = new RecentIds(options.lateness);
  }

  /** Whether a message is scheduled, or was sent, for this very request of the API or a batch. */
  knows({ requestId, campaignId, requestedAt }: Request): boolean {
    if (requestId === null) return false;
    const messages = [...this.scheduled, ...this.sent.map(({ message }) => message)];
    return messages.some(
      ({ request: r }) => r.requestId === requestId && r.campaignId === campaignId && r.requestedAt === requestedAt,
    );
  }

  /** The user's next timer; undefined: nothing is pending. */
  nextTimer(): Timer | undefined {
    if (this.next !== 'unknown') return this.next;
    const timers: Timer[] = [
      ...this.timeline
        .pending()
        .map((window): Timer => ({ user: this, instant: window.instant, kind: 'window', window })),
      ...this.scheduled.map((message): Timer => ({ user: this, instant: message.dueAt, kind: 'due', message })),
      ...this.sent.flatMap((sent): Timer[] => {
        const { open, timeoutAt, message } = sent;
        return open && timeoutAt !== undefined
          ? [{ user: this, instant: timeoutAt, kind: 'timeout', message, sent }]
          : [];
      }),
    ];
    if (this.heldUntil !== undefined) timers.push({ user: this, instant: this.heldUntil, kind: 'hold' });
    this.next = timers.sort(compareTimers)[0];
    return this.next;
  }
}

const RANKS = ['due', 'session', 'inactive', 'returned'];

function rank(timer: Timer): number {
  return RANKS.indexOf(timer.kind === 'window' ? timer.window.kind : 'due');
}

/** The order in which timers fire: instant; due (of a message, its receipt or a hold), session, inactive, returned; user; for due ones request time, priority, campaign. */
export function compareTimers(a: Timer, b: Timer): number {
  const first = a.instant - b.instant || rank(a) - rank(b) || byBytes(a.user.key, b.user.key);
  if (first !== 0 || a.kind === 'window' || b.kind === 'window') return first;
  // A hold ends once everything is sent that was due by its end.
  if (a.kind === 'hold' || b.kind === 'hold') return a.kind === 'hold' ? 1 : -1;
  return (
    a.message.request.requestedAt - b.message.request.requestedAt ||
    compareCampaigns(a.message.campaign, b.message.campaign)
  );
}

/** Higher priority first, then the campaign's id in byte order. */
export function compareCampaigns(a: Campaign, b: Campaign): number {
  return b.priority - a.priority || byBytes(a.id, b.id);
}
