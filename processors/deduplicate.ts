// Drops records whose id was processed for the user at most an hour of event time away.
import { seenIds } from '../schemas/cells.ts';
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

/** Whether the id was seen within the hour; remembers it if not. An id is remembered for the hour and the lateness. */
function isRepeated(id: string, time: number, context: Context): boolean {
  const seen = context.get(seenIds);
  if (seen === undefined) {
    context.set(seenIds, { ids: [id], times: [time] });
    return false;
  }
  const { ids, times } = seen;
  const rememberedFrom = context.streamTime - DUPLICATE_WITHIN - context.lateness;
  for (let at = ids.indexOf(id); at >= 0; at = ids.indexOf(id, at + 1)) {
    const before = times[at] as number;
    if (before >= rememberedFrom && Math.abs(time - before) <= DUPLICATE_WITHIN) return true;
  }
  let keepFrom = 0;
  while (keepFrom < times.length && (times[keepFrom] as number) < rememberedFrom) keepFrom++;
  // Copied by hand, in one go each: this runs for every event, and busy users have long lists.
  const kept = ids.length - keepFrom;
  const nextIds = new Array<string>(kept + 1);
  const nextTimes = new Array<number>(kept + 1);
  for (let i = 0; i < kept; i++) {
    nextIds[i] = ids[keepFrom + i] as string;
    nextTimes[i] = times[keepFrom + i] as number;
  }
  nextIds[kept] = id;
  nextTimes[kept] = time;
  context.set(seenIds, { ids: nextIds, times: nextTimes });
  return false;
}
