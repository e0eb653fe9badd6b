import { describe, expect, test } from 'vitest';
import { candidates, receipts, verdicts } from '../../schemas/topics.ts';
import type { Candidate } from '../../schemas/types.ts';
import { at, type CampaignFile, receiptOf, World } from '../testing/world.ts';

/** A world with one campaign "c". */
const one = (file: Partial<CampaignFile> = {}, policy = {}): World =>
  new World({ campaigns: [{ id: 'c', ...file }], policy });

describe('a request that comes again, with its old time, after its id was forgotten', () => {
  const again = (world: World, between: (world: World) => void = () => {}): void => {
    world.ask('c', at('09:00'), { requestId: 'r' });
    between(world);
    world.event(at('15:00'), { userId: 'other' });
    world.ask('c', at('09:00'), { requestId: 'r' });
  };

  test.each<[string, World, (world: World) => void, readonly string[]]>([
    ['was sent', one(), () => {}, ['c: sent', 'c: duplicate']],
    [
      'was sent, and failed',
      one({ channels: ['sms'] }),
      (world) => void world.driver.pipe(receipts, receiptOf(world.sent(0), 'failed', { occurredAt: at('14:00') })),
      ['c: sent', 'c: duplicate'],
    ],
    ['is scheduled', one({ schedule: { quietHours: '09:00-23:00' } }), () => {}, ['c: scheduled', 'c: duplicate']],
  ])('is a duplicate under an id of its own where its message %s', (_, world, between, expected) => {
    again(world, between);
    expect(world.told()).toEqual(expected);
    expect(world.last.decisionId).toBe(`c|repeated:default/u:r@${at('09:00')}#final`);
    expect(world.last.steps).toEqual([{ gate: 'duplicate', verdict: 'block', facts: { repeated: true } }]);
  });

  test('is looked at when its turn comes: after a hold, or a verdict', () => {
    const held = one({ dedupe: { window: '1s' } }, { hold: '10h' });
    again(held);
    held.driver.advance(at('20:00'));
    expect(held.told()).toEqual(['c: sent', 'c: duplicate']);
    const slow = new World({ campaigns: [{ id: 'c', budget: { total: 1 } }], pace: false });
    again(slow);
    expect(slow.told()).toEqual([]);
    const [{ requestId, hop, tenantId, userId, campaignId, requestedAt }] = slow.driver.outputs(candidates) as [
      Candidate,
    ];
    const ids = { requestId, hop, tenantId, userId, campaignId, requestedAt };
    const slot = { outcome: 'reserved', channel: 'sms', costMicros: 7500, slotAt: requestedAt, reason: null } as const;
    slow.driver.pipe(verdicts, { ...ids, ...slot, facts: {} });
    expect(slow.told()).toEqual(['c: sent', 'c: duplicate']);
    expect(slow.last.decisionId).toMatch(/^c\|repeated:/);
  });

  test('is decided anew where no message was made of it', () => {
    const world = one({ audience: { attribute: 'plan', exists: true } });
    again(world);
    expect(world.told()).toEqual(['c: audience', 'c: audience']);
  });

  test('is another request when its campaign, user, id or time is', () => {
    const world = new World({ campaigns: [{ id: 'c', dedupe: { window: '1s' } }, { id: 'd' }] });
    world.ask('c', at('09:00'), { requestId: 'r' });
    world.event(at('15:00'), { userId: 'other' });
    const others = [{ campaignId: 'd' }, { userId: 'v' }, { requestId: 'q' }, { requestedAt: at('08:59') }];
    for (const rest of others) {
      world.ask('c', at('09:00'), { requestId: 'r', ...rest });
      expect(world.last.decisionId).toContain('|request:');
    }
  });
});
