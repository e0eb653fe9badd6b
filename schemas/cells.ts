// The cells of state that topologies keep, with the schema each is stored by. A tag is never reused.
import { type AvroCodec, loadCodec } from './avro.ts';
import type {
  Activity,
  BudgetDay,
  BudgetLedger,
  ConsentLedger,
  Exposures,
  MeasuredEvents,
  OpenSessions,
  Reservation,
  ScheduledOccurrences,
  SeenIds,
  UserEngagement,
  UserMessages,
  UserMetrics,
  UserSegments,
  UserWindows,
} from './state-types.ts';
import type { UserProfile } from './types.ts';

interface CellOf<T> {
  readonly name: string;
  readonly tag: number;
  readonly codec: AvroCodec<T>;
}

function cell<T>(tag: number, path: string): CellOf<T> {
  return { name: path.slice(path.indexOf('/') + 1), tag, codec: loadCodec<T>(path) };
}

/** Kept for each user by engage. */
export const seenIds = cell<SeenIds>(0, 'state/seen-ids');
export const openSessions = cell<OpenSessions>(1, 'state/open-sessions');
export const activity = cell<Activity>(2, 'state/activity');
export const metrics = cell<UserMetrics>(3, 'state/metrics');
export const profile = cell<UserProfile>(4, 'avsc/profiles');
export const consentLedger = cell<ConsentLedger>(5, 'state/consents');
export const messages = cell<UserMessages>(6, 'state/messages');
export const engagement = cell<UserEngagement>(7, 'state/engagement');
export const scheduled = cell<ScheduledOccurrences>(8, 'state/schedules');
export const segments = cell<UserSegments>(9, 'state/segments');
export const windows = cell<UserWindows>(10, 'state/windows');
export const exposures = cell<Exposures>(11, 'state/exposures');
/** In rows of their own, by hour (of event time, since 1970). */
export const measuredEvents = cell<MeasuredEvents>(12, 'state/measured-events');

/** Kept for each campaign by pace. */
export const budgetLedger = cell<BudgetLedger>(0, 'state/budget-ledger');
export const reservation = cell<Reservation>(1, 'state/reservation');
/** In rows of their own, by local day (YYYY-MM-DD in the campaign's zone). */
export const budgetDay = cell<BudgetDay>(2, 'state/budget-day');
