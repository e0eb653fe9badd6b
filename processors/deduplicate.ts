// Drops records whose id was processed for the user at most an hour of event time away.
import { seenIds } from '../schemas/cells.ts';
import type { SeenIds } from '../schemas/state-types.ts';
import { acceptedEvents, acceptedRequests } from '../schemas/streams.ts';
import { events, sendRequests } from '../schemas/topics.ts';
import { type Context, on, type Processor } from './processor.ts';

/** Event time within which a repeated id is a duplicate, ms. */
export const DUPLICATE_WITHIN = 3_600_000;
/** Sets request ids apart from event ids. */
const REQUEST = '\0';

export interface DeduplicateOptions {
  /** Also drop repeated send-requests. */
  readonly outsideRequests?: boolean;
}

export function deduplicate({ outsideRequests = true }: DeduplicateOptions = {}): Processor {
  const onEvents = on(events, (event, context) => {
    if (isRepeated(event.eventId, event.occurredAt, context)) context.count('duplicate');
    else {
      if (context.late) context.count('late');
      context.emit(acceptedEvents, event);
    }
  });
  const onRequests = on(sendRequests, (request, context) => {
    if (isRepeated(REQUEST + request.requestId, request.requestedAt, context)) context.count('duplicate');
    else context.emit(acceptedRequests, request);
  });
  return {
    name: 'deduplicate',
    emits: outsideRequests ? [acceptedEvents, acceptedRequests] : [acceptedEvents],
    writes: [seenIds],
    on: outsideRequests ? [onEvents, onRequests] : [onEvents],
  };
}

/** Ids kept in one list. A user with more has the others spread over many lists, so that none grows long. */
const LIST = 128;
const LISTS = 256;

/** Whether the id was seen within the hour; remembers it if not. An id is remembered for the hour and the lateness. */
function isRepeated(id: string, time: number, context: Context): boolean {
  const hash = hashOf(id);
  const seen = context.get(seenIds);
  if (seen !== undefined && holds(seen, id, hash, time, context)) return true;
  if (seen?.spread) {
    const list = `seen ${(hash >>> 0) % LISTS}`;
    const own = context.get(seenIds, list);
    if (own !== undefined && holds(own, id, hash, time, context)) return true;
    context.set(seenIds, withId(own, id, hash, time, context), list);
    return false;
  }
  const kept = withId(seen, id, hash, time, context);
  context.set(seenIds, kept.ids.length < LIST ? kept : { ...kept, spread: true });
  return false;
}

function rememberedFrom({ streamTime, lateness }: Context): number {
  return streamTime - DUPLICATE_WITHIN - lateness;
}

function holds({ ids, hashes, times }: SeenIds, id: string, hash: number, time: number, context: Context): boolean {
  const from = rememberedFrom(context);
  for (let at = hashes.indexOf(hash); at >= 0; at = hashes.indexOf(hash, at + 1)) {
    if (ids[at] !== id) continue;
    const before = times[at] as number;
    if (before >= from && Math.abs(time - before) <= DUPLICATE_WITHIN) return true;
  }
  return false;
}

/** The list with one more id and without those that are remembered no longer. */
function withId(seen: SeenIds | undefined, id: string, hash: number, time: number, context: Context): SeenIds {
  if (seen === undefined) return { ids: [id], hashes: [hash], times: [time], spread: false };
  const { ids, hashes, times } = seen;
  const from = rememberedFrom(context);
  let first = 0;
  while (first < times.length && (times[first] as number) < from) first++;
  // Copied by hand, in one go each: this runs for every event.
  const kept = ids.length - first;
  const nextIds = new Array<string>(kept + 1);
  const nextHashes = new Array<number>(kept + 1);
  const nextTimes = new Array<number>(kept + 1);
  for (let i = 0; i < kept; i++) {
    nextIds[i] = ids[first + i] as string;
    nextHashes[i] = hashes[first + i] as number;
    nextTimes[i] = times[first + i] as number;
  }
  nextIds[kept] = id;
  nextHashes[kept] = hash;
  nextTimes[kept] = time;
  return { ids: nextIds, hashes: nextHashes, times: nextTimes, spread: false };
}

/** FNV-1a, 32 bits with a sign. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
