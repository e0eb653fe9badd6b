import { describe, expect, test } from 'vitest';
import { TestDriver } from '../runtime/testing/driver.ts';
import { exposures, measuredEvents } from '../schemas/cells.ts';
import { parseDuration } from '../schemas/durations.ts';
import { candidates, decisions, events, outcomes, receipts, sends, verdicts } from '../schemas/topics.ts';
import type { Candidate, Decision, Outcome, Receipt, SendCommand, UserEvent } from '../schemas/types.ts';
import { measuring } from './testing/measuring.ts';
import { at, type CampaignFile, eventOf, receiptOf, World } from './testing/world.ts';

const KEY = 'default/u';
const conversion = { event: 'buy', within: '7d', value: 'amount' };

function start(...campaigns: CampaignFile[]): { readonly driver: TestDriver; readonly world: World } {
  const world = new World({ campaigns: campaigns.length === 0 ? [{ id: 'c', conversion }] : campaigns });
  return { world, driver: new TestDriver({ topologies: [measuring(world.definitions)] }) };
}

function send(sendId: string, dueAt: number, rest: Partial<SendCommand> = {}): SendCommand {
  const who = { tenantId: 'default', userId: 'u', campaignId: 'c', requestId: sendId, hop: 0 };
  const message = { channel: 'sms', address: '+254700000001', content: { text: 'hi' }, costMicros: 7500 };
  const rules = { expiresAt: dueAt + 1000, idempotencyKey: sendId, variant: null };
  return { ...who, ...message, ...rules, sendId, dueAt, ...rest };
}

function heldOut(requestId: string, decidedAt: number, rest: Partial<Decision> = {}): Decision {
  const who = { tenantId: 'default', userId: 'u', campaignId: 'c', source: 'api', cause: null } as const;
  const none = { channel: null, dueAt: null, costMicros: null, variant: null, fallbacks: [], hop: 0, steps: [] };
  const decided = { requestedAt: decidedAt, decidedAt, outcome: 'holdout', reason: 'holdout' } as const;
  return { ...who, ...none, ...decided, definitionVersion: 1, decisionId: `${requestId}#final`, requestId, ...rest };
}

const buy = (eventId: string, time: number, rest: Partial<UserEvent> = {}): UserEvent =>
  eventOf(time, { eventId, type: 'buy', properties: { amount: 12.5 }, ...rest });

/** What is told when all lateness has passed. */
function told(driver: TestDriver): readonly Outcome[] {
  driver.advance(Math.max(driver.time, 0) + parseDuration('1h'));
  return driver.read(outcomes);
}
const due = (driver: TestDriver): unknown[] => told(driver).map((o) => [o.campaignId, o.sendId ?? o.requestId, o.kind]);

describe('a conversion', () => {
  test('is an event after a message, within its time, with the value that the campaign names', () => {
    const { driver } = start();
    driver.pipe(sends, send('s', at('09:00')));
    driver.pipe(events, buy('e', at('10:00')));
    expect(driver.read(outcomes)).toEqual([]);
    expect(told(driver)).toEqual([
      {
        ...{ outcomeId: `conversion:default/u/c:e@${at('10:00')}`, sendId: 's', requestId: null, tenantId: 'default' },
        ...{ userId: 'u', campaignId: 'c', kind: 'conversion', event: 'buy', value: 12.5, occurredAt: at('10:00') },
      },
    ]);
  });

  test.each(['7d', '30d'])('is told where events may come late by %s, too', (text) => {
    const { definitions } = new World({ campaigns: [{ id: 'c', conversion }] });
    const lateness = parseDuration(text);
    const driver = new TestDriver({ topologies: [measuring(definitions)], lateness });
    driver.pipe(sends, send('s', at('09:00')));
    driver.pipe(events, buy('first', at('10:00')), buy('last', at('09:00', 7)));
    driver.advance(driver.time + lateness + parseDuration('1h'));
    expect(driver.read(outcomes)).toHaveLength(2);
    driver.advance(driver.time + parseDuration('60d'));
    expect(driver.state(KEY, exposures)).toBeUndefined();
  });

  test.each([
    ['at the moment of the message', at('09:00'), 0],
    ['a millisecond after it', at('09:00:00.001'), 1],
    ['at the end of its time', at('09:00', 7), 1],
    ['a millisecond after that', at('09:00:00.001', 7), 0],
    ['before the message', at('08:00'), 0],
  ])('%s: %d', (_, time, count) => {
    const { driver } = start();
    driver.pipe(sends, send('s', at('09:00')));
    driver.pipe(events, buy('e', time));
    expect(told(driver)).toHaveLength(count);
  });

  test('has no value where the property is no number or not there, or the campaign names none', () => {
    const { driver } = start({ id: 'c', conversion }, { id: 'd', conversion: { event: 'buy', within: '1d' } });
    driver.pipe(sends, send('s', at('09:00')), send('d', at('09:00'), { campaignId: 'd' }));
    driver.pipe(events, buy('text', at('10:00'), { properties: { amount: '12.5' } }));
    driver.pipe(events, buy('none', at('10:01'), { properties: {} }), buy('both', at('10:02')));
    expect(told(driver).map((o) => [o.campaignId, o.value])).toEqual([
      ['c', null],
      ['d', null],
      ['c', null],
      ['d', null],
      ['c', 12.5],
      ['d', null],
    ]);
  });

  test('is due to the latest message before it, once for each campaign', () => {
    const { driver } = start({ id: 'c', conversion }, { id: 'd', conversion });
    driver.pipe(sends, send('1', at('09:00')), send('2', at('09:30')), send('3', at('11:00')));
    driver.pipe(sends, send('other', at('09:10'), { campaignId: 'd' }));
    driver.pipe(events, buy('e', at('10:00')));
    expect(due(driver)).toEqual([
      ['c', '2', 'conversion'],
      ['d', 'other', 'conversion'],
    ]);
  });

  test('is counted for every event, and a repeated event is none', () => {
    const { driver } = start();
    driver.pipe(sends, send('s', at('09:00')));
    driver.pipe(events, buy('1', at('10:00')), buy('2', at('10:00')), buy('1', at('11:00')), buy('1', at('11:00:01')));
    expect(told(driver).map((o) => [o.outcomeId.split(':').at(-1), o.occurredAt])).toEqual([
      [`1@${at('10:00')}`, at('10:00')],
      [`2@${at('10:00')}`, at('10:00')],
      [`1@${at('11:00:01')}`, at('11:00:01')],
    ]);
    expect(driver.counts).toEqual({ processed: 3, late: 0, duplicate: 1 });
  });

  test('follows a fallback of a message as it follows the message', () => {
    const { driver } = start();
    driver.pipe(sends, send('r#0', at('09:00')), send('r#1', at('09:30'), { requestId: 'r#0', hop: 1 }));
    driver.pipe(events, buy('e', at('10:00')));
    expect(due(driver)).toEqual([['c', 'r#1', 'conversion']]);
  });

  test('is what the campaign said at the time of the message', () => {
    const { driver, world } = start();
    world.define({ id: 'c', conversion: { event: 'pay', within: '7d' } }, 2, at('09:30'));
    world.define({ id: 'c' }, 3, at('10:30'));
    driver.pipe(sends, send('1', at('09:00')), send('2', at('09:30')), send('3', at('10:30')));
    driver.pipe(events, buy('b', at('11:00')), buy('p', at('11:01'), { type: 'pay' }));
    expect(due(driver)).toEqual([
      ['c', '1', 'conversion'],
      ['c', '2', 'conversion'],
    ]);
  });

  test('is nothing of another type, another user or another tenant', () => {
    const { driver } = start();
    driver.pipe(sends, send('s', at('09:00')));
    driver.pipe(events, buy('1', at('10:00'), { type: 'view' }), buy('2', at('10:00'), { userId: 'v' }));
    driver.pipe(events, buy('3', at('10:00'), { tenantId: 'other' }));
    expect(told(driver)).toEqual([]);
  });
});

describe('a holdout conversion', () => {
  test('is an event after a message was held out, and due to the latest request', () => {
    const { driver } = start();
    driver.pipe(decisions, heldOut('r1', at('09:00')), heldOut('r2', at('09:30')), heldOut('r3', at('10:00')));
    driver.pipe(decisions, heldOut('blocked', at('09:45'), { outcome: 'blocked', reason: 'no-consent' }));
    driver.pipe(events, buy('e', at('10:00')));
    expect(told(driver)).toMatchObject([
      { kind: 'holdout-conversion', sendId: null, requestId: 'r2', value: 12.5, campaignId: 'c' },
    ]);
  });

  test('stands beside a conversion where a user was in both arms', () => {
    const { driver } = start();
    driver.pipe(decisions, heldOut('r', at('09:30')));
    driver.pipe(sends, send('s', at('09:00')));
    driver.pipe(events, buy('e', at('10:00')));
    expect(due(driver)).toEqual([
      ['c', 's', 'conversion'],
      ['c', 'r', 'holdout-conversion'],
    ]);
  });
});

describe('a message that comes after the event', () => {
  test('is joined as if it had come before, while its outcome is not told', () => {
    const { driver } = start();
    driver.pipe(events, buy('e', at('10:00')));
    driver.pipe(sends, send('s', at('09:00')));
    expect(due(driver)).toEqual([['c', 's', 'conversion']]);
  });

  test('has it told at once when it came later still, under the same id when another message had it', () => {
    const { driver } = start();
    driver.pipe(sends, send('1', at('09:00')));
    driver.pipe(events, buy('e', at('10:00')));
    const [first] = told(driver);
    driver.advance('6d');
    driver.pipe(sends, send('2', at('09:30')));
    const [second] = driver.read(outcomes);
    expect(second).toEqual({ ...first, sendId: '2' });
    // An earlier one, and one after the event, have no part in it; nor has what is told again.
    driver.pipe(sends, send('0', at('08:00')), send('3', at('10:00')));
    expect(driver.read(outcomes)).toEqual([]);
  });

  test('finds the event of seven days ago and no older one', () => {
    const late = (by: string): number => {
      const { driver } = start();
      driver.pipe(events, buy('e', at('10:00')));
      driver.advance(at('11:00') + parseDuration(by));
      driver.pipe(sends, send('s', at('09:00')));
      return driver.read(outcomes).length;
    };
    expect([late('7d'), late('8d')]).toEqual([1, 0]);
  });
});

describe('a user who awaits a verdict', () => {
  const paid = { id: 'c', conversion, budget: { total: '1' }, trigger: { api: true }, channels: ['sms'] } as const;

  test('has the conversion of the message that comes of it, however long that takes', () => {
    const world = new World({ campaigns: [paid], pace: false });
    world.ask('c', at('09:00'), { requestId: 'r' });
    world.event(at('10:00'), { eventId: 'e', type: 'buy', properties: { amount: 3 } });
    const [asked] = world.driver.read(candidates);
    world.driver.advance(at('09:00', 90));
    expect(world.driver.read(outcomes)).toEqual([]);
    const { requestId, hop, tenantId, campaignId, userId, requestedAt } = asked as Candidate;
    world.driver.pipe(verdicts, {
      ...{ requestId, hop, tenantId, campaignId, userId, requestedAt, outcome: 'reserved', channel: 'sms' },
      ...{ costMicros: 7500, slotAt: at('09:00'), reason: null, facts: {} },
    });
    const sent = world.driver.read(sends);
    expect(sent).toMatchObject([{ dueAt: at('09:00') }]);
    expect(world.driver.read(outcomes)).toMatchObject([{ sendId: sent[0]?.sendId, value: 3, occurredAt: at('10:00') }]);
    // Then both are forgotten.
    world.driver.advance(at('09:00', 120));
    expect(world.driver.state(KEY, exposures)).toBeUndefined();
    expect(world.driver.state(KEY, measuredEvents, String(at('10:00') / 3_600_000))).toBeUndefined();
  });
});

describe('a late event', () => {
  test('still counts, seven days long', () => {
    const { driver } = start();
    driver.pipe(sends, send('s', at('09:00')));
    driver.pipe(events, buy('now', at('11:00', 7), { type: 'view' }), buy('late', at('11:00')));
    expect(driver.read(outcomes)).toMatchObject([{ sendId: 's', occurredAt: at('11:00') }]);
    driver.pipe(events, buy('too late', at('10:59')));
    expect(told(driver)).toEqual([]);
    expect(driver.counts).toEqual({ processed: 1, late: 2, duplicate: 0 });
  });
});

test('nothing is kept of events that no campaign takes for a conversion, nor of messages of campaigns without one', () => {
  const { driver } = start({ id: 'c', conversion }, { id: 'd' });
  driver.pipe(sends, send('s', at('09:00'), { campaignId: 'd' }), send('s', at('09:00'), { campaignId: 'nobody' }));
  driver.pipe(events, buy('e', at('10:00'), { type: 'view' }));
  expect(driver.state(KEY, exposures)).toBeUndefined();
  expect(driver.state(KEY, measuredEvents, String(at('10:00') / 3_600_000))).toBeUndefined();
});

test('messages and events are forgotten when nothing can be joined to them any more', () => {
  const { driver } = start();
  const hour = String(at('10:00') / 3_600_000);
  driver.pipe(sends, send('s', at('09:00')), send('later', at('09:00', 2)));
  driver.pipe(events, buy('e', at('10:00')));
  driver.advance(at('11:00', 7));
  expect(driver.state(KEY, measuredEvents, hour)?.events).toHaveLength(1);
  driver.advance(at('11:00:00.001', 7));
  expect(driver.state(KEY, measuredEvents, hour)).toBeUndefined();
  driver.advance(at('09:00:00.001', 14));
  expect(driver.state(KEY, exposures)?.all.map(({ id }) => id)).toEqual(['later']);
  driver.advance(at('09:00:00.001', 16));
  expect(driver.state(KEY, exposures)).toBeUndefined();
});

describe('a message that failed for good', () => {
  const failed = (message: SendCommand, occurredAt: number): Receipt => receiptOf(message, 'failed', { occurredAt });

  test('earns nothing: an event after the failure is due to the message before it', () => {
    const { driver } = start();
    const [first, second] = [send('a', at('08:00')), send('b', at('09:00'))];
    driver.pipe(sends, first, second);
    driver.pipe(receipts, failed(second, at('09:01')));
    driver.pipe(events, buy('e', at('10:00')));
    expect(due(driver)).toEqual([['c', 'a', 'conversion']]);
  });

  test('gives back what was told of it, under the same id: to the message before it, else to nobody', () => {
    const { driver } = start();
    const [first, second] = [send('a', at('08:00')), send('b', at('09:00'))];
    driver.pipe(sends, first, second);
    driver.pipe(events, buy('e', at('10:00')));
    expect(due(driver)).toEqual([['c', 'b', 'conversion']]);
    driver.pipe(receipts, failed(second, at('10:30')));
    expect(due(driver)).toEqual([['c', 'a', 'conversion']]);
    driver.pipe(receipts, failed(first, at('10:40')), failed(first, at('10:41')));
    const withdrawn = told(driver);
    expect(withdrawn).toMatchObject([{ sendId: 'a', kind: 'withdrawn', value: null }]);
    expect(withdrawn[0]?.outcomeId).toBe(`conversion:default/u/c:e@${at('10:00')}`);
  });

  test('is not one of which a receipt of another channel says so', () => {
    const world = new World({ campaigns: [{ id: 'c', channels: ['sms'], conversion }] });
    world.ask('c', at('09:00'));
    world.driver.pipe(receipts, receiptOf(world.sent(0), 'failed', { channel: 'email', occurredAt: at('09:01') }));
    world.driver.pipe(events, buy('e', at('10:00')));
    expect(due(world.driver)).toMatchObject([['c', world.sent(0).sendId, 'conversion']]);
  });

  test('takes nothing from another message', () => {
    const { driver } = start();
    const [first, second] = [send('a', at('08:00')), send('b', at('09:00'))];
    driver.pipe(sends, first, second);
    driver.pipe(events, buy('e', at('10:00')));
    told(driver);
    driver.pipe(receipts, failed(first, at('10:30')), receiptOf(second, 'unknown'));
    expect(due(driver)).toEqual([]);
  });
});
