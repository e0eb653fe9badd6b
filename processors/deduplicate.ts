// Drops records whose id was processed for the user at most an hour of event time away.
import { seenIds } from '../schemas/cells.ts';
import { acceptedEvents, acceptedRequests } from '../schemas/streams.ts';
import { events, sendRequests } from '../schemas/topics.ts';
import type { SeenIds } from '../schemas/types.ts';
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
  const seen = context.get(seenIds);
  if (seen !== undefined && holds(seen, id, time, context)) return true;
  if (seen?.spread) {
    const list = `seen ${hashOf(id) % LISTS}`;
    const own = context.get(seenIds, list);
    if (own !== undefined && holds(own, id, time, context)) return true;
    context.set(seenIds, withId(own, id, time, false, context), list);
    return false;
  }
  const kept = withId(seen, id, time, false, context);
  context.set(seenIds, kept.ids.length < LIST ? kept : { ...kept, spread: true });
  return false;
}

function rememberedFrom({ streamTime, lateness }: Context): number {
  return streamTime - DUPLICATE_WITHIN - lateness;
}

function holds({ ids, times }: SeenIds, id: string, time: number, context: Context): boolean {
  const from = rememberedFrom(context);
  for (let at = ids.indexOf(id); at >= 0; at = ids.indexOf(id, at + 1)) {
    const before = times[at] as number;
    if (before >= from && Math.abs(time - before) <= DUPLICATE_WITHIN) return true;
  }
  return false;
}

/** The list with one more id and without those that are remembered no longer. */
function withId(seen: SeenIds | undefined, id: string, time: number, spread: boolean, context: Context): SeenIds {
  if (seen === undefined) return { ids: [id], times: [time], spread };
  const { ids, times } = seen;
  const from = rememberedFrom(context);
  let first = 0;
  while (first < times.length && (times[first] as number) < from) first++;
  // Copied by hand, in one go each: this runs for every event.
  const kept = ids.length - first;
  const nextIds = new Array<string>(kept + 1);
  const nextTimes = new Array<number>(kept + 1);
  for (let i = 0; i < kept; i++) {
    nextIds[i] = ids[first + i] as string;
    nextTimes[i] = times[first + i] as number;
  }
  nextIds[kept] = id;
  nextTimes[kept] = time;
  return { ids: nextIds, times: nextTimes, spread };
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
