// What becomes of messages under way when a campaign is paused, resumed, ended or changed.
import { describe, expect, it, test } from 'vitest';
import { candidates, decisions, receipts, sends } from '../schemas/topics.ts';
import { at, type CampaignFile, receiptOf, World } from './testing/world.ts';

/** Asked for at 22:00, in quiet hours: the message waits until 08:00 of the next day. */
const file = (rest: object = {}): CampaignFile => ({
  ...{ id: 'c', trigger: { event: 'buy' }, schedule: { quietHours: '21:00-08:00' } },
  ...rest,
});

function underWay(rest: object = {}): World {
  const world = new World({ campaigns: [file(rest)] });
  world.event(at('22:00'), { type: 'buy' });
  expect(world.told()).toEqual(['c: scheduled']);
  return world;
}

describe('a message that waits for its moment', () => {
  test.each([
    ['is sent where nothing happens', [], 'c: sent'],
    ['is blocked where the campaign is paused at its moment', [['paused', at('23:00')]], 'c: campaign-inactive'],
    ['is blocked where the campaign has ended', [['ended', at('23:00')]], 'c: campaign-inactive'],
    ['is blocked where the campaign is a draft again', [['draft', at('23:00')]], 'c: campaign-inactive'],
    [
      'goes on where the campaign was paused and resumed before it',
      [
        ['paused', at('23:00')],
        ['active', at('07:00', 1)],
      ],
      'c: sent',
    ],
    [
      'stays blocked where the campaign is resumed after it',
      [
        ['paused', at('23:00')],
        ['active', at('08:00:00.001', 1)],
      ],
      'c: campaign-inactive',
    ],
    ['is sent where the pause begins a moment later', [['paused', at('08:00:00.001', 1)]], 'c: sent'],
  ] as const)('%s', (_, life, expected) => {
    const world = underWay();
    life.forEach(([status, from], i) => {
      world.define(file({ status }), i + 2, from);
    });
    world.driver.advance(at('12:00', 1));
    expect(world.told()).toEqual([expected]);
    expect(world.last.dueAt).toBe(at('08:00', 1));
  });

  it('gives its budget back when it is blocked', () => {
    const world = underWay({ budget: { total: 10 } });
    world.define(file({ budget: { total: 10 }, status: 'paused' }), 2, at('23:00'));
    world.driver.advance(at('12:00', 1));
    expect(world.told()).toEqual(['c: campaign-inactive']);
    expect(world.driver.outputs(candidates).map(({ kind }) => kind)).toEqual(['reserve', 'release']);
  });

  it('is that of the version it was asked for under, which every decision names', () => {
    const world = underWay({ content: { text: 'first' } });
    world.define(file({ content: { text: 'second' }, dedupe: { window: '1s' } }), 2, at('23:00'));
    world.event(at('12:00', 1), { type: 'buy' });
    expect(world.driver.outputs(decisions).map((d) => [d.outcome, d.definitionVersion])).toEqual([
      ['scheduled', 1],
      ['sent', 1],
      ['sent', 2],
    ]);
    expect(world.driver.outputs(sends).map((s) => s.content.text)).toEqual(['first', 'second']);
  });
});

describe('a message whose version the log keeps no more', () => {
  // Versions are compacted away some time after a newer one came into force; a message may wait for longer.
  const forgotten = (): World => {
    const world = new World({ campaigns: [file({ trigger: { api: true }, budget: { total: 10 } })] });
    world.ask('c', at('09:00'), { notBefore: at('09:00', 60) });
    expect(world.told()).toEqual(['c: scheduled']);
    world.define(file({ trigger: { api: true }, budget: { total: 10 } }), 1, at('10:00'));
    return world;
  };

  it('is sent by the oldest version that is left', () => {
    const world = forgotten();
    world.driver.advance(at('12:00', 60));
    expect(world.told()).toEqual(['c: sent']);
    expect(world.last.dueAt).toBe(at('09:00', 60));
  });

  it('goes on to its next channel by that version, too', () => {
    const world = forgotten();
    world.driver.advance(at('12:00', 60));
    world.driver.pipe(receipts, receiptOf(world.sent(0), 'failed'));
    expect(world.told()).toEqual(['c: sent', 'c: sent']);
    expect(world.driver.outputs(sends).map((s) => s.channel)).toEqual(['sms', 'email']);
  });
});

describe('a campaign', () => {
  test.each(['draft', 'paused', 'ended'])('that is %s asks for nothing, and blocks who asks', (status) => {
    const world = new World({ campaigns: [file({ status })] });
    world.event(at('09:00'), { type: 'buy' });
    world.ask('c', at('10:00'));
    expect(world.told()).toEqual(['c: campaign-inactive']);
    expect(world.last.steps).toEqual([{ gate: 'campaign', verdict: 'block', facts: { status } }]);
  });

  it('begins with the version that makes it active, at its time', () => {
    const world = new World({ campaigns: [file({ status: 'draft', schedule: {} })] });
    world.define(file({ schedule: {} }), 2, at('10:00'));
    world.event(at('09:59:59.999'), { type: 'buy' });
    world.event(at('10:00'), { type: 'buy' });
    expect(world.driver.outputs(decisions).map((d) => [d.requestedAt, d.definitionVersion])).toEqual([
      [at('10:00'), 2],
    ]);
  });

  it('asks again for those who come once it is resumed, not for those who came meanwhile', () => {
    const world = new World({ campaigns: [file({ schedule: {}, dedupe: { window: '1s' } })] });
    world.define(file({ schedule: {}, status: 'paused' }), 2, at('10:00'));
    world.define(file({ schedule: {}, dedupe: { window: '1s' } }), 3, at('12:00'));
    for (const time of ['09:00', '11:00', '13:00']) world.event(at(time), { type: 'buy' });
    expect(world.driver.outputs(decisions).map((d) => d.requestedAt)).toEqual([at('09:00'), at('13:00')]);
  });
});
