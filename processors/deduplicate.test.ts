import { describe, expect, test } from 'vitest';
import { TestDriver } from '../runtime/testing/driver.ts';
import { metrics, seenIds } from '../schemas/cells.ts';
import { Definitions } from '../schemas/definitions.ts';
import { events, sendRequests } from '../schemas/topics.ts';
import { engage } from '../topologies/engage.ts';
import { at, eventOf, requestOf, World } from './testing/world.ts';

describe('an event id', () => {
  test('that repeats at most an hour of event time away is a duplicate, and counts nowhere', () => {
    const world = new World();
    expect(world.event(at('09:00'), { eventId: 'e' })).toBe('processed');
    expect(world.event(at('09:00'), { eventId: 'e' })).toBe('duplicate');
    expect(world.event(at('10:00'), { eventId: 'e', type: 'other' })).toBe('duplicate');
    expect(world.driver.counts).toEqual({ processed: 1, late: 0, duplicate: 2 });
    expect(world.driver.state('default/u', metrics)?.events).toBe(1);
  });

  test('that repeats more than an hour away is another event', () => {
    const world = new World();
    world.event(at('09:00'), { eventId: 'e' });
    expect(world.event(at('10:00:00.001'), { eventId: 'e' })).toBe('processed');
    expect(world.event(at('11:00:00.001'), { eventId: 'e' })).toBe('duplicate');
  });

  test('that comes again with an earlier time is a duplicate too', () => {
    const world = new World({ lateness: 2 * 3_600_000 });
    world.event(at('09:00'), { eventId: 'e' });
    expect(world.event(at('08:00'), { eventId: 'e' })).toBe('duplicate');
    expect(world.event(at('07:59:59.999'), { eventId: 'e' })).toBe('processed');
  });

  test('is remembered for an hour and the lateness of stream time', () => {
    const repeatedWhen = (time: string): unknown => {
      const world = new World();
      world.event(at('09:00'), { eventId: 'e' });
      world.event(at(time), { userId: 'other' });
      return world.event(at('09:00'), { eventId: 'e' });
    };
    expect(repeatedWhen('10:05')).toBe('duplicate');
    expect(repeatedWhen('10:05:00.001')).toBe('late');
  });

  test('is forgotten in the row of the user with the next event after that', () => {
    const world = new World();
    world.event(at('09:00'), { eventId: 'a' });
    world.event(at('09:30'), { eventId: 'b' });
    world.event(at('10:05:00.001'), { eventId: 'c' });
    expect(world.driver.state('default/u', seenIds)).toEqual({
      ids: ['b', 'c'],
      hashes: [expect.any(Number), expect.any(Number)],
      times: [at('09:30'), at('10:05:00.001')],
      spread: false,
    });
  });

  test('is found among very many of one user', () => {
    const world = new World();
    for (let n = 0; n < 2000; n++) world.event(at('09:00') + n, { eventId: `id-${n}` });
    for (const n of [0, 127, 128, 129, 1000, 1999]) {
      expect(world.event(at('09:10'), { eventId: `id-${n}` }), `id-${n}`).toBe('duplicate');
    }
    expect(world.event(at('09:10'), { eventId: 'id-2000' })).toBe('processed');
  });

  test('is told from another of the same hash', () => {
    const world = new World();
    // Both have the FNV-1a hash 0x5acdca4b.
    world.event(at('09:00'), { eventId: 'e522789' });
    expect(world.event(at('09:00'), { eventId: 'e739192' })).toBe('processed');
    expect(world.event(at('09:00'), { eventId: 'e739192' })).toBe('duplicate');
    expect(world.event(at('09:00'), { eventId: 'e522789' })).toBe('duplicate');
  });

  test('belongs to one user of one tenant', () => {
    const world = new World();
    world.event(at('09:00'), { eventId: 'e' });
    expect(world.event(at('09:00'), { eventId: 'e', userId: 'other' })).toBe('processed');
    expect(world.event(at('09:00'), { eventId: 'e', tenantId: 'other' })).toBe('processed');
  });
});

describe('a request id', () => {
  test('that repeats within the hour is a duplicate, for whatever campaign', () => {
    const world = new World({ campaigns: [{ id: 'c' }, { id: 'd' }] });
    expect(world.ask('c', at('09:00'), { requestId: 'r' })).toBe('processed');
    expect(world.ask('d', at('10:00'), { requestId: 'r' })).toBe('duplicate');
    expect(world.ask('d', at('10:00:00.001'), { requestId: 'r' })).toBe('processed');
    expect(world.told()).toEqual(['c: sent', 'd: sent']);
  });

  test('is no event id', () => {
    const world = new World({ campaigns: [{ id: 'c' }] });
    world.event(at('09:00'), { eventId: 'same' });
    expect(world.ask('c', at('09:00'), { requestId: 'same' })).toBe('processed');
  });
});

test('a late event that is no duplicate is counted as late', () => {
  const world = new World();
  world.event(at('09:05'));
  expect([world.event(at('09:00')), world.event(at('08:59:59.999'))]).toEqual(['processed', 'late']);
});

test('sessions and signals alone take no send-requests', () => {
  const driver = new TestDriver({ topologies: [engage(new Definitions(), { decides: false })] });
  expect(driver.pipe(events, eventOf(at('09:00')))).toEqual(['processed']);
  expect(() => driver.pipe(sendRequests, requestOf('c', at('09:00')))).toThrow('no topology reads send-requests');
});
