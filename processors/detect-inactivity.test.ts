import { describe, expect, test } from 'vitest';
import { signals } from '../schemas/topics.ts';
import { at, World, type WorldOptions } from './testing/world.ts';

const start = (options: WorldOptions = {}): World => new World({ policy: { inactivity: ['3d', '7d'] }, ...options });

/** The signals of user "u", as "inactive 3d: day 09:00" or "returned: day 09:00". */
function told(world: World): readonly string[] {
  return world.driver
    .read(signals)
    .filter((s) => s.userId === 'u')
    .map(({ kind, firedAt, facts }) => {
      const date = new Date(firedAt).toISOString();
      return `${kind}${facts.threshold === undefined ? '' : ` ${facts.threshold}`}: ${date.slice(8, 10)} ${date.slice(11, 16)}`;
    });
}

describe('inactive', () => {
  test('is signalled once for each threshold, when stream time is strictly past its date and the lateness', () => {
    const world = start();
    world.event(at('09:00'));
    world.driver.advance(at('09:05', 3));
    expect(told(world)).toEqual([]);
    world.driver.advance(at('09:05', 3) + 1);
    expect(told(world)).toEqual(['inactive 3d: 05 09:00']);
    world.driver.advance(at('00:00', 60));
    expect(told(world)).toEqual(['inactive 7d: 09 09:00']);
  });

  test('carries the threshold and when the user was last seen, and an id made of them', () => {
    const world = start();
    world.event(at('09:00'));
    world.driver.advance('4d');
    expect(world.driver.read(signals)).toEqual([
      {
        signalId: `inactive:3d:default/u@${at('09:00', 3)}`,
        tenantId: 'default',
        userId: 'u',
        kind: 'inactive',
        firedAt: at('09:00', 3),
        facts: { threshold: '3d', lastSeenAt: '2026-03-02T09:00:00.000Z' },
      },
    ]);
  });

  test('follows the last event of a run alone', () => {
    const world = start();
    for (const time of ['09:00', '10:00', '10:00', '11:00']) world.event(at(time));
    world.event(at('11:00', 2));
    world.driver.advance('4d');
    expect(told(world)).toEqual(['inactive 3d: 07 11:00']);
  });

  test('needs the whole threshold: an event a millisecond before prevents it, one at the date does not', () => {
    const before = start();
    before.event(at('09:00'));
    before.event(at('09:00', 3) - 1);
    before.driver.advance(at('09:00', 4));
    expect(told(before)).toEqual([]);
    const exactly = start();
    exactly.event(at('09:00'));
    exactly.event(at('09:00', 3));
    exactly.driver.advance(at('09:00', 4));
    expect(told(exactly)).toEqual(['inactive 3d: 05 09:00', 'returned: 05 09:00']);
  });

  test('is not signalled of a user who was never seen', () => {
    const world = start();
    world.event(at('09:00'), { userId: 'other' });
    world.driver.advance('30d');
    expect(told(world)).toEqual([]);
  });
});

describe('returned', () => {
  test('is signalled once, dated at the first event after a silence of the smallest threshold', () => {
    const world = start();
    world.event(at('09:00'));
    world.event(at('12:00', 4));
    world.event(at('13:00', 4));
    world.driver.advance(at('14:00', 4));
    expect(world.driver.read(signals).at(-1)).toEqual({
      signalId: `returned:default/u@${at('12:00', 4)}`,
      tenantId: 'default',
      userId: 'u',
      kind: 'returned',
      firedAt: at('12:00', 4),
      facts: { silentMs: (4 * 24 + 3) * 3_600_000 },
    });
    expect(world.driver.outputs(signals)).toHaveLength(2);
  });

  test('is not signalled for a first event, nor after a shorter silence', () => {
    const world = start();
    world.event(at('09:00'));
    world.event(at('08:59:59.999', 3));
    world.driver.advance('1h');
    expect(told(world)).toEqual([]);
  });

  test('is dated at an earlier event that comes within the lateness', () => {
    const world = start();
    world.event(at('09:00'));
    world.event(at('09:03', 4));
    world.event(at('09:00', 4));
    world.driver.advance('1h');
    expect(told(world)).toEqual(['inactive 3d: 05 09:00', 'returned: 06 09:00']);
  });
});

describe('the order of arrival within the lateness', () => {
  test('changes no signal', () => {
    const times = [at('09:00'), at('10:00'), at('10:00', 3), at('12:00', 3), at('12:00', 9), at('13:00', 9)];
    const swapped = [1, 0, 3, 2, 5, 4].map((i) => times[i] as number);
    const all = [times, swapped, [...times].reverse()].map((order) => {
      const world = start({ lateness: 30 * 86_400_000 });
      for (const time of order) world.event(time, { eventId: String(time) });
      world.driver.advance(at('00:00', 60));
      return told(world);
    });
    expect(all[0]).toEqual([
      'inactive 3d: 05 10:00',
      'returned: 05 10:00',
      'inactive 3d: 08 12:00',
      'returned: 11 12:00',
      'inactive 3d: 14 13:00',
      'inactive 7d: 18 13:00',
    ]);
    expect(all[1]).toEqual(all[0]);
    expect(all[2]).toEqual(all[0]);
  });
});

describe('a late event', () => {
  const other = { userId: 'other' };

  test('moves the beginning of a silence that is being waited for', () => {
    const world = start();
    world.event(at('09:00'));
    world.event(at('09:00', 2), other);
    expect(world.event(at('09:00', 1))).toBe('late');
    world.driver.advance(at('00:00', 6));
    expect(told(world)).toEqual(['inactive 3d: 06 09:00']);
  });

  test('never moves it back', () => {
    const world = start();
    world.event(at('09:00', 1));
    expect(world.event(at('09:00'))).toBe('late');
    world.driver.advance(at('00:00', 6));
    expect(told(world)).toEqual(['inactive 3d: 06 09:00']);
  });

  test('signals nothing dated at or before the watermark', () => {
    const world = start();
    world.event(at('09:00'));
    world.event(at('12:00', 5), other);
    expect(told(world)).toEqual(['inactive 3d: 05 09:00']);
    world.event(at('09:00', 1));
    world.driver.advance(at('00:00', 30));
    expect(told(world)).toEqual(['inactive 7d: 10 09:00']);
  });

  test('makes nobody return', () => {
    const world = start();
    world.event(at('09:00'));
    world.event(at('09:00', 6), other);
    told(world);
    world.event(at('09:00', 5));
    world.driver.advance(at('12:00', 6));
    expect(told(world)).toEqual([]);
  });

  test('starts no silence of a user whom only late events know', () => {
    const world = start();
    world.event(at('09:00', 1), other);
    world.event(at('09:00'));
    world.driver.advance(at('00:00', 30));
    expect(told(world)).toEqual([]);
  });
});
