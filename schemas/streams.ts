// What passes between processors of one topology in memory and needs no topic.
import type { Stream } from './topics.ts';
import type { Decision, SendRequest, Signal, UserEvent, UserProfile } from './types.ts';

/** Somebody or something asks that a user gets a campaign's message. */
export interface Request {
  readonly requestId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly campaignId: string;
  readonly source: Decision['source'];
  /** Id of the event, session, signal or occurrence that triggered it; null for an outside request. */
  readonly cause: string | null;
  /** Epoch ms. */
  readonly requestedAt: number;
  /** Values for conditions and content: the request's data, the event's properties, the signal's or session's facts. */
  readonly data: SendRequest['data'];
  /** Epoch ms: the message may not be sent before; null: no such wish. */
  readonly notBefore: number | null;
  /** A record asks, although its cause is no event. */
  readonly byRecord?: boolean;
}

/** A moment of schedules has come for a user. */
export interface OccurrenceOf {
  readonly tenantId: string;
  readonly userId: string;
  /** Epoch ms. */
  readonly at: number;
  /** Campaigns whose schedules it is of. */
  readonly campaignIds: readonly string[];
}

/** A profile has come, and took the place of another. */
export interface ProfileChange {
  readonly profile: UserProfile;
  /** Undefined: there was none. */
  readonly before: UserProfile | undefined;
}

/** A user has entered or left a segment, in a way that may trigger: not because the segment itself changed. */
export interface SegmentChange {
  readonly signal: Signal;
  /** A record made it, no timer. */
  readonly byRecord: boolean;
}

/** A cause that matched a campaign's trigger but made no request; only when somebody asks why. */
export interface Unmatched {
  readonly tenantId: string;
  readonly userId: string;
  readonly campaignId: string;
  readonly cause: string;
  readonly at: number;
  /** `where` or `audience`, and the part of it that failed, in words. */
  readonly part: 'where' | 'audience';
  readonly why: string;
}

/** Events that are no duplicates. */
export const acceptedEvents: Stream<UserEvent> = { name: 'accepted-events' };
/** Profiles as they come. */
export const profileChanges: Stream<ProfileChange> = { name: 'profile-changes' };
/** Outside requests that are no duplicates. */
export const acceptedRequests: Stream<SendRequest> = { name: 'accepted-requests' };
/** Requests to decide, from triggers. */
export const requests: Stream<Request> = { name: 'requests' };
/** Segments entered and left. */
export const segmentChanges: Stream<SegmentChange> = { name: 'segment-changes' };
/** Moments of schedules. */
export const occurrences: Stream<OccurrenceOf> = { name: 'occurrences' };
/** Why triggers made no request. */
export const unmatched: Stream<Unmatched> = { name: 'unmatched' };
