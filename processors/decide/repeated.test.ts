import { describe, expect, test } from 'vitest';
import { messages } from '../../schemas/cells.ts';
import { candidates, receipts } from '../../schemas/topics.ts';
import { at, type CampaignFile, receiptOf, World } from '../testing/world.ts';

/** A world with one campaign "c". */
const one = (file: Partial<CampaignFile> = {}, policy = {}): World =>
  new World({ campaigns: [{ id: 'c', ...file }], policy });

describe('a request that comes again, with its old time, after its id was forgotten', () => {
  const again = (world: World, between: () => void = () => {}): unknown => {
    world.ask('c', at('09:00'), { requestId: 'r' });
    between();
    world.event(at('15:00'), { userId: 'other' });
    return world.ask('c', at('09:00'), { requestId: 'r' });
  };

  test('is a duplicate while its message is remembered, in progress or held, and decided no second time', () => {
    const sent = one();
    expect(again(sent)).toBe('duplicate');
    expect(sent.told()).toEqual(['c: sent']);
    const failed = one();
    const fail = (): void =>
      void failed.driver.pipe(receipts, receiptOf(failed.sent(0), 'failed', { occurredAt: at('14:00') }));
    expect(again(failed, fail)).toBe('duplicate');
    const scheduled = one({ schedule: { quietHours: '09:00-23:00' } });
    expect(again(scheduled)).toBe('duplicate');
    expect(scheduled.told()).toEqual(['c: scheduled']);
    expect(again(one({}, { hold: '10h' }))).toBe('duplicate');
    const awaiting = new World({ campaigns: [{ id: 'c', budget: { total: 1 } }], pace: false });
    expect(again(awaiting)).toBe('duplicate');
    expect(awaiting.driver.outputs(candidates)).toHaveLength(1);
    const waiting = new World({ campaigns: [{ id: 'b', budget: { total: 1 } }, { id: 'c' }], pace: false });
    waiting.ask('b', at('08:00'));
    expect(again(waiting)).toBe('duplicate');
    expect(waiting.driver.state('default/u', messages)?.waiting).toHaveLength(1);
  });

  test('is decided anew where no message was made of it', () => {
    const world = one({ audience: { attribute: 'plan', exists: true } });
    expect(again(world)).toBe('processed');
    expect(world.told()).toEqual(['c: audience', 'c: audience']);
  });

  test('is another request when its campaign, user, id or time is', () => {
    const world = new World({ campaigns: [{ id: 'c', dedupe: { window: '1s' } }, { id: 'd' }] });
    world.ask('c', at('09:00'), { requestId: 'r' });
    world.event(at('15:00'), { userId: 'other' });
    const others = [{ campaignId: 'd' }, { userId: 'v' }, { requestId: 'q' }, { requestedAt: at('08:59') }];
    for (const rest of others) expect(world.ask('c', at('09:00'), { requestId: 'r', ...rest })).toBe('processed');
  });
});
