import { describe, expect, test } from 'vitest';
import { budgetLedger, messages } from '../../schemas/cells.ts';
import { candidates, decisions, receipts, sends, verdicts } from '../../schemas/topics.ts';
import type { BudgetVerdict, Receipt } from '../../schemas/types.ts';
import { at, type CampaignFile, receiptOf, World } from '../testing/world.ts';

const KEY = 'default/u';
const contacts = { sms: '+254700000001', email: 'u@example.org', whatsapp: '+254700000002', push: 'token' };

/** The user's own order, which alone counts. */
const channelPreferences = ['sms', 'whatsapp', 'email', 'push'];
const weights = { customerType: 1 };

/** A world whose one campaign "c" has four channels that reach the user. */
function start(file: Partial<CampaignFile> = {}, policy = {}, options = {}): World {
  const world = new World({
    campaigns: [{ id: 'c', channels: ['sms', 'whatsapp', 'email', 'push'], ...file }, { id: 'd' }],
    policy: { weights, ...policy },
    ...options,
  });
  world.profile({ contacts, channelPreferences });
  return world;
}

/** The provider answers to the last send. */
function answer(world: World, status: Receipt['status'], time: string, day = 0): void {
  world.driver.pipe(
    receipts,
    receiptOf(world.sent(-1), status, { occurredAt: at(time, day), error: 'no such number' }),
  );
}

const channelsOf = (world: World): readonly string[] => world.driver.outputs(sends).map((s) => s.channel);

describe('a permanent failure', () => {
  test('is followed by the next channel at the time of the failure, as a send of its own and one story', () => {
    const world = start();
    world.ask('c', at('09:00'), { requestId: 'r' });
    const story = `c|request:default/u:r@${at('09:00')}`;
    expect(world.last).toMatchObject({ hop: 0, fallbacks: ['whatsapp', 'email'], decisionId: `${story}#final` });
    answer(world, 'failed', '09:01');
    expect(world.last).toMatchObject({
      decisionId: `${story}#h1.final`,
      requestId: 'r',
      outcome: 'sent',
      hop: 1,
      fallbacks: ['email'],
      channel: 'whatsapp',
      costMicros: 5000,
      requestedAt: at('09:00'),
      decidedAt: at('09:01'),
      dueAt: at('09:01'),
    });
    expect(world.sent(-1)).toMatchObject({
      sendId: `${story}#1`,
      idempotencyKey: `${story}#1`,
      hop: 1,
      address: '+254700000002',
      expiresAt: at('09:00', 2),
    });
    const first = ['audience', 'holdout', 'consent', 'duplicate', 'frequency-cap', 'channel', 'send-time', 'send'];
    const further = ['consent', 'frequency-cap', 'channel', 'send-time', 'send'];
    expect(world.last.steps.map((s) => s.gate)).toEqual([...first, 'delivery', ...further]);
    expect(world.last.steps[8]).toEqual({
      gate: 'delivery',
      verdict: 'block',
      facts: { channel: 'sms', hop: 0, error: 'no such number' },
    });
  });

  test('is told in short, without the addresses that a provider repeats', () => {
    const world = start();
    world.ask('c', at('09:00'));
    const error = `+254700000001 (254700000001, not u@example.org) is no number: ${'x'.repeat(1000)}`;
    world.driver.pipe(receipts, receiptOf(world.sent(0), 'failed', { occurredAt: at('09:01'), error }));
    const told = world.last.steps.find(({ gate }) => gate === 'delivery')?.facts.error;
    expect(told).toMatch(/^\[address\] \(\[address\], not \[address\]\) is no number: x+…$/);
    expect(String(told).length).toBeLessThan(210);
  });

  test('of the third channel ends the story, however many there are', () => {
    const world = start();
    world.ask('c', at('09:00'));
    for (const time of ['09:01', '09:02', '09:03', '09:04']) answer(world, 'failed', time);
    expect(channelsOf(world)).toEqual(['sms', 'whatsapp', 'email']);
    expect(world.told()).toEqual(['c: sent', 'c: sent', 'c: sent']);
    expect(world.driver.state(KEY, messages)).toMatchObject({
      open: [],
      sent: [{}, {}, {}].map(() => ({ failed: true })),
    });
  });

  test('that is told twice changes nothing', () => {
    const world = start();
    world.ask('c', at('09:00'));
    const failed = receiptOf(world.sent(0), 'failed', { occurredAt: at('09:01') });
    world.driver.pipe(receipts, failed, failed, { ...failed, receiptId: 'other', occurredAt: at('09:02') });
    expect(channelsOf(world)).toEqual(['sms', 'whatsapp']);
  });

  test('that is dated before the sending counts at the sending', () => {
    const world = start();
    world.ask('c', at('09:00'));
    answer(world, 'failed', '08:00');
    expect(world.last).toMatchObject({ hop: 1, decidedAt: at('09:00') });
  });

  test('frees cap and dedupe, and its hop is no duplicate of it', () => {
    const world = start({}, { caps: [{ max: 1, window: '1d' }] });
    world.ask('c', at('09:00'));
    answer(world, 'failed', '09:01');
    expect(world.told()).toEqual(['c: sent', 'c: sent']);
    world.ask('d', at('09:02'));
    world.ask('c', at('09:02'));
    expect(world.told()).toEqual(['d: frequency-cap', 'c: duplicate']);
    answer(world, 'failed', '09:03');
    answer(world, 'failed', '09:04');
    world.ask('c', at('09:05'));
    expect(world.told()).toEqual(['c: sent', 'c: sent']);
  });

  test.each<[string, (world: World) => void, object]>([
    ['consent was revoked', (w) => w.consent({ granted: false }), { outcome: 'blocked', reason: 'no-consent' }],
    [
      'the campaign is paused meanwhile',
      (w) => w.define({ id: 'c', status: 'paused' }, 2, at('09:00:30')),
      { outcome: 'blocked', reason: 'campaign-inactive' },
    ],
    [
      'no address is left for the others',
      (w) => w.profile({ contacts: { sms: 'x' }, channelPreferences }),
      { outcome: 'blocked', reason: 'no-channel' },
    ],
  ])('is the end when %s', (_, change, expected) => {
    const world = start();
    world.ask('c', at('09:00'));
    change(world);
    answer(world, 'failed', '09:01');
    expect(world.last).toMatchObject({ hop: 1, channel: null, fallbacks: [], decidedAt: at('09:01'), ...expected });
    expect(world.driver.outputs(sends)).toHaveLength(1);
  });

  test('is held to the caps of its own moment', () => {
    const failedAfter = (other: CampaignFile, cap: object): World => {
      const world = start({}, { caps: [{ max: 2, window: '1d' }, cap] });
      world.define(other);
      world.ask('c', at('09:00'));
      const first = world.sent(0);
      world.ask(other.id, at('09:00:30'));
      world.ask('d', at('09:00:40'));
      world.driver.pipe(receipts, receiptOf(first, 'failed', { occurredAt: at('09:01') }));
      return world;
    };
    const onWhatsapp = { max: 1, window: '1d', channel: 'whatsapp' };
    const skips = failedAfter({ id: 'e', channels: ['whatsapp'] }, onWhatsapp);
    expect(skips.told()).toEqual(['c: sent', 'e: sent', 'd: frequency-cap', 'c: sent']);
    expect(skips.last).toMatchObject({ hop: 1, channel: 'email' });
    const full = failedAfter({ id: 'e', class: 'transactional' }, { max: 1, window: '2d' });
    expect(full.told()).toEqual(['c: sent', 'e: sent', 'd: frequency-cap', 'c: sent']);
    const blocked = start({}, { caps: [{ max: 1, window: '1d' }], channels: { sms: { receiptWithin: '1h' } } });
    blocked.ask('c', at('09:00'));
    blocked.driver.advance(at('10:00') + 1);
    expect(blocked.last).toMatchObject({ hop: 1, outcome: 'blocked', reason: 'frequency-cap' });
  });

  test('skips channels that are not viable any more', () => {
    const world = start();
    world.ask('c', at('09:00'));
    world.consent({ granted: false, channel: 'whatsapp' });
    answer(world, 'failed', '09:01');
    expect(world.last).toMatchObject({ outcome: 'sent', channel: 'email', fallbacks: [] });
  });

  test('waits for the end of quiet hours, and is announced', () => {
    const world = start({ schedule: { quietHours: '21:00-08:00' } });
    world.ask('c', at('20:59'));
    answer(world, 'failed', '21:30');
    expect(world.last).toMatchObject({ outcome: 'scheduled', hop: 1, decidedAt: at('21:30'), dueAt: at('08:00', 1) });
    expect(world.last.decisionId).toMatch(/#h1\.scheduled$/);
    world.driver.advance(at('09:00', 1));
    expect(world.last).toMatchObject({ outcome: 'sent', hop: 1, decidedAt: at('08:00', 1) });
    expect(world.last.decisionId).toMatch(/#h1\.final$/);
    answer(world, 'failed', '09:00', 1);
    expect(world.last).toMatchObject({ outcome: 'sent', hop: 2, channel: 'email' });
  });

  test('of another channel than the message went by is not its own, and changes nothing', () => {
    const world = start({ budget: { total: 1 } });
    world.ask('c', at('09:00'));
    const sent = world.sent(0);
    const wrong = { channel: 'email', occurredAt: at('09:01'), costMicros: 1 };
    world.driver.pipe(receipts, receiptOf(sent, 'failed', wrong), receiptOf(sent, 'delivered', wrong));
    expect(world.told()).toEqual(['c: sent']);
    expect(world.driver.outputs(candidates).map(({ kind }) => kind)).toEqual(['reserve']);
    answer(world, 'failed', '09:02');
    expect(world.last).toMatchObject({ hop: 1, outcome: 'sent', channel: 'whatsapp' });
  });

  test('that is told late is acted on when it is told: by the quiet hours and caps of then', () => {
    const failedAt2030 = (now: string, day = 0): World => {
      const world = start({ schedule: { quietHours: '21:00-08:00' } }, { caps: [{ max: 1, window: '2h' }] });
      world.ask('c', at('20:30'));
      world.driver.advance(at(now, day));
      answer(world, 'failed', '20:31');
      return world;
    };
    // No later than the lateness: at its own time, as any record.
    expect(failedAt2030('20:36').last).toMatchObject({ outcome: 'sent', hop: 1, decidedAt: at('20:31') });
    const asleep = failedAt2030('23:00');
    expect(asleep.last).toMatchObject({ outcome: 'scheduled', decidedAt: at('23:00'), dueAt: at('08:00', 1) });
    const awake = failedAt2030('10:00', 1);
    expect(awake.last).toMatchObject({ outcome: 'sent', decidedAt: at('10:00', 1), dueAt: at('10:00', 1) });
    const busy = start({}, { caps: [{ max: 1, window: '2h' }] });
    busy.ask('c', at('09:00'));
    busy.ask('d', at('12:00'));
    answer(busy, 'failed', '09:01');
    expect(busy.driver.outputs(decisions).at(-1)?.campaignId).toBe('d');
  });

  test("is held to the request's own expiry", () => {
    const world = start({ schedule: { quietHours: '21:00-08:00', expiresAfter: '2h' } });
    world.ask('c', at('20:59'));
    answer(world, 'failed', '21:30');
    expect(world.last).toMatchObject({ outcome: 'expired', hop: 1 });
    const toldAt = (time: string): number => {
      const late = start({ schedule: { expiresAfter: '2h' } });
      late.ask('c', at('09:00'));
      answer(late, 'failed', time);
      return late.driver.outputs(decisions).length;
    };
    expect([toldAt('11:00'), toldAt('11:00:00.001')]).toEqual([2, 1]);
  });

  test('is followed by nothing once time is past the expiry by more than the lateness', () => {
    const world = start({ schedule: { expiresAfter: '2h' } });
    world.ask('c', at('09:00'));
    world.driver.advance(at('11:05:00.001'));
    answer(world, 'failed', '09:01');
    expect(world.told()).toEqual(['c: sent']);
  });
});

describe('without a receipt in time', () => {
  const policy = { channels: { sms: { receiptWithin: '1h' }, whatsapp: { receiptWithin: '30m' } } };

  test('the next channel is tried, and nothing is given back', () => {
    const world = start({ budget: { total: '1' } }, policy);
    world.ask('c', at('09:00'));
    world.driver.advance(at('10:00'));
    expect(channelsOf(world)).toEqual(['sms']);
    world.driver.advance(at('10:00') + 1);
    expect(world.last).toMatchObject({ outcome: 'sent', hop: 1, channel: 'whatsapp', decidedAt: at('10:00') });
    const delivery = world.last.steps.find((s) => s.gate === 'delivery');
    expect(delivery?.facts).toEqual({ channel: 'sms', hop: 0, noReceiptWithin: '1h' });
    world.driver.advance(at('12:00'));
    expect(channelsOf(world)).toEqual(['sms', 'whatsapp', 'email']);
    expect(world.driver.outputs(candidates).map((c) => [c.kind, c.hop])).toEqual([
      ['reserve', 0],
      ['reserve', 1],
      ['reserve', 2],
    ]);
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(12_600);
  });

  test.each(['delivered', 'opened', 'clicked', 'replied', 'unsubscribed'] as const)('%s is one', (status) => {
    const world = start({}, policy);
    world.ask('c', at('09:00'));
    answer(world, status, '09:30');
    world.driver.advance(at('12:00'));
    expect(channelsOf(world)).toEqual(['sms']);
    expect(world.driver.state(KEY, messages)?.open).toEqual([]);
  });

  test.each(['accepted', 'sent', 'unknown'] as const)('%s is none', (status) => {
    const world = start({}, policy);
    world.ask('c', at('09:00'));
    answer(world, status, '09:30');
    world.driver.advance(at('10:30'));
    expect(channelsOf(world)).toEqual(['sms', 'whatsapp']);
  });

  test('a failure that comes after it frees the cap and starts no other hop', () => {
    const world = start({ budget: { total: '1' } }, policy);
    world.ask('c', at('09:00'));
    world.driver.advance(at('10:10'));
    world.driver.pipe(receipts, receiptOf(world.sent(0), 'failed', { occurredAt: at('10:10') }));
    expect(channelsOf(world)).toEqual(['sms', 'whatsapp']);
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(5000);
    expect(world.driver.state(KEY, messages)).toMatchObject({ sent: [{ failed: true }, { failed: false }] });
  });

  test('the last channel is not waited for, nor one whose time ends after the expiry', () => {
    const last = start({ channels: ['sms'] }, policy);
    last.ask('c', at('09:00'));
    expect(last.driver.state(KEY, messages)?.open).toEqual([]);
    const world = start({ schedule: { expiresAfter: '59m' } }, policy);
    world.ask('c', at('09:00'));
    world.driver.advance(at('12:00'));
    expect(world.told()).toEqual(['c: sent']);
  });
});

describe('with a budget', () => {
  test('the chain goes on from the channel that pace picked, with those not tried', () => {
    const world = start({ budget: { total: '0.006' } });
    world.ask('c', at('09:00'));
    expect(world.last).toMatchObject({ channel: 'whatsapp', fallbacks: ['sms', 'email'] });
    answer(world, 'failed', '09:01');
    // sms costs too much again, so pace picks the next; sms stays the last that is left.
    expect(world.last).toMatchObject({ channel: 'email', hop: 1, fallbacks: ['sms'] });
    expect(world.driver.outputs(candidates).map((c) => [c.kind, c.hop, c.channels.map((o) => o.channel)])).toEqual([
      ['reserve', 0, ['sms', 'whatsapp', 'email', 'push']],
      ['release', 0, []],
      ['reserve', 1, ['sms', 'email']],
    ]);
  });

  test('a refusal ends the story with its reason', () => {
    const world = start({ channels: ['sms', 'whatsapp'], budget: { total: '0.01' } });
    world.ask('c', at('09:00'));
    world.define({ id: 'c', channels: ['sms', 'whatsapp'], budget: { total: '0.01' } });
    world.profile({ userId: 'v', contacts, channelPreferences });
    world.consent({ userId: 'v' });
    answer(world, 'failed', '09:01');
    expect(world.last).toMatchObject({ hop: 1, outcome: 'sent', channel: 'whatsapp' });
    world.ask('c', at('09:02'), { userId: 'v' });
    expect(world.last).toMatchObject({ userId: 'v', channel: 'whatsapp', fallbacks: ['sms'] });
    answer(world, 'failed', '09:03');
    expect(world.last).toMatchObject({
      userId: 'v',
      hop: 1,
      outcome: 'blocked',
      reason: 'budget-total',
      channel: null,
    });
    expect(world.driver.state(KEY, messages)).toMatchObject({ awaiting: null, requests: [] });
  });

  test('a block at the moment of sending gives the reservation of its hop back', () => {
    const world = start({ budget: { total: '1' }, schedule: { quietHours: '21:00-08:00' } });
    world.ask('c', at('20:59'));
    answer(world, 'failed', '21:30');
    world.consent({ granted: false });
    world.driver.advance(at('09:00', 1));
    expect(world.last).toMatchObject({ hop: 1, outcome: 'blocked', reason: 'no-consent', channel: 'whatsapp' });
    expect(world.driver.outputs(candidates).at(-1)).toMatchObject({ kind: 'release', hop: 1 });
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(0);
  });
});

describe('what a message really cost', () => {
  const told = (world: World): unknown[] =>
    world.driver
      .outputs(candidates)
      .filter((c) => c.kind !== 'reserve')
      .map((c) => [c.kind, c.hop, c.costMicros]);
  const cost = (world: World, status: Receipt['status'], costMicros: number | null, receiptId: string): void => {
    world.driver.pipe(receipts, receiptOf(world.sent(0), status, { costMicros, receiptId }));
  };

  test('is told to pace once, where it is not what was reserved, and that it went out', () => {
    const world = start({ budget: { total: '1' } });
    world.ask('c', at('09:00'));
    cost(world, 'accepted', 7500, '1');
    expect(told(world)).toEqual([]);
    cost(world, 'accepted', 5000, '2');
    cost(world, 'sent', null, '3');
    cost(world, 'delivered', 4000, '4');
    cost(world, 'delivered', 4000, '4');
    expect(told(world)).toEqual([
      ['correct', 0, 5000],
      ['spent', 0, 7500],
    ]);
    expect(world.driver.state('default/c', budgetLedger)).toMatchObject({ reserved: 5000, spent: 5000, overrun: 0 });
  });

  test('beyond what was reserved is an overrun', () => {
    const world = start({ budget: { total: '1' } });
    world.ask('c', at('09:00'));
    cost(world, 'delivered', 9000, '1');
    expect(told(world)).toEqual([
      ['correct', 0, 9000],
      ['spent', 0, 9000],
    ]);
    expect(world.driver.state('default/c', budgetLedger)).toMatchObject({ reserved: 7500, spent: 9000, overrun: 1500 });
  });

  test('is nothing where it is negative: that would free what others reserved', () => {
    const world = start({ budget: { total: '1' } });
    world.ask('c', at('09:00'));
    cost(world, 'sent', -5000, '1');
    cost(world, 'delivered', 5000, '2');
    expect(told(world)).toEqual([
      ['spent', 0, 7500],
      ['correct', 0, 5000],
    ]);
    expect(world.driver.state('default/c', budgetLedger)).toMatchObject({ reserved: 5000, spent: 5000 });
  });

  test('is nothing where the message failed, and nobody is told without a budget', () => {
    const world = start({ budget: { total: '1' }, channels: ['sms'] });
    world.ask('c', at('09:00'));
    cost(world, 'failed', 3000, '1');
    cost(world, 'delivered', 3000, '2');
    expect(told(world)).toEqual([['release', 0, null]]);
    expect(world.driver.state('default/c', budgetLedger)).toMatchObject({ reserved: 0, spent: 0 });
    const free = start();
    free.ask('c', at('09:00'));
    cost(free, 'delivered', 3000, '1');
    expect(told(free)).toEqual([]);
  });
});

describe('while a verdict is awaited', () => {
  const campaigns = [
    { id: 'free', channels: ['sms', 'email'] },
    { id: 'paid', budget: { total: '1' } },
  ];

  function asked(world: World): BudgetVerdict {
    const candidate = world.driver
      .outputs(candidates)
      .filter((c) => c.kind === 'reserve')
      .at(-1);
    if (candidate === undefined) throw new Error('nothing was asked of pace');
    const { requestId, hop, tenantId, campaignId, userId, requestedAt, earliestAt, channels } = candidate;
    const ids = { requestId, hop, tenantId, campaignId, userId, requestedAt };
    const [first] = channels;
    const slot = { channel: first?.channel ?? null, costMicros: first?.maxCostMicros ?? null, slotAt: earliestAt };
    return { ...ids, outcome: 'reserved', ...slot, reason: null, facts: {} };
  }

  test('failures and timeouts wait in order, and what they free is not free before their turn', () => {
    const policy = { caps: [{ max: 2, window: '1d' }] };
    const world = new World({ campaigns, policy, pace: false });
    world.ask('free', at('09:00'), { requestId: 'first' });
    world.ask('paid', at('09:01'));
    world.driver.pipe(receipts, receiptOf(world.sent(0), 'failed', { occurredAt: at('09:02') }));
    expect(world.told()).toEqual(['free: sent']);
    world.driver.pipe(verdicts, asked(world));
    expect(world.told()).toEqual(['paid: sent', 'free: sent']);
    expect(world.driver.outputs(sends).map((s) => [s.campaignId, s.hop, s.dueAt])).toEqual([
      ['free', 0, at('09:00')],
      ['paid', 0, at('09:01')],
      ['free', 1, at('09:02')],
    ]);
  });

  test('a timeout that comes meanwhile takes its turn, in the order of due times', () => {
    const policy = { channels: { sms: { receiptWithin: '1h' } } };
    const world = new World({ campaigns, policy, pace: false });
    world.ask('free', at('09:00'));
    world.ask('paid', at('09:30'));
    world.ask('paid', at('10:30'));
    expect(world.told()).toEqual(['free: sent']);
    world.driver.pipe(verdicts, asked(world));
    expect(world.driver.outputs(decisions).map((d) => [d.campaignId, d.hop, d.decidedAt, d.reason])).toEqual([
      ['free', 0, at('09:00'), null],
      ['paid', 0, at('09:30'), null],
      ['free', 1, at('10:00'), null],
      ['paid', 0, at('10:30'), 'duplicate'],
    ]);
  });

  test('a receipt that is dated ahead makes nothing due before its time', () => {
    const world = new World({ campaigns, pace: false });
    world.define({ id: 'later', schedule: { quietHours: '09:00-09:10' } });
    for (const [i, id] of ['free', 'later', 'paid'].entries()) world.ask(id, at('09:00') + i);
    world.driver.pipe(receipts, receiptOf(world.sent(0), 'delivered', { occurredAt: at('09:12') }));
    world.driver.pipe(verdicts, asked(world));
    expect(world.told()).toEqual(['free: sent', 'later: scheduled', 'paid: sent']);
  });

  test('a verdict belongs to its hop', () => {
    const world = new World({ campaigns, pace: false });
    world.ask('paid', at('09:00'));
    const first = asked(world);
    world.driver.pipe(verdicts, first);
    world.driver.pipe(receipts, receiptOf(world.sent(0), 'failed', { occurredAt: at('09:02') }));
    expect(world.driver.state(KEY, messages)?.awaiting).toBe(`${first.requestId}#1`);
    world.driver.pipe(verdicts, first);
    expect(world.told()).toEqual(['paid: sent']);
    world.driver.pipe(verdicts, asked(world));
    expect(world.last).toMatchObject({ hop: 1, outcome: 'sent', channel: 'email', decidedAt: at('09:02') });
  });
});

test('what is left to try is forgotten once its time is over', () => {
  const kept = (time: string): number | undefined => {
    const world = start();
    world.ask('c', at('09:00'));
    world.ask('d', at(time, 2));
    return world.driver.state(KEY, messages)?.open.length;
  };
  expect([kept('09:05'), kept('09:05:00.001')]).toEqual([2, 1]);
});
