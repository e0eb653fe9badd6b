// Who unsubscribes, as a provider tells, gets no more marketing on that channel: a receipt is a consent change too.
import { describe, expect, test } from 'vitest';
import { consentLedger } from '../schemas/cells.ts';
import { candidates, decisions, receipts, sends, verdicts } from '../schemas/topics.ts';
import type { BudgetVerdict, Receipt } from '../schemas/types.ts';
import { at, type CampaignFile, receiptOf, World, type WorldOptions } from './testing/world.ts';

/** A user who prefers sms to email, in UTC, reached by campaign "c" on either. */
function start(file: Partial<CampaignFile> = {}, options: WorldOptions = {}): World {
  const policy = { weights: { customerType: 1 }, ...options.policy };
  const world = new World({ ...options, policy, campaigns: [{ id: 'c', dedupe: { window: '1s' }, ...file }] });
  world.profile({ channelPreferences: ['sms', 'email'] });
  return world;
}

/** The user unsubscribes from the last message. */
function unsubscribe(world: World, occurredAt: number, rest: Partial<Receipt> = {}): void {
  world.driver.pipe(receipts, receiptOf(world.sent(-1), 'unsubscribed', { occurredAt, ...rest }));
}

const channelsOf = (world: World): readonly string[] => world.driver.outputs(sends).map((s) => s.channel);

describe('a receipt of status unsubscribed', () => {
  test('revokes every purpose of marketing on its channel, and the decision says so', () => {
    const world = start({ channels: ['sms'] });
    world.ask('c', at('09:00'));
    unsubscribe(world, at('09:05'));
    world.ask('c', at('09:10'));
    expect(world.last).toMatchObject({ outcome: 'blocked', reason: 'no-consent' });
    expect(world.last.steps.at(-1)).toEqual({
      gate: 'consent',
      verdict: 'block',
      facts: { purpose: 'marketing', sms: 'unsubscribed 2026-03-02T09:05:00.000Z' },
    });
  });

  test('leaves other channels as they are', () => {
    const world = start();
    world.ask('c', at('09:00'));
    unsubscribe(world, at('09:05'));
    world.ask('c', at('09:10'));
    expect(channelsOf(world)).toEqual(['sms', 'email']);
  });

  test('stops no transactional message, and hides no opt-out of them', () => {
    const world = start({ class: 'transactional', channels: ['sms'] });
    world.ask('c', at('09:00'));
    unsubscribe(world, at('09:05'));
    world.ask('c', at('09:10'));
    world.consent({ purpose: 'all', channel: 'sms', granted: false, changedAt: at('09:03') });
    world.ask('c', at('09:20'));
    expect(world.told()).toEqual(['c: sent', 'c: sent', 'c: no-consent']);
    expect(world.last.steps.at(-1)?.facts).toMatchObject({ sms: 'revoked 2026-03-02T09:03:00.000Z' });
  });

  test.each<[string, (world: World) => void]>([
    ['comes first', (world) => unsubscribe(world, at('09:05'))],
    ['comes last', () => {}],
  ])('is undone by a later grant alone, whichever comes first: the receipt %s', (_, first) => {
    const granted = (time: string): readonly string[] => {
      const world = start({ channels: ['sms'] });
      world.ask('c', at('09:00'));
      first(world);
      world.consent({ channel: 'sms', changedAt: at(time) });
      unsubscribe(world, at('09:05'));
      world.ask('c', at('09:10'));
      return world.told();
    };
    expect(granted('09:04')).toEqual(['c: sent', 'c: no-consent']);
    expect(granted('09:05')).toEqual(['c: sent', 'c: no-consent']);
    expect(granted('09:06')).toEqual(['c: sent', 'c: sent']);
  });

  test('changes nothing when it is told again, or when an earlier one is told later', () => {
    const world = start();
    world.ask('c', at('09:00'));
    unsubscribe(world, at('09:05'));
    const once = world.driver.state('default/u', consentLedger);
    unsubscribe(world, at('09:05'));
    unsubscribe(world, at('09:02'), { receiptId: 'another' });
    expect(world.driver.state('default/u', consentLedger)).toEqual(once);
  });

  test('counts whatever is known of its send, and on the channel that it names itself', () => {
    const world = start();
    world.ask('c', at('09:00'));
    unsubscribe(world, at('09:05'), { sendId: 'of long ago#0' });
    unsubscribe(world, at('09:05'), { channel: 'email' });
    world.ask('c', at('09:10'));
    expect(world.told()).toEqual(['c: sent', 'c: no-consent']);
  });

  test('stops a message that is scheduled on the channel, and gives its budget back', () => {
    const world = start({ schedule: { quietHours: '09:00-10:00' }, budget: { total: 1 } });
    world.define({ id: 'now', dedupe: { window: '1s' } });
    world.ask('c', at('09:00'));
    world.ask('now', at('09:00'));
    unsubscribe(world, at('09:30'));
    world.driver.advance(at('11:00'));
    expect(world.told()).toEqual(['c: scheduled', 'now: sent', 'c: no-consent']);
    expect(world.last.steps.at(-1)?.facts).toMatchObject({ sms: 'unsubscribed 2026-03-02T09:30:00.000Z' });
    expect(world.driver.outputs(candidates).map(({ kind }) => kind)).toEqual(['reserve', 'release']);
  });

  test('keeps a fallback off the channel', () => {
    const world = start({ channels: ['email', 'sms'] }, { policy: { channels: { email: { receiptWithin: '1h' } } } });
    world.define({ id: 'sms', channels: ['sms'], dedupe: { window: '1s' } });
    world.profile({ channelPreferences: ['email', 'sms'] });
    world.ask('c', at('09:00'));
    world.ask('sms', at('09:10'));
    unsubscribe(world, at('09:20'));
    world.driver.advance(at('11:00'));
    expect(world.told()).toEqual(['c: sent', 'sms: sent', 'c: no-consent']);
    expect(world.last).toMatchObject({ hop: 1 });
  });

  test('counts at once while the user awaits a verdict, as any change of consent does', () => {
    const world = start({ channels: ['sms'] }, { pace: false });
    world.define({ id: 'paid', channels: ['sms'], budget: { total: 1 } });
    world.ask('c', at('09:00'));
    world.ask('paid', at('09:01'));
    unsubscribe(world, at('09:02'));
    world.driver.pipe(verdicts, reserved(world, at('09:01')));
    expect(world.told()).toEqual(['c: sent', 'paid: no-consent']);
    expect(world.driver.outputs(decisions)).toHaveLength(2);
  });

  test('dated far ahead makes nothing due before its time, though it waits for a verdict', () => {
    const world = start({ channels: ['sms'] }, { pace: false });
    world.define({ id: 'later', channels: ['email'], schedule: { quietHours: '09:00-12:00' } });
    world.define({ id: 'paid', channels: ['email'], budget: { total: 1 } });
    world.ask('c', at('09:00'));
    world.ask('later', at('09:01'));
    world.ask('paid', at('09:02'));
    unsubscribe(world, at('09:03', 1));
    world.driver.pipe(verdicts, reserved(world, at('09:02')));
    expect(world.told()).toEqual(['c: sent', 'later: scheduled', 'paid: sent']);
    world.driver.advance(at('12:01'));
    expect(world.told()).toEqual(['later: sent']);
  });
});

/** pace's answer to the first who asked. */
function reserved(world: World, slotAt: number): BudgetVerdict {
  const [candidate] = world.driver.outputs(candidates);
  if (candidate === undefined) throw new Error('nobody asked for budget');
  const { requestId, hop, tenantId, userId, campaignId, requestedAt } = candidate;
  const slot = { channel: candidate.channels[0]?.channel ?? null, costMicros: 100, slotAt, reason: null, facts: {} };
  return { requestId, hop, tenantId, userId, campaignId, requestedAt, outcome: 'reserved', ...slot };
}
