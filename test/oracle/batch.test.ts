import { describe, expect, it } from 'vitest';
import { at, event, MINUTE, T0 } from './build.ts';
import { digest, sessionLine, signalLine } from './canonical.ts';
import { DAY, durationText, parseDuration } from './common.ts';
import { sessionsOf } from './sessions.ts';
import { signalsOf } from './signals.ts';

const GAP = 30 * MINUTE;
const THREE = 3 * DAY;
const SEVEN = 7 * DAY;

describe('sessionsOf', () => {
  it('keeps events exactly one gap apart together and cuts one millisecond later', () => {
    const sessions = sessionsOf([event(at(9, 0)), event(at(9, 30)), event(at(10, 0) + 1)], GAP);
    expect(sessions.map((s) => [s.startedAt, s.endedAt, s.eventCount])).toEqual([
      [at(9, 0), at(9, 30), 2],
      [at(10, 0) + 1, at(10, 0) + 1, 1],
    ]);
  });

  it('sums up types, duration and distinct app sessions in byte order, whatever the order of the input', () => {
    const events = [
      event(at(9, 10), { type: 'buy', sessionId: 'é' }),
      event(at(9, 0), { sessionId: 'z' }),
      event(at(9, 5), { sessionId: 'z' }),
    ];
    expect(sessionsOf(events, GAP)).toEqual([
      {
        ...{ tenantId: 'default', userId: 'u1', startedAt: at(9, 0), endedAt: at(9, 10), durationMs: 10 * MINUTE },
        ...{ eventCount: 3, eventTypes: { view: 2, buy: 1 }, appSessionIds: ['z', 'é'] },
      },
    ]);
  });

  it('keeps users and tenants apart', () => {
    const events = [event(at(9)), event(at(9), { userId: 'u2' }), event(at(9), { tenantId: 'other' })];
    expect(sessionsOf(events, GAP)).toHaveLength(3);
  });
});

describe('signalsOf', () => {
  const brief = (signals: ReturnType<typeof signalsOf>): unknown[] =>
    signals.map((s) => [s.kind, s.firedAt - T0, s.kind === 'inactive' ? s.facts.threshold : s.facts.silentMs]);

  it('gives one inactivity for each threshold of the last silence', () => {
    expect(signalsOf([event(T0)], [THREE, SEVEN])).toEqual([
      {
        ...{ tenantId: 'default', userId: 'u1', kind: 'inactive', firedAt: T0 + THREE },
        facts: { threshold: '3d', lastSeenAt: '2026-03-02T00:00:00.000Z' },
      },
      {
        ...{ tenantId: 'default', userId: 'u1', kind: 'inactive', firedAt: T0 + SEVEN },
        facts: { threshold: '7d', lastSeenAt: '2026-03-02T00:00:00.000Z' },
      },
    ]);
  });

  it('counts a silence of exactly the threshold, with the return at its end', () => {
    expect(brief(signalsOf([event(T0), event(T0 + THREE)], [THREE]))).toEqual([
      ['inactive', THREE, '3d'],
      ['returned', THREE, THREE],
      ['inactive', 2 * THREE, '3d'],
    ]);
  });

  it('sees no silence a millisecond below the threshold', () => {
    expect(brief(signalsOf([event(T0), event(T0 + THREE - 1)], [THREE]))).toEqual([['inactive', 2 * THREE - 1, '3d']]);
  });

  it('gives a return after the smallest threshold and inactivity only of those that were reached', () => {
    expect(brief(signalsOf([event(T0), event(T0 + 4 * DAY)], [SEVEN, THREE]))).toEqual([
      ['inactive', THREE, '3d'],
      ['returned', 4 * DAY, 4 * DAY],
      ['inactive', 11 * DAY, '7d'],
      ['inactive', 7 * DAY, '3d'],
    ]);
  });

  it('counts a time that occurs twice once', () => {
    expect(signalsOf([event(T0), event(T0)], [THREE])).toHaveLength(1);
  });

  it('stops before the end of time, lateness included', () => {
    const options = { latenessMs: 5 * MINUTE, endOfTime: T0 + THREE + 5 * MINUTE };
    expect(signalsOf([event(T0)], [THREE], options)).toEqual([]);
    expect(signalsOf([event(T0)], [THREE], { ...options, endOfTime: options.endOfTime + 1 })).toHaveLength(1);
  });
});

describe('canonical lines', () => {
  it('are the same for maps in another order, and their digest for lines in another order', () => {
    const [a, b] = [
      [event(at(1), { type: 'x' }), event(at(2), { type: 'y' })],
      [event(at(2), { type: 'y' }), event(at(1), { type: 'x' })],
    ].map((events) => sessionsOf(events, 2 * 60 * MINUTE).map(sessionLine));
    expect(a).toEqual(b);
    const lines = signalsOf([event(T0)], [THREE, SEVEN]).map(signalLine);
    expect(lines[0]).toBe(
      '["signal","default","u1","inactive",1772668800000,[["lastSeenAt","2026-03-02T00:00:00.000Z"],["threshold","3d"]]]',
    );
    expect(digest(lines)).toBe(digest(lines.toReversed()));
  });

  it('write durations in the largest unit that divides them', () => {
    expect([SEVEN, 36 * 3_600_000, 90_000].map(durationText)).toEqual(['7d', '36h', '90s']);
    expect(parseDuration('6h')).toBe(21_600_000);
    expect(() => parseDuration('soon')).toThrow('write 90s, 30m, 6h or 7d');
  });
});
