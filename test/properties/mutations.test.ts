// The properties can fail: each of these breaks the engine in one place, and must be found out.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../processors/decide.ts';
import { detectInactivity } from '../../processors/detect-inactivity.ts';
import { matchCampaigns } from '../../processors/match-campaigns.ts';
import { paceBudget } from '../../processors/pace-budget.ts';
import type { Processor } from '../../processors/processor.ts';
import { sessionize } from '../../processors/sessionize.ts';
import type { Budget } from '../../schemas/campaign/budget.ts';
import type { Campaign } from '../../schemas/campaign.ts';
import type { Policy } from '../../schemas/policy.ts';
import type { UserMessages } from '../../schemas/state-types.ts';
import type { Candidate, ConsentChange, Receipt } from '../../schemas/types.ts';
import type { DecisionInput } from '../oracle/model.ts';
import { altered, type Change, reordered, replacing, seeing } from './altered.ts';
import { equalsImmediate, equalsOracle, equalsReplay } from './compare.ts';
import { type Build, observing, real } from './engine.ts';
import { fates, withReceipts } from './receipts.ts';
import { streamWorlds } from './streams.ts';
import { worlds } from './worlds.ts';

/** A search ends with the first counterexample; most need a few dozen runs. */
const SEARCH = { numRuns: 2000, seed: 20_260_302, endOnFailure: true };
const HOUR = 3_600_000;

const withBudget =
  (change: (budget: Budget) => Budget) =>
  (c: Campaign): Campaign => ({ ...c, budget: c.budget && change(c.budget) });
const withSchedule =
  (change: (schedule: Campaign['schedule']) => Campaign['schedule']) =>
  (c: Campaign): Campaign => ({ ...c, schedule: change(c.schedule) });
const withCaps =
  (change: (cap: Policy['caps'][number]) => Policy['caps'][number]) =>
  (p: Policy): Policy => ({ ...p, caps: p.caps.map(change) });

const deciding = (change: Change): Build => replacing(real, 'decide', (_, d) => decide(altered(d, change)));
const pacing = (change: Change): Build => replacing(real, 'pace-budget', (_, d) => paceBudget(altered(d, change)));
/** decide without some of the receipts. */
const unheard = (isLost: (receipt: Receipt) => boolean): Build =>
  replacing(real, 'decide', (p) =>
    seeing(p, { keeps: (value) => !('receiptId' in (value as object)) || !isLost(value as Receipt) }),
  );
const without = (kind: string) => (p: Processor) => ({
  ...p,
  timers: (p.timers ?? []).filter((timer) => timer.kind.name !== kind),
});
const last = (name: string) => (processors: readonly Processor[]) => [
  ...processors.filter((p) => p.name !== name),
  ...processors.filter((p) => p.name === name),
];

describe('of sessions and signals, the properties find', () => {
  it.each<[string, Build]>([
    [
      'a gap that is a millisecond longer',
      replacing(observing, 'sessionize', (_, d) =>
        sessionize(altered(d, { policy: (p) => ({ ...p, sessionGapMs: p.sessionGapMs + 1 }) })),
      ),
    ],
    ['sessions that never close', replacing(observing, 'sessionize', without('session'))],
    ['returns that nobody signals', replacing(observing, 'detect-inactivity', without('returned'))],
    [
      'the smallest threshold left out',
      replacing(observing, 'detect-inactivity', (_, d) =>
        detectInactivity(
          altered(d, { policy: (p) => ({ ...p, inactivityMs: [...p.inactivityMs.slice(1), 999 * HOUR] }) }),
        ),
      ),
    ],
    [
      'timers that do not wait for the lateness',
      replacing(observing, 'sessionize', (p) => seeing(p, { context: { lateness: 0 } })),
    ],
    [
      'late events that open sessions',
      replacing(observing, 'sessionize', (p) => seeing(p, { context: { late: false } })),
    ],
    [
      'late events that start silences',
      replacing(observing, 'detect-inactivity', (p) => seeing(p, { context: { late: false } })),
    ],
    ['ids forgotten too soon', replacing(observing, 'deduplicate', (p) => seeing(p, { context: { lateness: -HOUR } }))],
  ])('%s', async (_name, build) => {
    const property = fc.asyncProperty(streamWorlds(6 * HOUR), (world) => equalsReplay(world, build));
    expect((await fc.check(property, SEARCH)).counterexample).not.toBeNull();
  });
});

/** The same without what moves or stops most messages, so that those left are many and at the times asked for. */
const atOnce = (world: DecisionInput): DecisionInput => ({
  ...world,
  campaigns: world.campaigns.map(({ sendTime, quietHours, budget, holdout, audience, ...rest }) => ({
    ...rest,
    dedupe: { windowMs: 1000 },
  })),
});

it('finds nothing where nothing is broken', async () => {
  const property = fc.asyncProperty(worlds({ binds: true, disorder: 'late' }), fates, async (world, given) =>
    equalsOracle(await withReceipts(world, given)),
  );
  expect((await fc.check(property, { ...SEARCH, numRuns: 30 })).failed).toBe(false);
});

describe('of decisions, the properties find', () => {
  it.each<[string, Build, typeof atOnce?]>([
    [
      'cap windows that count their own beginning',
      deciding({ policy: withCaps((c) => ({ ...c, windowMs: c.calendar ? c.windowMs : c.windowMs + 1 })) }),
    ],
    [
      'cap windows a millisecond too short',
      deciding({ policy: withCaps((c) => ({ ...c, windowMs: c.calendar ? c.windowMs : c.windowMs - 1 })) }),
      atOnce,
    ],
    ['caps of one more', deciding({ policy: withCaps((c) => ({ ...c, max: c.max + 1 })) })],
    [
      'a dedupe window that counts its own end',
      deciding({ campaign: (c) => ({ ...c, dedupe: { ...c.dedupe, windowMs: c.dedupe.windowMs + 1 } }) }),
    ],
    ['dedupe keys that are not shared', deciding({ campaign: (c) => ({ ...c, dedupe: { ...c.dedupe, key: null } }) })],
    [
      'messages that expire at their last moment',
      deciding({
        campaign: (c) => ({ ...c, schedule: { ...c.schedule, expiresAfterMs: c.schedule.expiresAfterMs - 1 } }),
      }),
    ],
    ['quiet hours of the policy that bind nobody', deciding({ policy: (p) => ({ ...p, quietHours: null }) })],
    [
      'weights that are exchanged',
      deciding({
        policy: (p) => ({ ...p, weights: { ...p.weights, device: p.weights.urgency, urgency: p.weights.device } }),
      }),
    ],
    ['priors of the policy alone', deciding({ campaign: (c) => ({ ...c, priors: {} }) })],
    ['holidays that bind nobody', deciding({ policy: (p) => ({ ...p, holidays: [] }) })],
    ['local times that are not waited for', deciding({ campaign: withSchedule((s) => ({ ...s, sendTime: 'asap' })) })],
    ['best hours of the channel alone', deciding({ campaign: withSchedule((s) => ({ ...s, bestHours: null })) })],
    [
      'sessions that teach nothing',
      replacing(real, 'learn-engagement', (p) =>
        seeing(p, { keeps: (value) => !Object.hasOwn(value as object, 'startedAt') }),
      ),
    ],
    [
      'messages that nobody counts',
      replacing(real, 'learn-engagement', (p) =>
        seeing(p, { keeps: (value) => !Object.hasOwn(value as object, 'sendId') }),
      ),
    ],
    ['no holdout', deciding({ campaign: (c) => ({ ...c, holdout: 0 }) })],
    ['due messages that are never sent', replacing(real, 'decide', without('due'))],
    ['pacing without room for one message', pacing({ campaign: (c) => ({ ...c, channels: [] }) })],
    [
      'a curve that runs a millisecond early',
      pacing({ campaign: withBudget((b) => ({ ...b, fromAt: b.fromAt && b.fromAt - 1 })) }),
    ],
    ['a daily limit that is not kept', pacing({ campaign: withBudget((b) => ({ ...b, dailyMicros: null })) })],
    ['days of another zone', pacing({ campaign: (c) => ({ ...c, timezone: 'Asia/Tokyo' }) })],
    [
      'reservations that are never given back',
      replacing(real, 'pace-budget', (p) => seeing(p, { keeps: (value) => (value as Candidate).kind !== 'release' })),
    ],
    [
      'revocations that are not heard',
      replacing(real, 'keep-user', (p) => seeing(p, { keeps: (value) => (value as ConsentChange).granted !== false })),
    ],
    ['late events that trigger', replacing(real, 'match-campaigns', (p) => seeing(p, { context: { late: false } }))],
    [
      'requests of one cause in another order',
      replacing(real, 'match-campaigns', (_, d) =>
        matchCampaigns(altered(d, { campaign: (c) => ({ ...c, priority: 50 }) })),
      ),
    ],
    ['conditions that see the user as before the event', reordered(real, last('keep-user'))],
  ])('%s', async (_name, build, made = (world) => world) => {
    const property = fc.asyncProperty(worlds({ binds: true, disorder: 'late' }).map(made), (world) =>
      equalsOracle(world, build),
    );
    expect((await fc.check(property, SEARCH)).counterexample).not.toBeNull();
  });

  it.each<[string, Build]>([
    ['failures that nobody hears of', unheard((r) => r.status === 'failed')],
    ['deliveries that nobody hears of', unheard((r) => r.status === 'delivered')],
    ['costs that are not corrected', unheard((r) => r.costMicros !== null && r.status !== 'delivered')],
    [
      'a receipt that is waited for a millisecond longer',
      deciding({
        policy: (p) => ({
          ...p,
          channels: Object.fromEntries(
            Object.entries(p.channels).map(([id, c]) => [
              id,
              { ...c, receiptWithinMs: c.receiptWithinMs && c.receiptWithinMs + 1 },
            ]),
          ),
        }),
      }),
    ],
    [
      'receipts of users who unsubscribe that nobody heeds',
      replacing(real, 'keep-user', (p) =>
        seeing(p, { keeps: (value) => (value as { readonly status?: string }).status !== 'unsubscribed' }),
      ),
    ],
    ['holds that end a millisecond late', deciding({ policy: (p) => ({ ...p, holdMs: p.holdMs && p.holdMs + 1 }) })],
    ['no holds', deciding({ policy: (p) => ({ ...p, holdMs: 0 }) })],
    ['holds that order by campaign alone', deciding({ campaign: (c) => ({ ...c, priority: 50 }) })],
  ])('%s', async (_name, build) => {
    const property = fc.asyncProperty(worlds({ binds: true, disorder: 'none' }), fates, async (world, given) =>
      equalsOracle(await withReceipts(world, given), build),
    );
    expect((await fc.check(property, SEARCH)).counterexample).not.toBeNull();
  });

  it('requests that are lost while their user awaits a verdict', async () => {
    const forgetful: Build = replacing(real, 'decide', (p) => ({
      ...p,
      on: p.on.map(({ stream, handle }) => ({
        stream,
        handle: (value, context) =>
          handle(
            value,
            new Proxy(context, {
              get(target, key) {
                if (key !== 'set') {
                  const member: unknown = Reflect.get(target, key, target);
                  return typeof member === 'function' ? member.bind(target) : member;
                }
                const set: typeof target.set = (cell, kept, sub) =>
                  target.set(cell, kept && { ...kept, waiting: [] satisfies UserMessages['waiting'] }, sub);
                return set;
              },
            }),
          ),
      })),
    }));
    const input = worlds({ binds: false, disorder: 'none', fixedTables: true, endless: true });
    const property = fc.asyncProperty(input, (world) => equalsImmediate(world, [9, 2], forgetful));
    expect((await fc.check(property, SEARCH)).counterexample).not.toBeNull();
  });
});
