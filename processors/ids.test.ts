// Ids of users, events and requests are free text, and ids of what follows are put together from them.
import { expect, it } from 'vitest';
import { consents, decisions, events, outcomes, profiles, sendRequests, sends } from '../schemas/topics.ts';
import { at, consentOf, eventOf, profileOf, requestOf, World } from './testing/world.ts';

const USERS = ['a', 'a:b', 'a%3Ab', 'a/c:b', '@'];
/** With the users of USERS: parts of different ids that read the same, written one behind the other. */
const IDS = ['b:e', 'e', 'b:b:e', '3Ab:e', '%3Ab:e'];

function worldOf(campaign: Readonly<Record<string, unknown>>): World {
  const world = new World({ campaigns: [{ id: 'c', channels: ['sms'], class: 'transactional', ...campaign }] });
  for (const userId of USERS) {
    world.driver.pipe(profiles, profileOf({ userId }));
    world.driver.pipe(consents, consentOf({ userId }));
  }
  return world;
}

function distinct(ids: readonly unknown[]): void {
  expect(new Set(ids).size).toBe(ids.length);
}

it('keeps apart what the events of users with ":" in their ids cause, so that a budget counts each message', () => {
  const world = worldOf({ trigger: { event: 'buy' }, dedupe: { window: '1s' }, budget: { total: 0.015 } });
  for (const userId of USERS)
    for (const eventId of IDS) world.driver.pipe(events, eventOf(at('09:00'), { userId, eventId, type: 'buy' }));
  distinct(world.driver.outputs(decisions).map((d) => d.decisionId));
  distinct(world.driver.outputs(decisions).map((d) => d.requestId));
  expect(world.driver.outputs(sends)).toHaveLength(2);
});

it('keeps apart requests of the same moment', () => {
  const world = worldOf({ dedupe: { window: '1s' }, budget: { total: 0.015 } });
  for (const requestId of IDS)
    for (const userId of USERS) world.driver.pipe(sendRequests, requestOf('c', at('09:00'), { userId, requestId }));
  distinct(world.driver.outputs(decisions).map((d) => d.decisionId));
  expect(world.driver.outputs(sends)).toHaveLength(2);
});

it('keeps apart the conversions of events whose ids and users, written one behind the other, read the same', () => {
  const world = worldOf({ id: 'd', conversion: { event: 'buy', within: '1d' } });
  world.define({ id: 'c', channels: ['sms'], class: 'transactional', conversion: { event: 'buy', within: '1d' } });
  const pairs = [
    ['a', 'c', 'e/d:x'],
    ['a/c:e', 'd', 'x'],
  ] as const;
  for (const [userId, campaignId] of pairs) {
    world.driver.pipe(profiles, profileOf({ userId }));
    world.driver.pipe(sendRequests, requestOf(campaignId, at('09:00'), { userId }));
  }
  for (const [userId, , eventId] of pairs)
    world.driver.pipe(events, eventOf(at('10:00'), { userId, eventId, type: 'buy' }));
  world.driver.advance('1d');
  const told = world.driver.outputs(outcomes).map((o) => o.outcomeId);
  expect(told).toHaveLength(2);
  distinct(told);
});

it.each([{}, { hold: '10m' }])(
  'refuses a send-request that takes the id of a schedule’s request: policy %o',
  (policy) => {
    const schedule = { schedule: { every: 'day', at: '09:00' } };
    const world = new World({ campaigns: [{ id: 'c', trigger: schedule, channels: ['sms'] }], policy });
    world.event(at('08:00'));
    const requestId = `schedule:c:default/u@${at('09:00')}`;
    world.ask('c', at('09:00'), { requestId });
    world.driver.advance(at('10:00'));
    const told = world.driver.outputs(decisions).map((d) => [d.source, d.requestId, d.reason ?? d.outcome]);
    expect(told).toEqual([
      ['api', requestId, 'bad-request'],
      ['program', requestId, 'sent'],
    ]);
    distinct(world.driver.outputs(decisions).map((d) => d.decisionId));
    const [refused] = world.driver.outputs(decisions);
    expect(refused?.steps).toEqual([{ gate: 'request', verdict: 'block', facts: { reserved: 'schedule:' } }]);
  },
);

it("refuses one that looks like a trigger's of its campaign, and no other id", () => {
  const world = worldOf({});
  for (const requestId of ['c|event:default/u:e@1', 'd|event', 'c', 'x c|', 'Schedule:c'])
    world.ask('c', at('09:00'), { requestId, userId: USERS[0] as string });
  const told = world.driver.outputs(decisions).map((d) => [d.requestId, d.reason]);
  expect(told).toEqual([
    ['c|event:default/u:e@1', 'bad-request'],
    ['d|event', null],
    ...['c', 'x c|', 'Schedule:c'].map((id) => [id, 'duplicate']),
  ]);
});
