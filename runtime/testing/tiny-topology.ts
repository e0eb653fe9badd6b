// A topology of two small processors, for tests of the engine: it counts, sets timers and fails on demand.
import { on, type Processor, type TimerKind, timers } from '../../processors/processor.ts';
import { codecOf } from '../../schemas/avro.ts';
import {
  consents,
  events,
  profiles,
  type Stream,
  sendRequests,
  sessions,
  signals,
  verdicts,
} from '../../schemas/topics.ts';
import type { Signal, UserEvent } from '../../schemas/types.ts';
import type { Cell } from '../../state/store.ts';
import { defineTopology, internal, stream, type Topology, table } from '../../topologies/graph.ts';

export interface Tally {
  readonly count: number;
}
const tallyCodec = codecOf<Tally>('{"type":"record","name":"Tally","fields":[{"name":"count","type":"long"}]}');
export const tally: Cell<Tally> = { name: 'tally', tag: 0, codec: tallyCodec };
export const stray: Cell<Tally> = { name: 'stray', tag: 1, codec: tallyCodec };
export const counted: Stream<Tally> = { name: 'counted' };

/** What an event tells the processors to do, in its properties. */
export interface Orders {
  /** Sets a timer for this instant, with the event's id. */
  readonly timerAt?: number;
  readonly timerKind?: 'due' | 'session' | 'inactive';
  /** Sets a timer from within a timer: this many ms after its instant. */
  readonly again?: number;
  readonly fail?: 'first' | 'second' | 'timer';
  readonly undeclared?: 'emit' | 'read' | 'write';
  /** The instant `timerAt` may be any number, for tests of bad ones. */
  readonly sub?: string;
}

export function event(
  userId: string,
  occurredAt: number,
  orders: Orders = {},
  eventId = `${userId}@${occurredAt}`,
): UserEvent {
  return {
    eventId,
    tenantId: 't',
    userId,
    sessionId: null,
    occurredAt,
    type: 'e',
    properties: orders as UserEvent['properties'],
  };
}

export function signal(key: string, kind: string, firedAt: number, signalId: string, facts: Signal['facts']): Signal {
  return { signalId, tenantId: 't', userId: key.slice(2), kind, firedAt, facts };
}

const count: Processor = {
  name: 'count',
  emits: [signals, counted],
  writes: [tally],
  on: [
    on(events, ({ eventId, properties }, context) => {
      const { timerAt, timerKind = 'due', fail, undeclared, sub, again } = properties as Orders;
      const next = { count: (context.get(tally, sub)?.count ?? 0) + 1 };
      context.set(tally, next, sub);
      if (context.late) context.count('late');
      context.emit(
        signals,
        signal(context.key, 'record', context.time, eventId, {
          count: next.count,
          late: context.late,
          streamTime: context.streamTime,
        }),
      );
      if (timerAt !== undefined)
        context.setTimer(timers[timerKind], timerAt, fail === 'timer' ? 'fail' : `${eventId}+${again ?? ''}`);
      if (undeclared === 'emit') context.emit(sessions as Stream<unknown>, {});
      if (undeclared === 'read') context.get(stray);
      if (undeclared === 'write') context.set(stray, next);
      if (fail === 'first') throw new Error('first failed');
      context.emit(counted, next);
      if (fail === 'second') throw new Error('after the second');
    }),
    on(profiles, (_, context) =>
      context.emit(
        signals,
        signal(context.key, 'table', context.time, 'p', { late: context.late, streamTime: context.streamTime }),
      ),
    ),
    on(verdicts, (_, context) =>
      context.emit(
        signals,
        signal(context.key, 'internal', context.time, 'v', { late: context.late, streamTime: context.streamTime }),
      ),
    ),
  ],
  timers: (['due', 'session', 'inactive'] as const).map((name) => {
    const kind: TimerKind = timers[name];
    return {
      kind,
      fire: ({ at, id }, context) => {
        const next = { count: (context.get(tally)?.count ?? 0) + 1 };
        context.set(tally, next);
        context.emit(
          signals,
          signal(context.key, name, context.time, id, { at, count: next.count, streamTime: context.streamTime }),
        );
        const again = Number(id.split('+')[1] ?? '');
        if (again !== 0) context.setTimer(kind, at + again, `${id.split('+')[0]}+`);
        if (id === 'fail') throw new Error('timer failed');
      },
    };
  }),
};

const watch: Processor = {
  name: 'watch',
  emits: [],
  reads: [tally],
  on: [on(counted, (_, context) => void context.get(tally)), on(sendRequests, () => {}), on(consents, () => {})],
};

export function tinyTopology(): Topology {
  return defineTopology({
    name: 'tiny',
    keyed: 'user',
    inputs: [stream(events), stream(sendRequests), table(profiles), table(consents), internal(verdicts)],
    processors: [count, watch],
    outputs: [signals],
    globals: [],
  });
}
