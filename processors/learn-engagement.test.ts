import { describe, expect, test } from 'vitest';
import { engagement, profile } from '../schemas/cells.ts';
import type { UserEngagement } from '../schemas/state-types.ts';
import { receipts, sends } from '../schemas/topics.ts';
import type { Receipt } from '../schemas/types.ts';
import { at, profileOf, World, type WorldOptions } from './testing/world.ts';

const KEY = 'default/u';
const several = { id: 'c', channels: ['sms', 'email'] };

function learnedIn(world: World): UserEngagement | undefined {
  return world.driver.state(KEY, engagement);
}
function receiptOf(world: World, status: Receipt['status'], occurredAt: number, rest: Partial<Receipt> = {}): Receipt {
  const send = world.driver.outputs(sends).at(-1);
  if (send === undefined) throw new Error('nothing was sent yet');
  const { sendId, tenantId, userId, campaignId, requestId, hop, channel } = send;
  const ids = { sendId, tenantId, userId, campaignId, requestId, hop, channel };
  const nothing = { costMicros: null, providerMessageId: null, error: null };
  return { receiptId: `${sendId}:${status}`, ...ids, status, occurredAt, ...nothing, ...rest };
}
/** A world in which campaign "c" sent a message at 09:00. */
function sent(options: WorldOptions = {}): World {
  const world = new World({ campaigns: [several], ...options });
  world.ask('c', at('09:00'));
  return world;
}

describe('engagement', () => {
  test('counts what was sent on each channel, and the best answer', () => {
    const world = sent();
    expect(learnedIn(world)?.channels).toMatchObject([{ channel: 'sms', sends: 1, opened: 0, response: 0 }]);
    for (const status of ['delivered', 'opened', 'clicked', 'opened'] as const)
      world.driver.pipe(receipts, receiptOf(world, status, at('10:00')));
    expect(learnedIn(world)?.channels).toMatchObject([{ sends: 1, opened: 1, clicked: 1, replied: 0 }]);
  });

  test('is kept by the local hour at which the user answered, each kind of answer once', () => {
    const world = sent();
    world.driver.seed(KEY, profile, profileOf({ timezone: 'Africa/Nairobi' }));
    for (const status of ['opened', 'opened', 'clicked'] as const)
      world.driver.pipe(receipts, receiptOf(world, status, at('10:30')));
    const { hours = [], channels = [] } = learnedIn(world) ?? {};
    const weight = hours[13] ?? 0;
    expect(hours.filter((w) => w > 0)).toEqual([weight]);
    expect(weight).toBeGreaterThan(0);
    expect(channels[0]?.hours).toEqual(hours);
  });

  test('learns a session at the hour at which it began, when it has closed', () => {
    const world = new World({ campaigns: [several] });
    world.event(at('09:59'));
    world.event(at('10:10'));
    expect(learnedIn(world)).toBeUndefined();
    world.driver.advance('1h');
    expect(learnedIn(world)?.hours.flatMap((weight, hour) => (weight > 0 ? [hour] : []))).toEqual([9]);
  });

  test('hears nothing of messages that nobody remembers', () => {
    const world = sent();
    const before = learnedIn(world);
    world.driver.pipe(receipts, receiptOf(world, 'opened', at('10:00'), { sendId: 'other#0' }));
    expect(learnedIn(world)).toEqual(before);
  });

  test('is kept only while some active campaign chooses among channels or best hours', () => {
    const one = { id: 'c', channels: ['sms'] };
    const keeps = (...campaigns: { id: string }[]) => learnedIn(sent({ campaigns })) !== undefined;
    expect(keeps(one)).toBe(false);
    expect(keeps(several)).toBe(true);
    expect(keeps(one, { ...several, id: 'd' })).toBe(true);
    expect(keeps(one, { ...several, id: 'd', status: 'paused' } as { id: string })).toBe(false);
    expect(keeps({ ...one, schedule: { sendTime: 'best', bestHours: '09:00-10:00' } } as { id: string })).toBe(true);
  });

  test('follows the versions in force', () => {
    const world = new World({ campaigns: [{ ...several, dedupe: { window: '1s' } }] });
    world.define({ id: 'c', channels: ['sms'], dedupe: { window: '1s' } }, 2, at('12:00'));
    world.define({ ...several, dedupe: { window: '1s' } }, 3, at('14:00'));
    const sendsAt = (time: string): number => {
      world.ask('c', at(time));
      return learnedIn(world)?.recent.length ?? 0;
    };
    expect([sendsAt('11:00'), sendsAt('12:00'), sendsAt('13:59'), sendsAt('14:00')]).toEqual([1, 1, 1, 2]);
  });
});

test('what is learned while a user awaits a verdict is kept apart, and taken in with what comes next', () => {
  const budgeted = { ...several, budget: { total: 1 } };
  const world = new World({ campaigns: [budgeted], pace: false });
  world.event(at('08:00'));
  world.ask('c', at('09:00'));
  world.driver.advance(at('09:01'));
  expect(learnedIn(world)?.hours.some((weight) => weight > 0)).toBe(true);
  const waiting = new World({ campaigns: [budgeted], pace: false });
  waiting.event(at('08:40'));
  waiting.ask('c', at('09:00'));
  waiting.driver.advance(at('09:20'));
  expect(learnedIn(waiting)).toMatchObject({ hours: [], pending: [{ hour: 8, send: null }] });
});

test('chooses the channel that the user answers, and says so', () => {
  const campaign = { ...several, dedupe: { window: '1s' } };
  const world = new World({ campaigns: [campaign], policy: { caps: [] } });
  const chosen: string[] = [];
  for (let day = 0; day < 4; day++) {
    world.ask('c', at('09:00', day));
    const last = receiptOf(world, 'replied', at('09:30', day));
    chosen.push(last.channel);
    if (last.channel === 'email') world.driver.pipe(receipts, last);
  }
  expect(chosen).toEqual(['sms', 'email', 'email', 'email']);
  const facts = world.last.steps.find(({ gate }) => gate === 'channel')?.facts;
  expect(facts?.why).toBe('Email: replied to 2 of 2');
});
