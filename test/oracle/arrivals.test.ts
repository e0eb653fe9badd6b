import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UserEvent } from '../../schemas/types.ts';
import { replay } from './arrivals.ts';
import { at, event, MINUTE, T0 } from './build.ts';
import { sessionLine, signalLine } from './canonical.ts';
import { DAY, HOUR } from './common.ts';
import { sessionsOf } from './sessions.ts';
import { signalsOf } from './signals.ts';

const LATENESS = 5 * MINUTE;
const OPTIONS = { gapMs: 30 * MINUTE, thresholds: [3 * DAY, 7 * DAY], lateness: LATENESS };
/** Somebody else, who only moves the time. */
const other = (time: number): UserEvent => event(time, { userId: 'clock' });
const run = (events: readonly UserEvent[], options: Partial<typeof OPTIONS & { until: number }> = {}) => {
  const result = replay(events, { ...OPTIONS, ...options });
  const sessions = result.sessions.filter((s) => s.userId === 'u1');
  const signals = result.signals.filter((s) => s.userId === 'u1');
  return {
    ...result,
    sessions: sessions.map((s) => [s.startedAt, s.endedAt, s.eventCount]),
    signals: signals.map((s) => [s.kind, s.firedAt, s.kind === 'inactive' ? s.facts.threshold : s.facts.silentMs]),
  };
};

describe('arrivals', () => {
  it('are on time at the watermark and late a millisecond before it', () => {
    const events = [other(at(9)), event(at(9) - LATENESS), event(at(9) - LATENESS - 1)];
    expect(run(events).arrivals).toEqual(['processed', 'processed', 'late']);
  });

  it('are duplicates at most an hour of event time away, for the same user', () => {
    const events = [
      event(at(9), { eventId: 'a' }),
      event(at(9), { eventId: 'a', userId: 'u2' }),
      event(at(10), { eventId: 'a' }),
      event(at(10) + 1, { eventId: 'a' }),
    ];
    expect(run(events).arrivals).toEqual(['processed', 'processed', 'duplicate', 'processed']);
  });

  it('are no longer recognised once an hour and the lateness have passed', () => {
    const first = event(at(9), { eventId: 'a' });
    const end = at(10) + LATENESS;
    expect(run([first, other(end), { ...first }]).arrivals.at(-1)).toBe('duplicate');
    expect(run([first, other(end + 1), { ...first }]).arrivals.at(-1)).toBe('late');
  });

  it('are remembered when they were late', () => {
    const late = event(at(8, 50), { eventId: 'a' });
    expect(run([other(at(9)), late, { ...late }]).counts).toEqual({
      processed: 1,
      late: 1,
      duplicate: 1,
      notReached: 0,
    });
  });

  it('end at the first event that reaches the end of time', () => {
    const result = run([event(at(9)), event(at(10)), event(at(8))], { until: at(10) });
    expect(result.counts).toEqual({ processed: 1, late: 0, duplicate: 0, notReached: 2 });
    expect(result.sessions).toEqual([[at(9), at(9), 1]]);
  });
});

describe('late events and sessions', () => {
  it('join a session that is still open', () => {
    const events = [event(at(9)), other(at(9, 30)), event(at(9, 20))];
    expect(run(events).sessions).toEqual([[at(9), at(9, 20), 2]]);
  });

  it('bridge two open sessions', () => {
    const events = [event(at(9)), event(at(9, 31)), event(at(9, 15))];
    expect(run(events).sessions).toEqual([[at(9), at(9, 31), 3]]);
  });

  it('open none', () => {
    expect(run([other(at(9)), event(at(8, 50))]).sessions).toEqual([]);
  });

  it('find a session open as long as time is not past its close', () => {
    const close = at(9, 30) + LATENESS;
    const late = at(9, 10);
    expect(run([event(at(9)), other(close), event(late)]).sessions).toEqual([[at(9), late, 2]]);
    expect(run([event(at(9)), other(close + 1), event(late)]).sessions).toEqual([[at(9), at(9), 1]]);
  });
});

describe('late events and signals', () => {
  it('start nothing for a user never seen on time', () => {
    expect(run([other(at(9)), event(at(8))]).signals).toEqual([]);
  });

  it('start nothing before the first activity of the user', () => {
    const events = [event(T0 + 3 * DAY), event(T0)];
    expect(run(events, { thresholds: [3 * DAY] }).signals).toEqual([['inactive', T0 + 6 * DAY, '3d']]);
  });

  it('move a silence that is pending, without a return of their own', () => {
    const events = [event(T0), other(T0 + 6 * DAY), event(T0 + 5 * DAY)];
    expect(run(events).signals).toEqual([
      ['inactive', T0 + 3 * DAY, '3d'],
      ['inactive', T0 + 8 * DAY, '3d'],
      ['inactive', T0 + 12 * DAY, '7d'],
    ]);
  });

  it('give no inactivity dated at or before the watermark at their arrival', () => {
    const seen = T0 + DAY;
    const moved = (time: number) => run([event(T0), other(time), event(seen)]).signals;
    expect(moved(seen + 3 * DAY + LATENESS - 1)).toContainEqual(['inactive', seen + 3 * DAY, '3d']);
    expect(moved(seen + 3 * DAY + LATENESS)).not.toContainEqual(['inactive', seen + 3 * DAY, '3d']);
  });

  it('shorten the silence before a return that is still pending', () => {
    const back = T0 + 10 * DAY;
    const events = [event(T0), event(back), event(T0 + 5 * DAY)];
    expect(run(events).signals).toContainEqual(['returned', back, 5 * DAY]);
  });
});

describe('events in any order within the lateness', () => {
  it('give the sessions and signals of the sorted batch', () => {
    const arrival = fc.record({ user: fc.constantFrom('a', 'b', 'c'), time: fc.nat(60), delay: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 25 }), (rows) => {
        const arriving = rows.toSorted((a, b) => a.time + a.delay - (b.time + b.delay));
        const events = arriving.map((row) => event(T0 + row.time * HOUR, { userId: row.user }));
        const options = { gapMs: 2 * HOUR, thresholds: [4 * HOUR, 9 * HOUR], lateness: 5 * HOUR };
        const result = replay(events, options);
        expect(result.counts.late).toBe(0);
        expect(result.sessions.map(sessionLine).sort()).toEqual(
          sessionsOf(events, options.gapMs).map(sessionLine).sort(),
        );
        expect(result.signals.map(signalLine).sort()).toEqual(
          signalsOf(events, options.thresholds).map(signalLine).sort(),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('give those of the batch that are due before the end of time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 15 }), fc.nat(90), (hours, end) => {
        const events = hours.toSorted((a, b) => a - b).map((hour) => event(T0 + hour * HOUR));
        const options = { gapMs: 2 * HOUR, thresholds: [4 * HOUR, 9 * HOUR], lateness: HOUR, until: T0 + end * HOUR };
        const expected = signalsOf(events, options.thresholds, { endOfTime: options.until, latenessMs: HOUR });
        expect(replay(events, options).signals.map(signalLine).sort()).toEqual(expected.map(signalLine).sort());
      }),
    );
  });
});
