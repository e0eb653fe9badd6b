import { describe, expect, test } from 'vitest';
import { openSessions } from '../schemas/cells.ts';
import { sessions } from '../schemas/topics.ts';
import { at, World } from './testing/world.ts';

const CLOCK = { start: 11, end: 16 };
const clock = (instant: number): string => new Date(instant).toISOString().slice(CLOCK.start, CLOCK.end);

/** The sessions emitted, as "from-to: events". */
function closed(world: World): readonly string[] {
  return world.driver.read(sessions).map((s) => `${clock(s.startedAt)}-${clock(s.endedAt)}: ${s.eventCount}`);
}

describe('a session', () => {
  test('holds events that are exactly the gap apart; a millisecond more begins another', () => {
    const world = new World();
    for (const time of ['09:00', '09:30', '10:00', '10:30:00.001']) world.event(at(time));
    world.driver.advance('1d');
    expect(closed(world)).toEqual(['09:00-10:00: 3', '10:30-10:30: 1']);
  });

  test('closes when stream time is strictly past its end, the gap and the lateness', () => {
    const world = new World();
    world.event(at('09:00'));
    world.driver.advance(at('09:35'));
    expect(closed(world)).toEqual([]);
    world.driver.advance(at('09:35') + 1);
    expect(closed(world)).toEqual(['09:00-09:00: 1']);
    expect(world.driver.state('default/u', openSessions)).toBeUndefined();
  });

  test('is joined by an event at the very instant of its close', () => {
    const world = new World({ lateness: 0 });
    world.event(at('09:00'));
    world.event(at('09:30'));
    expect(closed(world)).toEqual([]);
    world.event(at('10:00:00.001'));
    expect(closed(world)).toEqual(['09:00-09:30: 2']);
  });

  test('is told with its types, app sessions and an id made of user and start', () => {
    const world = new World();
    world.event(at('09:00'), { type: 'view', sessionId: 'b' });
    world.event(at('09:01'), { type: 'buy', sessionId: 'a' });
    world.event(at('09:02'), { type: 'view', sessionId: 'b' });
    world.driver.advance('1d');
    const [session] = world.driver.read(sessions);
    expect(session).toEqual({
      sessionId: `session:default/u@${at('09:00')}`,
      tenantId: 'default',
      userId: 'u',
      startedAt: at('09:00'),
      endedAt: at('09:02'),
      durationMs: 120_000,
      eventCount: 3,
      eventTypes: { buy: 1, view: 2 },
      appSessionIds: ['a', 'b'],
    });
    expect(Object.keys(session?.eventTypes ?? {})).toEqual(['buy', 'view']);
  });

  test('is the same for every order in which its events come', () => {
    const times = ['09:00', '09:20', '09:50', '10:40'];
    const orders = [times, [...times].reverse(), ['09:50', '10:40', '09:00', '09:20']];
    const told = orders.map((order) => {
      const world = new World({ lateness: 2 * 3_600_000 });
      for (const time of order) world.event(at(time), { eventId: time, type: time, sessionId: time });
      world.driver.advance('1d');
      return JSON.stringify(world.driver.read(sessions));
    });
    expect(JSON.parse(told[0] as string)).toHaveLength(2);
    expect(new Set(told).size).toBe(1);
  });

  test('has the gap of the policy', () => {
    const world = new World({ policy: { sessionGap: '10m' } });
    for (const time of ['09:00', '09:10', '09:20:00.001']) world.event(at(time));
    world.driver.advance('1d');
    expect(closed(world)).toEqual(['09:00-09:10: 2', '09:20-09:20: 1']);
  });
});

describe('a late event', () => {
  test('joins a session that is still open, and moves its start', () => {
    const world = new World();
    world.event(at('09:30'));
    expect(world.event(at('09:10'))).toBe('late');
    world.driver.advance('1d');
    expect(closed(world)).toEqual(['09:10-09:30: 2']);
  });

  test('bridges two that are still open', () => {
    const world = new World({ policy: { sessionGap: '10m' }, lateness: 300_000 });
    world.event(at('09:00'));
    world.event(at('09:14'));
    expect(world.event(at('09:07'))).toBe('late');
    world.driver.advance('1d');
    expect(closed(world)).toEqual(['09:00-09:14: 3']);
  });

  test('opens none', () => {
    const world = new World();
    world.event(at('09:30'));
    expect(world.event(at('08:59'))).toBe('late');
    world.driver.advance('1d');
    expect(closed(world)).toEqual(['09:30-09:30: 1']);
  });

  test('does not open a closed one again', () => {
    const world = new World();
    world.event(at('09:00'));
    world.event(at('09:36'), { userId: 'other' });
    world.event(at('09:10'));
    world.driver.advance('1d');
    expect(closed(world)).toEqual(['09:00-09:00: 1', '09:36-09:36: 1']);
  });
});
