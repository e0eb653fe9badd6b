// What waits for pace, and what happens by itself meanwhile, keep their order.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { campaignToJson, type Campaign as EngineCampaign } from '../../schemas/campaign.ts';
import { Definitions, type InForce, POLICY_ID } from '../../schemas/definitions.ts';
import { policyToJson } from '../../schemas/policy.ts';
import { at, campaign, consent, event, input, MINUTE, policy, profile, T0 } from '../oracle/build.ts';
import { DAY, HOUR } from '../oracle/common.ts';
import type { Budget, Campaign, DecisionInput } from '../oracle/model.ts';
import { given, maybe } from './campaigns.ts';
import { runDelayed } from './delayed.ts';
import { type Outputs, real, runEngine } from './engine.ts';
import { decisionLine, sendLine } from './lines.ts';
import { unopened, withoutAnswers, withReceipts } from './receipts.ts';
import { runs } from './runs.ts';

const CHANNELS = ['sms', 'email', 'push'];
const TYPES = ['view', 'buy'];
const LATENESS = 8 * HOUR;
const SPAN = 12 * HOUR;
const PLENTY: Budget = { pacing: 'asap', total: 1_000_000_000 };

const someTime = fc.nat(SPAN / (5 * MINUTE)).map((n) => T0 + n * 5 * MINUTE);
const soon = fc.constantFrom(1000, 5 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR);

const campaignOf = (id: string): fc.Arbitrary<Campaign> =>
  fc
    .record({
      class: fc.constantFrom('marketing' as const, 'transactional' as const),
      priority: fc.constantFrom(10, 50, 90),
      trigger: fc.constantFrom({ event: 'view' }, { event: 'view' }, { event: 'buy' }, { api: true as const }),
      channels: fc.shuffledSubarray(CHANNELS, { minLength: 1 }),
      dedupe: fc.record({ windowMs: fc.constantFrom(1000, 1000, 30 * MINUTE), key: fc.constantFrom('k', 'k', id) }),
      quietHours: maybe(fc.constantFrom('02:00-04:30', '06:00-06:05'), 3),
      expiresAfterMs: fc.constantFrom(HOUR, DAY),
    })
    .map((made) =>
      given({ tenantId: 'default', id, version: 1, effectiveFrom: 0, status: 'active', timezone: 'UTC', ...made }),
    );

const policies = fc
  .record({
    caps: fc.array(
      fc
        .record({ max: fc.constantFrom(1, 2, 3), windowMs: soon, channel: maybe(fc.constantFrom(...CHANNELS), 2) })
        .map(given),
      { maxLength: 2 },
    ),
    holdMs: maybe(soon, 1),
    receiptWithin: fc.dictionary(fc.constantFrom(...CHANNELS), soon),
  })
  .map((policy) => given({ gapMs: 30 * MINUTE, thresholds: [HOUR], ...policy }));

/** One user's records, each at most the lateness behind the latest of another user. */
const worlds = fc
  .record({
    campaigns: fc.tuple(...['a', 'b', 'c'].map(campaignOf)),
    policy: policies,
    records: fc.array(
      fc.record({
        at: someTime,
        user: fc.constantFrom('u1', 'u1', 'u1', 'clock'),
        type: fc.constantFrom(...TYPES),
        asks: fc.constantFrom(null, null, 'a', 'b', 'c'),
      }),
      { minLength: 1, maxLength: 12, size: 'max' },
    ),
  })
  .map(({ campaigns, policy, records }): DecisionInput => {
    const taken: typeof records = [];
    let latest = 0;
    for (const record of records) {
      latest = Math.max(latest, record.at);
      if (record.at >= latest - LATENESS) taken.push(record);
    }
    const ids = { tenantId: 'default', sessionId: null, properties: {} };
    return {
      campaigns,
      policy,
      lateness: LATENESS,
      events: taken.map(({ at, user, type }, i) => ({ ...ids, eventId: `e${i}`, userId: user, type, occurredAt: at })),
      sendRequests: taken.flatMap(({ at, user, asks }, i) =>
        asks === null
          ? []
          : [
              {
                tenantId: 'default',
                userId: user,
                requestId: `r${i}`,
                campaignId: asks,
                source: 'api' as const,
                requestedAt: at,
                data: {},
                notBefore: null,
              },
            ],
      ),
      profiles: [profile({ contacts: { sms: '1', email: '2', push: '3' } })],
      consents: [consent({ purpose: 'all' })],
    };
  });

/** The input with a budget for those of its campaigns. */
function budgeted(input: DecisionInput, which: readonly boolean[]): DecisionInput {
  const campaigns = input.campaigns.map((c, i): Campaign => (which[i] ? { ...c, budget: PLENTY } : c));
  return { ...input, campaigns };
}

/** The user's decisions and sends in their order, without the step that only budgets leave. */
function linesOf({ decisions, sends }: Outputs): string[] {
  const own = decisions.filter(({ userId }) => userId === 'u1');
  const withoutGate = own.map((d) => ({ ...d, steps: d.steps.filter(({ gate }) => gate !== 'budget') }));
  return [...withoutGate.map(decisionLine), ...sends.map(sendLine)];
}

const some = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean());
const delays = fc.array(fc.nat(6), { minLength: 1, maxLength: 8 });

describe('a budget that does not bind changes neither decisions nor their order, however late pace answers', () => {
  it('and however far time jumps back', async () => {
    const property = fc.asyncProperty(worlds, unopened, some, delays, async (world, fates, which, delays) => {
      const free = await withReceipts(withoutAnswers(world), fates);
      const expected = linesOf(await runEngine(free));
      const paid = budgeted(free, which);
      expect(linesOf(await runEngine(paid))).toEqual(expected);
      expect(linesOf(runDelayed(paid, delays))).toEqual(expected);
    });
    await fc.assert(property, runs(400));
  });

  const transactional = { class: 'transactional', dedupe: { windowMs: 1000, key: 'k' } } as const;
  /** Time begins, and is then far ahead of the user. */
  const clock = [at(4), at(12)].map((time) => event(time, { userId: 'clock', type: 'none' }));
  const later = Array.from({ length: 4 }, () => event(at(12), { type: 'none' }));

  it.each<[string, number, Partial<DecisionInput>, Readonly<Record<string, object>>, readonly string[]]>([
    [
      'what is due in the past goes after the end of a hold that comes before it, where one record caused both',
      60,
      {
        campaigns: [
          campaign({ id: 'a', ...transactional, trigger: { event: 'buy' } }),
          campaign({ id: 'b', dedupe: { windowMs: 1000 }, trigger: { event: 'buy' } }),
        ],
        policy: policy({ holdMs: 30 * MINUTE }),
        events: [...clock, event(at(9), { type: 'buy' }), ...later],
      },
      {},
      ['a 09:00', 'b 09:30', 'a 10:00', 'b 10:30'],
    ],
    [
      'whom an event brings into a segment is asked for by both before anything of theirs is due',
      60,
      {
        campaigns: [
          campaign({ id: 'a', ...transactional }),
          campaign({ id: 'b', ...transactional, trigger: { event: 'buy' } }),
        ],
        events: [...clock, event(at(9), { type: 'buy' }), ...later],
      },
      { a: { segment: 'buyers' } },
      ['a 09:00', 'b 09:00', 'a 10:00'],
    ],
    [
      'what was due goes before a segment that was left earlier, but because of a later record',
      150,
      {
        campaigns: [
          campaign({ id: 'a', ...transactional, trigger: { event: 'view' } }),
          campaign({ id: 'b', ...transactional }),
        ],
        events: [...clock, event(at(9)), event(at(5), { type: 'buy' }), ...later],
      },
      { b: { segment: 'buyers', on: 'left' } },
      ['a 09:00', 'a 11:30', 'b 11:00'],
    ],
  ])('%s', async (_, minutes, rest, triggers, expected) => {
    const { policy: rules, ...world } = input({ lateness: LATENESS, consents: [consent({ purpose: 'all' })], ...rest });
    const within = minutes * MINUTE;
    const free = { ...world, policy: { ...rules, receiptWithin: { sms: within, email: within } } };
    const paid = budgeted(free, [true, true]);
    const build = (definitions: Definitions) => real(withTriggers(definitions, triggers));
    const runs = [await runEngine(free, { build }), await runEngine(paid, { build }), runDelayed(paid, [2], build)];
    for (const { decisions } of runs)
      expect(decisions.map(({ campaignId, decidedAt }) => `${campaignId} ${timeOf(decidedAt)}`)).toEqual(expected);
  });
});

function timeOf(instant: number): string {
  return new Date(instant).toISOString().slice('YYYY-MM-DDT'.length, 'YYYY-MM-DDTHH:MM'.length);
}

/** The definitions with a segment of those who bought in the last six hours, and triggers in the place of the campaigns' own. */
function withTriggers(given: Definitions, triggers: Readonly<Record<string, object>>): Definitions {
  const altered = new Definitions();
  const common = { tenantId: 'default', version: 1, effectiveFrom: 0 };
  const policy = {
    ...JSON.parse(policyToJson(given.policy('default', 0))),
    segments: { buyers: { metric: 'events.buy@6h', gte: 1 } },
  };
  altered.apply({ ...common, campaignId: POLICY_ID, definition: JSON.stringify(policy) });
  for (const campaignId of given.campaignIds('default')) {
    const { definition } = given.campaign('default', campaignId, 0) as InForce<EngineCampaign>;
    const file = JSON.parse(campaignToJson(definition));
    const changed = { ...file, trigger: triggers[campaignId] ?? file.trigger };
    altered.apply({ ...common, campaignId, definition: JSON.stringify(changed) });
  }
  return altered;
}
