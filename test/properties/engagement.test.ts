// What is learned of a user, against the same recomputed from everything that was ever heard.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activeHours, bestOf, channelEngagement, engagementScore, sendsOn } from '../../schemas/engagement.ts';
import { hasHour } from '../../schemas/hours.ts';
import { answerOf, hashOfSend, withActivity, withSend } from '../../schemas/learned.ts';
import type { UserEngagement } from '../../schemas/state-types.ts';
import { DAY } from '../oracle/common.ts';
import { Learned } from '../oracle/engagement.ts';
import { tenThousandths } from '../oracle/scores.ts';
import { runs } from './runs.ts';

const CHANNELS = ['sms', 'email'];
const STATUSES = ['accepted', 'delivered', 'opened', 'clicked', 'replied', 'failed', 'unsubscribed'] as const;
const BASE = 20_500;

const day = fc.oneof(fc.nat(3), fc.nat(400));
const hour = fc.oneof(fc.constantFrom(0, 9, 23), fc.nat(23));
const step = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), channel: fc.constantFrom(...CHANNELS), day }),
  fc.record({ kind: fc.constant('receipt' as const), of: fc.nat(60), status: fc.constantFrom(...STATUSES), day, hour }),
  fc.record({ kind: fc.constant('session' as const), day, hour }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function learnBoth(steps: readonly Step[]): { readonly engine: UserEngagement | undefined; readonly oracle: Learned } {
  let engine: UserEngagement | undefined;
  const oracle = new Learned();
  let sent = 0;
  for (const one of steps) {
    const at = BASE + one.day;
    if (one.kind === 'send') {
      const id = `send ${sent++}`;
      engine = withSend(engine, hashOfSend(id), one.channel, at);
      oracle.sent(id, one.channel, at * DAY);
    } else if (one.kind === 'session') {
      engine = withActivity(engine, { day: at, hour: one.hour, send: null, answer: 0 });
      oracle.session(at * DAY, one.hour);
    } else if (sent > 0) {
      const id = `send ${one.of % sent}`;
      const answer = answerOf(one.status);
      if (answer !== undefined)
        engine = withActivity(engine, { day: at, hour: one.hour, send: hashOfSend(id), answer });
      oracle.receipt(id, one.status, at * DAY, one.hour);
    }
  }
  return { engine, oracle };
}

describe('engagement', () => {
  it('equals the oracle’s: scores, counts, activity by hour and best hours, whenever they are asked for', () => {
    const steps = fc.array(step, { maxLength: 80, size: 'max' });
    const property = fc.property(steps, fc.nat(600), fc.constantFrom(0, 0.2, 1), (list, asked, prior) => {
      const { engine, oracle } = learnBoth(list);
      const now = BASE + asked;
      for (const channel of CHANNELS) {
        const own = channelEngagement(engine, channel);
        const { sends, answers } = oracle.answered(channel, now * DAY);
        expect(tenThousandths(engagementScore(own, prior, now))).toBe(
          tenThousandths((answers + 5 * prior) / (sends + 5)),
        );
        expect(sendsOn(own, now)).toBeCloseTo(sends, 9);
        const { sends: count = 0, opened = 0, clicked = 0, replied = 0 } = own ?? {};
        expect({ sends: count, opened, clicked, replied }).toEqual(oracle.counts(channel));
        const active = activeHours(engine, channel, now);
        const expected = oracle.active(channel, now * DAY);
        expect(active?.map(tenThousandths) ?? null).toEqual(expected);
        const best = expected?.flatMap((activity, hour) => (activity >= 8000 ? [hour] : []));
        const all = Array.from({ length: 24 }, (_, hour) => hour);
        expect(active && all.filter((hour) => hasHour(bestOf(active), hour))).toEqual(best);
      }
    });
    fc.assert(property, runs(1500));
  });

  it('does not depend on the order in which answers and sessions come', () => {
    const sends = fc.array(fc.record({ channel: fc.constantFrom(...CHANNELS), day }), { maxLength: 20 });
    const rest = fc
      .array(step, { maxLength: 40 })
      .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    const property = fc.property(sends, rest, (first, [one, other]) => {
      const sent = first.map((send) => ({ kind: 'send' as const, ...send }));
      // A receipt that comes again is the same receipt.
      const same = (one: Step): Step => {
        if (one.kind !== 'receipt' || sent.length === 0) return one;
        const of = one.of % sent.length;
        const status = STATUSES.indexOf(one.status);
        return { ...one, day: (of * 31 + status * 7) % 400, hour: (of * 5 + status) % 24 };
      };
      const told = [one, other].map((list) => {
        const { engine } = learnBoth([...sent, ...list.filter(({ kind }) => kind !== 'send').map(same)]);
        return CHANNELS.map((channel) => [
          engagementScore(channelEngagement(engine, channel), 0.3, BASE),
          activeHours(engine, channel, BASE),
        ]);
      });
      expect(told[0]).toEqual(told[1]);
    });
    fc.assert(property, runs(300));
  });
});
