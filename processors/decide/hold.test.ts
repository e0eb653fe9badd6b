import { describe, expect, test } from 'vitest';
import { messages } from '../../schemas/cells.ts';
import { candidates, decisions, verdicts } from '../../schemas/topics.ts';
import { at, World, type WorldOptions } from '../testing/world.ts';

const KEY = 'default/u';
const cap = { caps: [{ max: 1, window: '1d' }] };
const campaigns = [{ id: 'low', priority: 10 }, { id: 'a' }, { id: 'b' }, { id: 'high', priority: 90 }];

const start = (options: WorldOptions = {}): World =>
  new World({ campaigns, policy: { ...cap, hold: '2m' }, ...options });

describe('a hold', () => {
  test('gives the last place under a cap to the higher priority, though it asks later', () => {
    const world = start();
    world.ask('low', at('09:00'));
    world.ask('high', at('09:01:59'));
    world.driver.advance(at('09:02'));
    expect(world.told()).toEqual([]);
    world.driver.advance(at('09:02') + 1);
    expect(world.told()).toEqual(['high: sent', 'low: frequency-cap']);
    const [won, lost] = world.driver.outputs(decisions);
    expect(won).toMatchObject({ requestedAt: at('09:01:59'), decidedAt: at('09:02'), dueAt: at('09:02') });
    expect(lost?.steps.at(-1)?.facts).toMatchObject({ rule: '1 per 1d', winner: 'high' });
    expect(world.driver.state(KEY, messages)).toMatchObject({ held: [], heldUntil: null });
  });

  test('orders equal priorities by request time, then by campaign', () => {
    const world = start({ policy: { hold: '2m' } });
    world.ask('b', at('09:00'));
    world.ask('a', at('09:00'));
    world.ask('low', at('09:00'));
    world.ask('high', at('09:02'));
    world.driver.advance(at('09:10'));
    expect(world.told()).toEqual(['high: sent', 'a: sent', 'b: sent', 'low: sent']);
  });

  test('counts from the first request; the next one opens another', () => {
    const world = start({ policy: { hold: '2m' } });
    world.ask('a', at('09:00'));
    world.ask('b', at('09:01:30'));
    world.ask('low', at('09:02:01'));
    world.driver.advance(at('09:10'));
    expect(world.driver.outputs(decisions).map((d) => [d.campaignId, d.decidedAt])).toEqual([
      ['a', at('09:02')],
      ['b', at('09:02')],
      ['low', at('09:04:01')],
    ]);
  });

  test('holds neither transactional messages nor requests for a campaign that is not known', () => {
    const world = start();
    world.define({ id: 'receipt', class: 'transactional' });
    for (const id of ['a', 'receipt', 'unknown']) world.ask(id, at('09:00'));
    expect(world.told()).toEqual(['receipt: sent', 'unknown: bad-request']);
  });

  test('sends what was due by its end first', () => {
    const world = start({ policy: { ...cap, hold: '2m', quietHours: '08:00-09:04' } });
    world.ask('low', at('08:30'));
    world.driver.advance(at('08:40'));
    expect(world.told()).toEqual(['low: scheduled']);
    world.ask('high', at('09:02'));
    world.driver.advance(at('09:10'));
    expect(world.told()).toEqual(['low: sent', 'high: frequency-cap']);
  });

  test("judges everything at its end, and the expiry from the request's time", () => {
    const world = start({ policy: { hold: '3h' } });
    world.define({ id: 'brief', schedule: { expiresAfter: '2h' } });
    world.define({ id: 'kenya', audience: { attribute: 'country', eq: 'KE' } });
    world.ask('brief', at('09:00'));
    world.ask('kenya', at('09:00'));
    world.profile({ attributes: { country: 'KE' } });
    world.driver.advance(at('13:00'));
    expect(world.told()).toEqual(['brief: expired', 'kenya: sent']);
  });

  test('keeps its order while pace is asked, before what comes after it', () => {
    const world = start({
      campaigns: [...campaigns, { id: 'paid', priority: 95, budget: { total: '1' } }],
      policy: { hold: '2m' },
      pace: false,
    });
    for (const id of ['low', 'paid', 'high']) world.ask(id, at('09:00'));
    world.driver.advance(at('09:03'));
    world.ask('a', at('09:03'));
    world.driver.advance(at('09:10'));
    expect(world.told()).toEqual([]);
    const asked = world.driver.outputs(candidates)[0];
    if (asked === undefined) throw new Error('nothing was asked of pace');
    const { requestId, hop, tenantId, campaignId, userId, requestedAt, earliestAt } = asked;
    expect(earliestAt).toBe(at('09:02'));
    const slot = { outcome: 'reserved', channel: 'sms', costMicros: 7500, slotAt: earliestAt } as const;
    const ids = { requestId, hop, tenantId, campaignId, userId, requestedAt };
    world.driver.pipe(verdicts, { ...ids, ...slot, reason: null, facts: {} });
    expect(world.driver.outputs(decisions).map((d) => [d.campaignId, d.decidedAt])).toEqual([
      ['paid', at('09:02')],
      ['high', at('09:02')],
      ['low', at('09:02')],
      ['a', at('09:05')],
    ]);
  });
});
