// Keeps what conditions and gates ask of a user: the newest profile, the consents, counts over the whole history.
import { consentLedger, metrics, profile } from '../schemas/cells.ts';
import { withName, withOneMore } from '../schemas/counts.ts';
import type { ConsentEntry, ConsentLedger, UserMetrics } from '../schemas/state-types.ts';
import { acceptedEvents, profileChanges } from '../schemas/streams.ts';
import { consents, EVERY_PURPOSE, profiles, receipts, sessions } from '../schemas/topics.ts';
import type { ConsentChange, UserEvent } from '../schemas/types.ts';
import { on, type Processor } from './processor.ts';

/** Grants kept for a purpose and channel beyond its last revocation; more matter only to times long past. */
const GRANTS_KEPT = 64;

export function keepUser(): Processor {
  return {
    name: 'keep-user',
    emits: [profileChanges],
    writes: [profile, consentLedger, metrics],
    on: [
      // The last to arrive counts, as on the compacted topic itself.
      on(profiles, (value, context) => {
        const before = context.get(profile);
        context.set(profile, value);
        context.emit(profileChanges, { profile: value, before });
      }),
      on(consents, (change, context) => context.set(consentLedger, withChange(context.get(consentLedger), change))),
      // Whoever unsubscribes wants no more marketing on the channel, whatever its purpose; also of a message long forgotten.
      on(receipts, ({ status, channel, occurredAt: changedAt }, context) => {
        if (status !== 'unsubscribed') return;
        const change = { purpose: EVERY_PURPOSE, channel, granted: false, changedAt };
        context.set(consentLedger, withChange(context.get(consentLedger), change, true));
      }),
      on(acceptedEvents, (event, context) => context.set(metrics, withEvent(context.get(metrics), event))),
      on(sessions, (_, context) => {
        const known = context.get(metrics);
        if (known !== undefined) context.set(metrics, { ...known, sessions: known.sessions + 1 });
      }),
    ],
  };
}

const NONE: ConsentLedger['entries'] = [];

type Change = Pick<ConsentChange, 'purpose' | 'channel' | 'granted' | 'changedAt'>;

/** `unsubscribed`: a receipt told it, and not a record of consents. */
function withChange(ledger: ConsentLedger | undefined, change: Change, unsubscribed = false): ConsentLedger {
  const same = (e: ConsentEntry): boolean =>
    e.purpose === change.purpose && e.channel === change.channel && e.unsubscribed === unsubscribed;
  const entries = ledger?.entries ?? NONE;
  // A version that knows nothing of receipts' revocations makes entries like others of them, so there may be two.
  const known = entries.filter(same);
  const revocations = known.flatMap(({ revokedAt }) => (revokedAt === null ? [] : [revokedAt]));
  if (!change.granted) revocations.push(change.changedAt);
  const revoked = revocations.length === 0 ? null : Math.max(...revocations);
  const grants = known.flatMap(({ grantedAt }) => grantedAt);
  if (change.granted) grants.push(change.changedAt);
  grants.sort((a, b) => a - b);
  // A grant at or before a revocation can never win: the later counts, and a revocation on a tie.
  const alive = grants.filter((at) => revoked === null || at > revoked);
  // The earliest says since when there is consent; of the others the latest matter.
  if (alive.length > GRANTS_KEPT) alive.splice(1, alive.length - GRANTS_KEPT);
  const { purpose, channel } = change;
  const entry: ConsentEntry = { purpose, channel, revokedAt: revoked, unsubscribed, grantedAt: alive.slice() };
  // Lists that grow hold room for seventeen, and these are kept for every user: `slice` and `concat` make none longer than needed.
  return { entries: entries.filter((e) => !same(e)).concat([entry]) };
}

function withEvent(known: UserMetrics | undefined, { occurredAt, type }: UserEvent): UserMetrics {
  if (known === undefined) {
    return {
      events: 1,
      sessions: 0,
      firstSeenAt: occurredAt,
      lastSeenAt: occurredAt,
      types: [type],
      counts: [1],
    };
  }
  const { types } = known;
  const at = types.indexOf(type);
  return {
    events: known.events + 1,
    sessions: known.sessions,
    firstSeenAt: Math.min(known.firstSeenAt, occurredAt),
    lastSeenAt: Math.max(known.lastSeenAt, occurredAt),
    types: at < 0 ? withName(types, type) : types,
    counts: withOneMore(known.counts, at < 0 ? types.length : at),
  };
}
