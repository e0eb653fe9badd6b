// Cases that random worlds meet too seldom, each found wrong once.
import { expect, it } from 'vitest';
import { at, campaign, consent, event, input, MINUTE, policy, profile, request } from '../oracle/build.ts';
import { DAY, HOUR } from '../oracle/common.ts';
import { equalsImmediate, equalsOracle } from './compare.ts';
import { runDelayed } from './delayed.ts';
import { runEngine } from './engine.ts';
import { checkInvariants } from './invariants.ts';
import { decisionLine, sorted } from './lines.ts';

const dedupe = { windowMs: 1000 };
const plenty = { pacing: 'asap', total: 1_000_000 } as const;

it('all requests of one record are decided before a message of theirs is sent that time has already passed', async () => {
  const trigger = { event: 'buy' };
  const budget = { ...plenty, from: at(9, 10) };
  await equalsOracle(
    input({
      lateness: HOUR,
      policy: policy({ caps: [{ max: 1, windowMs: DAY }] }),
      campaigns: [campaign({ id: 'a', priority: 90, trigger, budget, dedupe }), campaign({ id: 'b', trigger, dedupe })],
      events: [event(at(9, 30)), event(at(9), { type: 'buy' })],
    }),
  );
});

it('one request id of two users, or an hour later of the same, makes requests of their own', async () => {
  const world = input({
    campaigns: [campaign({ budget: plenty, dedupe })],
    profiles: [profile(), profile({ userId: 'u2' })],
    consents: [consent(), consent({ userId: 'u2' })],
    sendRequests: [
      request(at(9), { requestId: 'r' }),
      request(at(9), { requestId: 'r', userId: 'u2' }),
      request(at(11), { requestId: 'r' }),
    ],
  });
  await equalsOracle(world);
  const run = await runEngine(world);
  expect(run.sends).toHaveLength(3);
  checkInvariants(world, run);
});

it('a request that comes again once its id is forgotten is looked at in its turn, however long pace takes', async () => {
  const asked = { campaignId: 'a', requestId: 'r' };
  const world = input({
    campaigns: [campaign({ id: 'a', budget: plenty, dedupe, quietHours: '09:00-23:00' })],
    events: [event(at(15), { userId: 'clock' }), event(at(15, 1), { userId: 'clock' })],
    sendRequests: [
      request(at(9), asked),
      request(at(10), { campaignId: 'a', requestId: 'q' }),
      request(at(15), { campaignId: 'a', requestId: 'p' }),
      ...[at(9), at(10)].map((time, i) => request(time, { campaignId: 'a', requestId: i === 0 ? 'r' : 'q' })),
    ],
  });
  await equalsOracle(world);
  for (const delay of [0, 1, 2, 3, 4, 5]) await equalsImmediate(world, [delay]);
});

it('a request that waits for another’s verdict is judged by what was known at its own time', async () => {
  const audience = { metric: 'events', lt: 2 };
  const world = input({
    campaigns: [campaign({ id: 'a', budget: plenty, dedupe }), campaign({ id: 'b', audience, dedupe })],
    events: [event(at(8)), event(at(9, 2)), event(at(9, 3))],
    sendRequests: [request(at(9), { campaignId: 'a' }), request(at(9, 1), { campaignId: 'b' })],
  });
  const expected = (await runEngine(world)).decisions.map(decisionLine);
  const delayed = runDelayed(world, [5]).decisions.map(decisionLine);
  expect(sorted(delayed)).toEqual(sorted(expected));
});

it('a late event in a silence that a return has ended, but not yet signalled, shortens it', async () => {
  const thresholds = [HOUR, 6 * HOUR];
  const others = { userId: 'clock' };
  for (const late of [at(9, 30), at(10, 30), at(11, 40)]) {
    await equalsOracle(
      input({
        lateness: 5 * MINUTE,
        policy: policy({ thresholds }),
        campaigns: [],
        events: [event(at(9)), event(at(12)), event(at(12, 4), others), event(late)],
      }),
    );
  }
});
