import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Processor } from '../../processors/processor.ts';
import { on } from '../../processors/processor.ts';
import { budgetLedger, messages, metrics } from '../../schemas/cells.ts';
import { Definitions } from '../../schemas/definitions.ts';
import { candidates, decisions, events, sendRequests, sessions, signals } from '../../schemas/topics.ts';
import type { UserEvent } from '../../schemas/types.ts';
import { engage } from '../../topologies/engage.ts';
import { defineTopology, stream } from '../../topologies/graph.ts';
import { pace } from '../../topologies/pace.ts';
import { TestDriver } from './driver.ts';

const T0 = Date.UTC(2026, 2, 2);
const MINUTE = 60_000;
let made = 0;
const event = (occurredAt: number, userId = 'u1'): UserEvent => {
  const ids = { eventId: `e${++made}`, tenantId: 'default', userId, sessionId: null };
  return { ...ids, occurredAt, type: 'view', properties: {} };
};
const driver = (options: { lateness?: number; partitions?: number } = {}): TestDriver => {
  const definitions = new Definitions();
  return new TestDriver({ topologies: [engage(definitions), pace(definitions)], ...options });
};

describe('time', () => {
  it('follows the records and fires a timer once it is past its instant', () => {
    const d = driver();
    d.pipe(events, event(T0));
    expect(d.time).toBe(T0);
    d.advance(T0 + 35 * MINUTE);
    expect(d.read(sessions)).toEqual([]);
    d.advance('1s');
    expect(d.read(sessions).map((s) => s.endedAt)).toEqual([T0]);
  });

  it('goes to an instant in words, and never back', () => {
    const d = driver();
    d.advance('2026-03-05T00:00:00Z');
    expect(d.time).toBe(T0 + 3 * 24 * 60 * MINUTE);
    expect(() => d.advance('2026-03-04T00:00:00+01:00')).toThrow('2026-03-03T23:00:00.000Z has passed');
  });

  it('needs a beginning for a duration, and a zone for an instant', () => {
    expect(() => driver().advance('7d')).toThrow('pipe a record first');
    expect(() => driver().advance('2026-03-05')).toThrow('neither an instant nor a duration');
  });

  it('waits for the lateness it is given', () => {
    const d = driver({ lateness: 0 });
    d.pipe(events, event(T0), event(T0 + 30 * MINUTE + 1));
    expect(d.read(sessions)).toHaveLength(1);
  });
});

describe('records', () => {
  it('are told apart by what became of them, and counted', () => {
    const d = driver();
    const first = event(T0);
    const fates = d.pipe(events, first, first, event(T0 - 5 * MINUTE - 1), event(Date.UTC(2101, 0)));
    expect(fates.slice(0, 3)).toEqual(['processed', 'duplicate', 'late']);
    expect(fates[3]).toMatchObject({ code: 'time-out-of-range' });
    expect(d.counts).toEqual({ processed: 1, late: 1, duplicate: 1 });
  });

  it('of a topic that nobody reads are a mistake', () => {
    expect(() => driver().pipe(sessions)).toThrow('no topology reads sessions: pipe to one of events, send-requests');
  });

  it('that make a processor fail are refused, and leave nothing', () => {
    const broken: Processor = { name: 'broken', emits: [], on: [on(events, () => fail('no such thing'))] };
    const topology = defineTopology({
      ...{ name: 'broken', keyed: 'user', inputs: [stream(events)], globals: [], outputs: [] },
      processors: [broken],
    });
    const [fate] = new TestDriver({ topologies: [topology] }).pipe(events, event(T0));
    expect(fate).toEqual({ code: 'processing-failed', message: 'no such thing' });
  });
});

function fail(message: string): never {
  throw new Error(message);
}

describe('outputs', () => {
  it('are drained by read, and kept for outputs', () => {
    const d = driver();
    d.pipe(events, event(T0));
    d.advance('8d');
    expect(d.read(signals)).toHaveLength(2);
    expect(d.read(signals)).toEqual([]);
    d.advance('30d');
    expect(d.read(signals)).toHaveLength(2);
    expect(d.outputs(signals)).toHaveLength(4);
  });

  it('include what passes between topologies', () => {
    const d = driver();
    const data = { requestId: 'r', tenantId: 'default', userId: 'u1', campaignId: 'none', data: {}, notBefore: null };
    d.pipe(sendRequests, { ...data, source: 'api', requestedAt: T0 });
    expect(d.read(candidates)).toEqual([]);
    expect(d.read(decisions).map((x) => x.reason)).toEqual(['bad-request']);
  });
});

describe('state', () => {
  it.each([1, 4])('is seeded and read where the key lives, on %d partitions', (partitions) => {
    const d = driver({ partitions });
    const known = { events: 41, sessions: 3, firstSeenAt: 1, lastSeenAt: 2, types: ['view'], counts: [41] };
    d.seed('default/u1', metrics, known);
    d.pipe(events, event(T0), event(T0, 'u2'));
    expect(d.state('default/u1', metrics)).toMatchObject({ events: 42, firstSeenAt: 1, lastSeenAt: T0 });
    expect(d.state('default/u2', metrics)).toMatchObject({ events: 1 });
    expect(d.state('default/u1', messages)).toBeUndefined();
  });

  it('of another topology is found by its cell', () => {
    const d = driver();
    const none = { spent: 0, spentChannels: {}, messages: 0, spentMessages: 0 };
    const ledger = { reserved: 5, overrun: 0, channels: {}, days: {}, ...none };
    d.seed('default/c1', budgetLedger, ledger);
    expect(d.state('default/c1', budgetLedger)).toEqual(ledger);
    expect(d.state('default/c1', messages)).toBeUndefined();
    const observing = new TestDriver({ topologies: [engage(new Definitions())] });
    expect(() => observing.state('default/c1', budgetLedger)).toThrow('no topology keeps budget-ledger');
  });
});

it('docs/testing.md shows the example that is run as a test', () => {
  const page = readFileSync('docs/testing.md', 'utf8');
  expect(page).toContain(readFileSync('examples/testing/winback.test.ts', 'utf8'));
});
