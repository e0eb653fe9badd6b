import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UserEvent } from '../../schemas/types.ts';
import { replay } from '../oracle/arrivals.ts';
import { sessionLine, signalLine } from '../oracle/canonical.ts';
import { DAY, HOUR } from '../oracle/common.ts';
import { sessionsOf } from '../oracle/sessions.ts';
import { signalsOf } from '../oracle/signals.ts';
import { equalsReplay } from './compare.ts';
import { observe } from './engine.ts';
import { sorted } from './lines.ts';
import { runs } from './runs.ts';
import { streamWorlds } from './streams.ts';

/** The events whose id was not seen at most an hour away: repeats within the lateness are recognised whatever their order. */
function withoutRepeats(events: readonly UserEvent[], lateness: number): UserEvent[] {
  const { arrivals } = replay(events, { gapMs: 1, thresholds: [DAY], lateness });
  return events.filter((_, i) => arrivals[i] === 'processed');
}

describe('sessions and signals', () => {
  it.each([1, 4, 16])(
    'of any order within the lateness are those of the batch, on %d partitions',
    async (partitions) => {
      const property = fc.asyncProperty(streamWorlds(0), async (world) => {
        const run = await observe(world, { partitions });
        const { gapMs, thresholds } = world.policy;
        const kept = withoutRepeats(world.events, world.lateness);
        expect(sorted(run.sessions.map(sessionLine))).toEqual(sorted(sessionsOf(kept, gapMs).map(sessionLine)));
        expect(sorted(run.signals.map(signalLine))).toEqual(sorted(signalsOf(kept, thresholds).map(signalLine)));
        const { processed, late, duplicate } = run.counts;
        expect([processed, late, duplicate]).toEqual([kept.length, 0, world.events.length - kept.length]);
      });
      await fc.assert(property, runs(300));
    },
  );

  it.each([1, 7])('are the same for another order within the lateness, %d', async (partitions) => {
    const twice = fc.tuple(streamWorlds(0), fc.array(fc.nat(1000), { minLength: 40, maxLength: 40 }));
    const property = fc.asyncProperty(twice, async ([world, delays]) => {
      // Ids of their own: which of two repeats is the first depends on the order.
      const events = world.events.map((event, i) => ({ ...event, eventId: `${i}` }));
      const delayed = events.map((event, i) => {
        const delay = Math.floor((world.lateness * (delays[i] ?? 0)) / 1000);
        return { event, at: event.occurredAt + delay };
      });
      const other = delayed.toSorted((a, b) => a.at - b.at).map(({ event }) => event);
      const one = await observe({ ...world, events });
      const two = await observe({ ...world, events: other }, { partitions });
      expect(sorted(two.sessions.map((s) => JSON.stringify(s)))).toEqual(
        sorted(one.sessions.map((s) => JSON.stringify(s))),
      );
      expect(sorted(two.signals.map((s) => JSON.stringify(s)))).toEqual(
        sorted(one.signals.map((s) => JSON.stringify(s))),
      );
    });
    await fc.assert(property, runs(150));
  });

  it.each([HOUR, 30 * HOUR])('with events that are late, by up to %d ms, are those of the replay', async (beyond) => {
    const property = fc.asyncProperty(streamWorlds(beyond), (world) => equalsReplay(world));
    await fc.assert(property, runs(400));
  });
});
