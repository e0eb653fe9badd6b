// What the decision oracle keeps of one user: everything that ever happened, nothing summed up ahead.
import type { ConsentChange, UserProfile } from '../../schemas/types.ts';
import { byBytes, userKey } from './common.ts';
import type { Metrics } from './conditions.ts';
import type { Sent } from './gates.ts';
import type { Campaign, OracleDecision, OracleStep } from './model.ts';
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
}

export type Request = Pick<OracleDecision, 'requestId' | 'campaignId' | 'source' | 'cause' | 'requestedAt'> & {
  /** Absent: no such wish. */
  readonly notBefore?: number;
};

export type Timer =
  | { readonly user: User; readonly instant: number; readonly kind: 'window'; readonly window: WindowTimer }
  | { readonly user: User; readonly instant: number; readonly kind: 'due'; readonly message: Message };

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
  readonly sent: Sent[] = [];
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

  /** The user's next timer; undefined: nothing is pending. */
  nextTimer(): Timer | undefined {
    if (this.next !== 'unknown') return this.next;
    const timers: Timer[] = [
      ...this.timeline
        .pending()
        .map((window): Timer => ({ user: this, instant: window.instant, kind: 'window', window })),
      ...this.scheduled.map((message): Timer => ({ user: this, instant: message.dueAt, kind: 'due', message })),
    ];
    this.next = timers.sort(compareTimers)[0];
    return this.next;
  }
}

const RANKS = ['due', 'session', 'inactive', 'returned'];

function rank(timer: Timer): number {
  return RANKS.indexOf(timer.kind === 'due' ? 'due' : timer.window.kind);
}

/** The order in which timers fire: instant; due, session, inactive, returned; user; for due ones request time, priority, campaign. */
export function compareTimers(a: Timer, b: Timer): number {
  const first = a.instant - b.instant || rank(a) - rank(b) || byBytes(a.user.key, b.user.key);
  if (first !== 0 || a.kind !== 'due' || b.kind !== 'due') return first;
  return (
    a.message.request.requestedAt - b.message.request.requestedAt ||
    compareCampaigns(a.message.campaign, b.message.campaign)
  );
}

/** Higher priority first, then the campaign's id in byte order. */
export function compareCampaigns(a: Campaign, b: Campaign): number {
  return b.priority - a.priority || byBytes(a.id, b.id);
}
