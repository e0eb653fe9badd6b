import { describe, expect, test } from 'vitest';
import { budgetLedger, messages } from '../schemas/cells.ts';
import { candidates, decisions, receipts, sends, sessions, verdicts } from '../schemas/topics.ts';
import type { BudgetVerdict, SendCommand } from '../schemas/types.ts';
import { at, type CampaignFile, receiptOf, World } from './testing/world.ts';

const KEY = 'default/u';
const night = { quietHours: '21:00-08:00' };

/** A world with one campaign "c". */
const one = (file: Partial<CampaignFile> = {}, policy = {}): World =>
  new World({ campaigns: [{ id: 'c', ...file }], policy });

/** pace's answer to the last candidate. */
function answerTo(world: World, rest: Partial<BudgetVerdict> = {}): BudgetVerdict {
  const candidate = world.driver.outputs(candidates).at(-1);
  if (candidate === undefined) throw new Error('nothing was asked of pace');
  const { requestId, hop, tenantId, campaignId, userId, requestedAt, earliestAt } = candidate;
  const ids = { requestId, hop, tenantId, campaignId, userId, requestedAt };
  const slot = { outcome: 'reserved', channel: 'sms', costMicros: 7500, slotAt: earliestAt } as const;
  return { ...ids, ...slot, reason: null, facts: {}, ...rest };
}

const firstSend = (world: World): SendCommand => world.sent(0);

describe('a request', () => {
  test('passes every gate in order and is sent at once, with what it rests on', () => {
    const world = one();
    world.ask('c', at('09:00'), { requestId: 'r' });
    const story = `c|request:default/u:r@${at('09:00')}`;
    expect(world.last).toMatchObject({
      decisionId: `${story}#final`,
      requestId: 'r',
      outcome: 'sent',
      reason: null,
      channel: 'sms',
      costMicros: 7500,
      requestedAt: at('09:00'),
      decidedAt: at('09:00'),
      dueAt: at('09:00'),
      definitionVersion: 1,
    });
    const gates = ['audience', 'holdout', 'consent', 'duplicate', 'frequency-cap', 'channel', 'send-time', 'send'];
    expect(world.last.steps.map((s) => [s.gate, s.verdict])).toEqual(gates.map((gate) => [gate, 'pass']));
    expect(world.driver.outputs(sends)).toEqual([
      {
        sendId: `${story}#0`,
        requestId: 'r',
        hop: 0,
        tenantId: 'default',
        userId: 'u',
        campaignId: 'c',
        channel: 'sms',
        address: '+254700000001',
        content: { text: 'hello', encoding: 'GSM-7', segments: '1' },
        costMicros: 7500,
        dueAt: at('09:00'),
        expiresAt: at('09:00', 2),
        idempotencyKey: `${story}#0`,
        variant: null,
      },
    ]);
  });

  test('for an unknown campaign is a bad request; for one that is not active, or not yet in force, it says so', () => {
    const world = new World({ campaigns: [{ id: 'paused', status: 'paused' }] });
    world.define({ id: 'future' }, 1, at('10:00'));
    for (const id of ['unknown', 'paused', 'future']) world.ask(id, at('09:00'));
    const told = ['unknown: bad-request', 'paused: campaign-inactive', 'future: campaign-inactive'];
    expect(world.told()).toEqual(told);
    expect(world.last.steps).toEqual([{ gate: 'campaign', verdict: 'block', facts: { status: 'unknown' } }]);
  });

  test('ends at the first gate that blocks', () => {
    const world = one();
    world.consent({ granted: false });
    world.ask('c', at('09:00'));
    expect(world.last).toMatchObject({ outcome: 'blocked', reason: 'no-consent', channel: null, dueAt: null });
    expect(world.last.steps.map((s) => s.gate)).toEqual(['audience', 'holdout', 'consent']);
  });

  test('of a held-out user has an outcome of its own', () => {
    const world = one({ holdout: 1 });
    world.ask('c', at('09:00'));
    expect(world.last).toMatchObject({ outcome: 'holdout', reason: 'holdout' });
  });

  test('of a user whom nobody knows has no consent', () => {
    const world = one();
    world.ask('c', at('09:00'), { userId: 'nobody' });
    expect(world.told()).toEqual(['c: no-consent']);
  });

  test("is answered in the user's locale, else its language, else the first of the campaign", () => {
    const localeOf = (locale: string | null): unknown => {
      const world = one({ content: { template: 'hi', locales: ['en', 'sw', 'sw-TZ'] } });
      world.profile({ locale });
      world.ask('c', at('09:00'));
      return firstSend(world).content;
    };
    for (const [locale, chosen] of [
      ['sw-TZ', 'sw-TZ'],
      ['sw-KE', 'sw'],
      ['fr', 'en'],
      [null, 'en'],
    ])
      expect(localeOf(locale as string | null)).toEqual({ template: 'hi', locale: chosen });
  });
});

describe('a message that is due later', () => {
  test('is announced, and sent once stream time is strictly past its time, dated at it', () => {
    const world = one({ schedule: night });
    world.ask('c', at('22:00'));
    expect(world.last).toMatchObject({ outcome: 'scheduled', dueAt: at('08:00', 1), decidedAt: at('22:00') });
    world.driver.advance(at('08:00', 1));
    expect(world.told()).toEqual(['c: scheduled']);
    world.driver.advance(at('08:00', 1) + 1);
    expect(world.told()).toEqual(['c: sent']);
    expect(world.last).toMatchObject({ dueAt: at('08:00', 1), decidedAt: at('08:00', 1) });
    expect(world.driver.state(KEY, messages)).toMatchObject({ requests: [], sent: [{ sentAt: at('08:00', 1) }] });
  });

  test('makes a second request a duplicate, and does not count for the caps of others', () => {
    const world = new World({
      campaigns: [{ id: 'c', schedule: night, dedupe: { window: '1s' } }, { id: 'd' }],
      policy: { caps: [{ max: 1, window: '1d' }] },
    });
    world.ask('c', at('22:00'));
    world.ask('c', at('23:00'));
    world.ask('d', at('23:00'));
    expect(world.told()).toEqual(['c: scheduled', 'c: duplicate', 'd: sent']);
    world.driver.advance(at('09:00', 1));
    expect(world.told()).toEqual(['c: frequency-cap']);
  });

  test.each<[string, (world: World) => void, object]>([
    ['consent was revoked', (world) => world.consent({ granted: false }), { reason: 'no-consent' }],
    [
      'a newer version of the campaign is paused',
      (world) => world.define({ id: 'c', status: 'paused' }, 2, at('23:00')),
      { reason: 'campaign-inactive' },
    ],
    ['the address is gone', (world) => world.profile({ contacts: {} }), { reason: 'no-channel' }],
  ])('is looked at again, and blocked when %s meanwhile; the budget is given back', (_, change, expected) => {
    const world = one({ schedule: night, budget: { total: '1' } });
    world.ask('c', at('22:00'));
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(7500);
    change(world);
    world.driver.advance(at('09:00', 1));
    expect(world.told()).toEqual(['c: scheduled', `c: ${(expected as { reason: string }).reason}`]);
    expect(world.last).toMatchObject({
      outcome: 'blocked',
      channel: 'sms',
      costMicros: null,
      decidedAt: at('08:00', 1),
    });
    expect(world.last.steps.at(-1)).toMatchObject({ gate: 'send', verdict: 'block' });
    expect(world.driver.outputs(candidates).map((c) => c.kind)).toEqual(['reserve', 'release']);
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(0);
    expect(world.driver.outputs(sends)).toEqual([]);
  });

  test('goes to the address of its moment, with the content of its request', () => {
    const world = one({ schedule: night });
    world.ask('c', at('22:00'));
    world.profile({ contacts: { sms: '+254700000002' } });
    world.define({ id: 'c', content: { text: 'newer' } }, 2, at('23:00'));
    world.driver.advance(at('09:00', 1));
    expect(firstSend(world)).toMatchObject({ address: '+254700000002', content: { text: 'hello' } });
    expect(world.last.definitionVersion).toBe(1);
  });

  test('is sent before an event at a later time is looked at', () => {
    const world = new World({
      campaigns: [
        { id: 'c', schedule: night },
        { id: 'd', trigger: { event: 'buy' } },
      ],
      policy: { caps: [{ max: 1, window: '1d' }] },
    });
    world.ask('c', at('22:00'));
    world.event(at('08:00', 1) + 1, { type: 'buy' });
    expect(world.told()).toEqual(['c: scheduled', 'c: sent', 'd: frequency-cap']);
  });
});

describe('at one instant', () => {
  const policy = { ...night, caps: [{ max: 1, window: '1d' }] };
  const sentTo = (world: World): readonly string[] =>
    world.driver.outputs(sends).map((s) => `${s.userId} ${s.campaignId}`);

  test('messages are due by user, then request time, then priority, then campaign id', () => {
    const world = new World({
      campaigns: [{ id: 'a' }, { id: 'b' }, { id: 'high', priority: 60 }],
      policy: night,
    });
    for (const userId of ['v', 'u']) {
      world.profile({ userId });
      world.consent({ userId });
    }
    world.ask('b', at('22:00'), { userId: 'v' });
    for (const id of ['b', 'a', 'high']) world.ask(id, at('22:00'));
    world.ask('high', at('23:00'), { userId: 'v' });
    world.driver.advance(at('09:00', 1));
    expect(sentTo(world)).toEqual(['u high', 'u a', 'u b', 'v b', 'v high']);
  });

  test('the earlier request wins the last place under a cap, whatever its priority', () => {
    const world = new World({ campaigns: [{ id: 'a' }, { id: 'high', priority: 90 }], policy });
    world.ask('a', at('22:00'));
    world.ask('high', at('22:01'));
    world.driver.advance(at('09:00', 1));
    expect(world.told()).toEqual(['a: scheduled', 'high: scheduled', 'a: sent', 'high: frequency-cap']);
  });

  test('a due message comes before the close of a session', () => {
    // The session of 09:00 closes at 09:30, and the lateness later is certain.
    const world = new World({
      campaigns: [
        { id: 'due', schedule: { quietHours: '08:00-09:35' } },
        { id: 'closed', trigger: { session: 'closed' }, priority: 99 },
      ],
      policy: { caps: [{ max: 1, window: '1d' }] },
    });
    world.event(at('09:00'));
    world.ask('due', at('09:10'));
    world.driver.advance(at('10:00'));
    expect(world.driver.outputs(sessions)).toHaveLength(1);
    expect(world.told()).toEqual(['due: scheduled', 'due: sent', 'closed: frequency-cap']);
  });

  test('of requests from one event the higher priority wins a shared dedupe key', () => {
    const shared = { trigger: { event: 'buy' }, dedupe: { window: '1h', key: 'thanks' } };
    const world = new World({
      campaigns: [
        { id: 'a', ...shared },
        { id: 'z', ...shared, priority: 51 },
      ],
    });
    world.event(at('09:00'), { type: 'buy' });
    expect(world.told()).toEqual(['z: sent', 'a: duplicate']);
  });
});

describe('a request that comes after its message expired', () => {
  test('is expired: the messages that caps would count may be forgotten by now', () => {
    const world = new World({
      campaigns: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
      policy: { caps: [{ max: 1, window: '1d' }] },
    });
    world.ask('a', at('09:00'));
    world.ask('b', at('09:00', 10));
    world.ask('c', at('10:00'));
    expect(world.told()).toEqual(['a: sent', 'b: sent', 'c: expired']);
    expect(world.last.outcome).toBe('expired');
    expect(world.last.steps.map((s) => s.gate)).toEqual(['audience', 'holdout', 'consent', 'send-time']);
  });

  test('is expired also where what was sent before is still remembered', () => {
    const world = one({}, { caps: [{ max: 1, window: '1d' }] });
    world.ask('c', at('09:00'));
    world.event(at('09:00', 10), { userId: 'other' });
    world.ask('c', at('09:30'));
    expect(world.told()).toEqual(['c: sent', 'c: expired']);
  });

  test('is judged while it has not, exactly at the watermark too', () => {
    const lateBy = (ms: number): readonly string[] => {
      const world = new World({ campaigns: [{ id: 'c' }, { id: 'd' }], lateness: 0 });
      world.ask('d', at('09:00', 2) + ms);
      world.ask('c', at('09:00'));
      return world.told().slice(1);
    };
    expect([lateBy(0), lateBy(1)]).toEqual([['c: sent'], ['c: expired']]);
  });
});

describe('a campaign with a budget', () => {
  const budget = { total: '0.0075' };

  test('asks pace, and adds its step to the decision', () => {
    const world = one({ budget });
    world.ask('c', at('09:00'));
    expect(world.last.steps.map((s) => s.gate).slice(-3)).toEqual(['send-time', 'budget', 'send']);
    const channels = [
      { channel: 'sms', maxCostMicros: 7500 },
      { channel: 'email', maxCostMicros: 100 },
    ];
    expect(world.driver.outputs(candidates)).toMatchObject([{ kind: 'reserve', channels, expiresAt: at('09:00', 2) }]);
  });

  test('takes the channel that the budget can still pay, and is refused with its reason when it can pay none', () => {
    const world = one({ budget: { total: '0.0077' }, dedupe: { window: '1s' } });
    for (const time of ['09:00', '10:00', '11:00', '12:00']) world.ask('c', at(time));
    expect(world.told()).toEqual(['c: sent', 'c: sent', 'c: sent', 'c: budget-total']);
    expect(world.driver.outputs(sends).map((s) => s.channel)).toEqual(['sms', 'email', 'email']);
    expect(world.last.steps.at(-1)).toMatchObject({ gate: 'budget', verdict: 'block' });
    expect(world.driver.state(KEY, messages)).toMatchObject({ requests: [], awaiting: null });
  });

  test('tells how much was reserved before only where that decided: others may come to pace in another order', () => {
    const world = one({ budget: { total: '0.0075', to: '2026-03-03' }, dedupe: { window: '1s' }, channels: ['sms'] });
    const facts = (): unknown => world.last.steps.at(-1)?.facts;
    world.ask('c', at('09:00'));
    world.ask('c', at('10:00'));
    expect([world.last.reason, facts()]).toEqual(['budget-total', { reservedMicros: 7500, totalMicros: 7500 }]);
    world.ask('c', at('00:00', 1));
    expect([world.last.reason, facts()]).toEqual(['budget-window', { totalMicros: 7500 }]);
  });

  test('is sent at its slot', () => {
    const world = one({ budget: { total: '1', from: '2026-03-03' } });
    world.ask('c', at('09:00'));
    expect(world.last).toMatchObject({ outcome: 'scheduled', dueAt: at('00:00', 1), decidedAt: at('09:00') });
    world.driver.advance(at('01:00', 1));
    expect(world.told()).toEqual(['c: scheduled', 'c: sent']);
  });
});

describe('while a verdict is awaited', () => {
  const start = (): World =>
    new World({
      campaigns: [
        { id: 'paid', budget: { total: '1' } },
        { id: 'free' },
        { id: 'quiet', schedule: { quietHours: '09:00-10:00' } },
        { id: 'kenya', audience: { attribute: 'country', eq: 'KE' } },
      ],
      pace: false,
    });

  test('further requests of the user wait in order; those of others do not', () => {
    const world = start();
    world.profile({ userId: 'v' });
    world.consent({ userId: 'v' });
    world.ask('paid', at('09:00'));
    world.ask('free', at('09:01'));
    world.ask('paid', at('09:02'));
    world.ask('free', at('09:03'), { userId: 'v' });
    expect(world.told()).toEqual(['free: sent']);
    world.driver.pipe(verdicts, answerTo(world));
    expect(world.told()).toEqual(['paid: sent', 'free: sent', 'paid: duplicate']);
    expect(world.driver.outputs(decisions).map((d) => d.decidedAt)).toEqual(
      ['09:03', '09:00', '09:01', '09:02'].map((time) => at(time)),
    );
    expect(world.driver.state(KEY, messages)).toMatchObject({ awaiting: null, waiting: [] });
  });

  test('due times wait as well, and those that the answer brings come in their order', () => {
    const world = start();
    world.ask('quiet', at('09:30'));
    world.ask('paid', at('09:50'));
    world.ask('free', at('10:20'));
    expect(world.told()).toEqual(['quiet: scheduled']);
    world.driver.pipe(verdicts, answerTo(world, { slotAt: at('10:10') }));
    expect(world.told()).toEqual(['paid: scheduled', 'quiet: sent', 'paid: sent', 'free: sent']);
    world.driver.advance('1h');
    expect(world.told()).toEqual([]);
  });

  test('a second request that asks pace makes the rest wait again', () => {
    const world = start();
    world.define({ id: 'too', budget: { total: '1' } });
    for (const id of ['paid', 'too', 'free']) world.ask(id, at('09:00'));
    world.driver.pipe(verdicts, answerTo(world));
    expect(world.told()).toEqual(['paid: sent']);
    world.driver.pipe(verdicts, answerTo(world, { outcome: 'refused', slotAt: null, reason: 'budget-total' }));
    expect(world.told()).toEqual(['too: budget-total', 'free: sent']);
  });

  test('what the audience gate says is what it said when the request came', () => {
    const world = start();
    world.profile({ attributes: { country: 'KE' } });
    world.ask('paid', at('09:00'));
    world.ask('kenya', at('09:01'));
    world.profile({ attributes: {} });
    world.driver.pipe(verdicts, answerTo(world));
    expect(world.told()).toEqual(['paid: sent', 'kenya: sent']);
  });

  test('what waits is judged by all that was sent before it, however long the answer takes', () => {
    const world = new World({
      campaigns: [{ id: 'before' }, { id: 'paid', class: 'transactional', budget: { total: '1' } }, { id: 'free' }],
      policy: { caps: [{ max: 1, window: '1d' }] },
      pace: false,
    });
    world.ask('before', at('09:00'));
    world.ask('paid', at('09:01'));
    world.ask('free', at('09:02'));
    world.event(at('09:00', 20), { userId: 'other' });
    world.driver.pipe(verdicts, answerTo(world));
    expect(world.told()).toEqual(['before: sent', 'paid: sent', 'free: frequency-cap']);
  });

  test('an answer that comes twice, or that nobody asked for, does nothing', () => {
    const world = start();
    world.ask('paid', at('09:00'));
    const verdict = answerTo(world);
    world.driver.pipe(verdicts, { ...verdict, requestId: 'unknown' });
    expect(world.told()).toEqual([]);
    world.driver.pipe(verdicts, verdict, verdict);
    expect(world.told()).toEqual(['paid: sent']);
  });
});

describe('a receipt', () => {
  const options = {
    campaigns: [
      { id: 'c', budget: { total: '1' }, channels: ['sms'] },
      { id: 'd', channels: ['sms'] },
    ],
    policy: { caps: [{ max: 1, window: '1d' }] },
  };

  test('of a failure gives cap and budget back, once', () => {
    const world = new World(options);
    world.ask('c', at('09:00'));
    const failed = receiptOf(firstSend(world), 'failed');
    world.driver.pipe(receipts, failed, failed);
    expect(world.driver.outputs(candidates).map((c) => c.kind)).toEqual(['reserve', 'release']);
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(0);
    world.ask('d', at('10:00'));
    expect(world.told()).toEqual(['c: sent', 'd: sent']);
  });

  test.each(['accepted', 'delivered', 'unknown'] as const)('that says %s gives nothing back', (status) => {
    const world = new World(options);
    world.ask('c', at('09:00'));
    world.driver.pipe(receipts, receiptOf(firstSend(world), status));
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(7500);
    world.ask('d', at('10:00'));
    expect(world.told()).toEqual(['c: sent', 'd: frequency-cap']);
  });

  test('of a message without a budget asks nothing of pace', () => {
    const world = new World(options);
    world.ask('d', at('09:00'));
    world.driver.pipe(receipts, receiptOf(firstSend(world), 'failed'));
    expect(world.driver.outputs(candidates)).toEqual([]);
    expect(world.driver.state(KEY, messages)?.sent).toMatchObject([{ failed: true }]);
  });
});

test('messages are forgotten once no window can reach them from the watermark', () => {
  const kept = (time: string): number | undefined => {
    const world = one();
    world.ask('c', at('09:00'));
    world.ask('c', at(time, 9));
    return world.driver.state(KEY, messages)?.sent.length;
  };
  // A week of caps, two days of expiry and the lateness.
  expect([kept('09:04:59.999'), kept('09:05')]).toEqual([2, 1]);
});
