// Users whose profiles and consents change, who ask, and whose messages fail or arrive. What varies follows from hashes, so
// that the same message has the same fate in every run.
import { createHash } from 'node:crypto';
import { population } from '../../../cli/demo/population.ts';
import { DAY_MS } from '../../../schemas/durations.ts';
import type {
  ConsentChange,
  Receipt,
  SendCommand,
  SendRequest,
  UserEvent,
  UserProfile,
} from '../../../schemas/types.ts';
import { date, FROM } from './definitions.ts';

const USERS = 40;
const DAYS = 8;
const HOUR = 3_600_000;
const SLICE = 6 * HOUR;
export const UNTIL = FROM + (DAYS + 5) * DAY_MS;
export const SLICES = (UNTIL - FROM) / SLICE;
const ZONES = ['Europe/Berlin', 'America/New_York', 'Africa/Nairobi', 'Pacific/Auckland'];

/** Epoch ms at which a slice of the run begins. Tables change then; receipts come a millisecond before. */
export function beginOf(slice: number): number {
  return FROM + slice * SLICE;
}

export interface People {
  readonly events: readonly UserEvent[];
  readonly profiles: readonly UserProfile[];
  readonly consents: readonly ConsentChange[];
  readonly sendRequests: readonly SendRequest[];
}

/** Records by topic, each in order of time. */
export function people(): People {
  const made = population({ users: USERS, days: DAYS, from: FROM });
  const first = made.profiles.map((profile) => ({ ...profile, ...groupsOf(profile, 0), updatedAt: FROM - DAY_MS }));
  const granted = made.consents.filter(({ changedAt }) => changedAt < FROM);
  return {
    events: made.events
      .filter(({ occurredAt }) => occurredAt >= FROM && occurredAt % SLICE !== 0)
      .sort((a, b) => a.occurredAt - b.occurredAt),
    profiles: [...first, ...first.flatMap(changesOf)].sort((a, b) => a.updatedAt - b.updatedAt),
    consents: [...granted, ...first.flatMap(revocationsOf)].sort((a, b) => a.changedAt - b.changedAt),
    sendRequests: first.flatMap(requestsOf).sort((a, b) => a.requestedAt - b.requestedAt),
  };
}

/** The end of a slice, in which the people ask and do nothing else. */
const ASKING = 30 * 60_000;
const BETWEEN_REQUESTS = 1000;

/** The same people, who ask at the ends of slices alone: of each slice the events come first, then the requests. */
export function inRounds(all: People): People {
  const sliceOf = (at: number): number => Math.floor((at - FROM) / SLICE);
  const asked = new Map<number, number>();
  const sendRequests = all.sendRequests.map((request) => {
    const slice = sliceOf(request.requestedAt);
    const nth = asked.get(slice) ?? 0;
    asked.set(slice, nth + 1);
    const requestedAt = beginOf(slice + 1) - ASKING + nth * BETWEEN_REQUESTS;
    const { notBefore } = request;
    return {
      ...request,
      requestedAt,
      notBefore: notBefore === null ? null : notBefore + requestedAt - request.requestedAt,
    };
  });
  const events = all.events.filter(({ occurredAt: at }) => at < beginOf(sliceOf(at) + 1) - ASKING);
  return { ...all, events, sendRequests };
}

function changesOf(profile: UserProfile): UserProfile[] {
  return [0, 1, 2].map((n) => {
    const h = hashOf(`${profile.userId} profile ${n}`);
    const attributes = {
      ...profile.attributes,
      ...(h % 3 === 0 ? {} : { dueOn: date(2 + (h % 9)) }),
      ...(h % 5 === 0 ? { nickname: 'Z' } : {}),
    };
    const timezone = ZONES[h % ZONES.length] as string;
    return {
      ...profile,
      ...groupsOf(profile, n + 1),
      timezone,
      attributes,
      updatedAt: beginOf(2 + (h % (SLICES - 4))),
    };
  });
}

/** As of the nth change: some are in both groups, some in none. */
function groupsOf({ userId }: UserProfile, n: number): Pick<UserProfile, 'groups'> {
  const h = hashOf(`${userId} groups ${n}`);
  return { groups: ['savings-1', 'savings-2'].filter((_, i) => (h >>> i) % 2 === 0) };
}

function revocationsOf({ tenantId, userId }: UserProfile): ConsentChange[] {
  const h = hashOf(`${userId} consent`);
  if (h % 4 !== 0) return [];
  const change = { purpose: 'marketing', channel: h % 8 === 0 ? null : 'sms', granted: false };
  return [{ tenantId, userId, ...change, version: null, source: null, changedAt: beginOf(4 + (h % 10)) }];
}

function requestsOf({ tenantId, userId }: UserProfile): SendRequest[] {
  return Array.from({ length: 8 }, (_, n) => {
    const h = hashOf(`${userId} request ${n}`);
    const requestedAt = FROM + 7 + (h % (DAYS * 86_400)) * 1000;
    return {
      ...{
        requestId: `r${n}`,
        tenantId,
        userId,
        campaignId: n % 2 === 0 ? 'told' : 'asked',
        source: 'api',
        requestedAt,
      },
      data: h % 5 === 0 ? {} : { code: 'x' },
      notBefore: h % 3 === 0 ? requestedAt + (h % 60) * HOUR : null,
    };
  });
}

const FATES = [
  ...(['failed', 'failed', 'failed', 'failed'] as const),
  ...(['delivered', 'delivered', 'delivered'] as const),
  ...(['accepted', 'opened', undefined] as const),
];

/** What providers and users answer to the messages, in order of time. Some of it comes twice, some later than the channel waits. */
export function answersTo(sent: readonly SendCommand[]): readonly Receipt[] {
  const all = sent.flatMap((send): Receipt[] => {
    const { sendId, tenantId, userId, campaignId, requestId, hop, channel, costMicros, dueAt } = send;
    const h = hashOf(sendId);
    const status = FATES[h % FATES.length];
    const later = (h >>> 8) % 3 === 0 ? 2 : 1;
    const occurredAt = beginOf(Math.floor((dueAt - FROM) / SLICE) + later) - 1;
    if (status === undefined) return [];
    const ids = { sendId, tenantId, userId, campaignId, requestId, hop, channel };
    const cost = status === 'failed' ? null : h % 7 === 0 ? Math.floor(costMicros / 2) : costMicros;
    const error = status === 'failed' ? 'no such number' : null;
    const told = { status, occurredAt, costMicros: cost, providerMessageId: null, error };
    const answer = { receiptId: `${sendId} 1`, ...ids, ...told };
    return [
      answer,
      ...(h % 11 === 0 ? [{ ...answer, receiptId: `${sendId} 2` }] : []),
      ...(h % 13 === 0
        ? [{ ...answer, receiptId: `${sendId} 3`, status: 'clicked' as const, occurredAt: occurredAt + SLICE }]
        : []),
    ];
  });
  return all
    .filter(({ occurredAt }) => occurredAt < UNTIL)
    .sort((a, b) => a.occurredAt - b.occurredAt || a.hop - b.hop || (a.receiptId < b.receiptId ? -1 : 1));
}

function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}
