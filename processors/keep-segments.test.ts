import { describe, expect, it } from 'vitest';
import { segments as segmentsCell, windows } from '../schemas/cells.ts';
import { decisions, signals } from '../schemas/topics.ts';
import { at, type CampaignFile, World, type WorldOptions } from './testing/world.ts';

const BUYER = { metric: 'events.buy@7d', gte: 2 };
const campaign = (rest: object): CampaignFile => ({
  ...{ id: 'c', class: 'transactional', dedupe: { window: '1s' } },
  ...rest,
});
const start = (segments: object, options: WorldOptions = {}): World =>
  new World({ ...options, policy: { segments, ...options.policy } });
/** "entered buyer 03-02T09:00" */
const told = (world: World): string[] =>
  world.driver
    .outputs(signals)
    .filter(({ kind }) => kind.startsWith('segment-'))
    .map(({ kind, firedAt, facts }) =>
      [kind.slice('segment-'.length), facts.segment, new Date(firedAt).toISOString().slice(5, 16)].join(' '),
    );

describe('a segment', () => {
  it('is entered with the record that makes its condition hold, and left when the window empties', () => {
    const world = start({ buyer: BUYER });
    world.event(at('09:00'), { type: 'buy' });
    world.event(at('10:00', 1), { type: 'view' });
    world.event(at('11:00', 2), { type: 'buy' });
    world.driver.advance(at('09:00', 7));
    expect(told(world)).toEqual(['entered buyer 03-04T11:00']);
    world.driver.advance(at('12:00', 30));
    // The first of the two left the window exactly seven days after it.
    expect(told(world)).toEqual(['entered buyer 03-04T11:00', 'left buyer 03-09T09:00']);
    expect(world.driver.outputs(signals).find((s) => s.kind === 'segment-left')).toMatchObject({
      signalId: `segment-left:buyer:default/u@${at('09:00', 7)}`,
      facts: { segment: 'buyer' },
    });
  });

  it('follows days that pass and closed sessions', () => {
    const world = start({
      lapsed: { metric: 'daysSinceLastSeen', gte: 3 },
      visitor: { metric: 'sessions@2d', gte: 1 },
    });
    world.event(at('09:00'));
    world.driver.advance(at('00:00', 4));
    world.event(at('00:00', 4));
    // The session is known to be over after its gap and the lateness.
    expect(told(world)).toEqual([
      'entered visitor 03-02T09:35',
      'left visitor 03-04T09:00',
      'entered lapsed 03-05T09:00',
      'left lapsed 03-06T00:00',
    ]);
  });

  it('is judged for profiles from before time began when it begins', () => {
    const world = start({ kenya: { attribute: 'country', eq: 'KE' }, club: { group: 'a' } });
    world.profile({ attributes: { country: 'KE' }, groups: ['a'], updatedAt: at('00:00', -500) });
    expect(told(world)).toEqual([]);
    world.event(at('09:00'));
    expect(told(world)).toEqual(['entered club 03-02T09:00', 'entered kenya 03-02T09:00']);
    world.profile({ attributes: { country: 'KE' }, updatedAt: at('10:00') });
    world.driver.advance(at('10:00'));
    expect(told(world).at(-1)).toBe('left club 03-02T10:00');
  });

  it('goes by a profile that is ahead of time from its date on, and by the one before until then', () => {
    const world = start({ kenya: { attribute: 'country', eq: 'KE' }, buyer: BUYER });
    world.profile({ attributes: { country: 'KE' } });
    world.event(at('09:00'), { type: 'buy' });
    world.profile({ attributes: { country: 'UG' }, updatedAt: at('09:00', 300) });
    world.event(at('10:00'), { type: 'buy' });
    expect(told(world)).toEqual(['entered kenya 03-02T09:00', 'entered buyer 03-02T10:00']);
    world.driver.advance(at('09:00', 301));
    expect(told(world).slice(2)).toEqual(['left buyer 03-09T09:00', 'left kenya 12-27T09:00']);
  });

  it('goes by the last profile that came: one that was to count later than it counts no more', () => {
    const world = start({ kenya: { attribute: 'country', eq: 'KE' } });
    world.event(at('09:00'));
    world.profile({ attributes: { country: 'KE' }, updatedAt: at('09:00', 300) });
    world.profile({ attributes: { country: 'UG' }, updatedAt: at('09:00') });
    world.driver.advance(at('09:00', 301));
    expect(told(world)).toEqual([]);
  });

  it('that a profile ahead of time enters asks for the message at its date', () => {
    const campaigns = [campaign({ id: 'c', trigger: { segment: 'kenya' } })];
    const world = start({ kenya: { attribute: 'country', eq: 'KE' } }, { campaigns });
    world.event(at('09:00'));
    world.profile({ attributes: { country: 'KE' }, updatedAt: at('12:00') });
    world.event(at('12:00'));
    const [asked] = world.driver.outputs(decisions);
    expect([asked?.requestedAt, asked?.decidedAt, asked?.outcome]).toEqual([at('12:00'), at('12:00'), 'sent']);
  });

  it('counts events that come out of order, and is never judged as of an earlier time than before', () => {
    const world = start({ buyer: BUYER });
    world.event(at('09:00'), { type: 'buy' });
    world.event(at('09:04'), { type: 'view' });
    world.event(at('09:02'), { type: 'buy' });
    expect(told(world)).toEqual(['entered buyer 03-02T09:04']);
  });

  it('counts late events, which change nothing until the user is judged next', () => {
    const world = start({ buyer: BUYER });
    world.event(at('09:00'), { type: 'buy' });
    world.event(at('12:00'), { type: 'view' });
    world.event(at('10:00'), { type: 'buy' });
    expect(told(world)).toEqual([]);
    // The next time is the end of the session.
    world.event(at('13:00'), { type: 'view' });
    expect(told(world)).toEqual(['entered buyer 03-02T12:35']);
  });

  it('has ids of its own for changes as of one instant', () => {
    const world = start({ kenya: { attribute: 'country', eq: 'KE' } });
    world.event(at('09:00'));
    for (const country of ['KE', 'UG', 'KE']) world.profile({ attributes: { country }, updatedAt: at('09:00') });
    const ids = world.driver.outputs(signals).map((s) => s.signalId);
    expect(new Set(ids).size).toBe(3);
    expect(ids.at(-1)).toBe(`segment-entered:kenya#2:default/u@${at('09:00')}`);
  });

  it('triggers campaigns when it is entered or left, not because it was redefined', () => {
    const campaigns = [
      campaign({ id: 'in', trigger: { segment: 'buyer' } }),
      campaign({ id: 'out', trigger: { segment: 'buyer', on: 'left' } }),
    ];
    const world = start({ buyer: BUYER }, { campaigns });
    world.event(at('09:00'), { type: 'buy' });
    world.event(at('10:00'), { type: 'buy' });
    world.driver.advance(at('12:00', 8));
    expect(world.driver.outputs(decisions).map((d) => [d.campaignId, d.requestedAt, d.cause])).toEqual([
      ['in', at('10:00'), `segment-entered:buyer:default/u@${at('10:00')}`],
      ['out', at('09:00', 7), `segment-left:buyer:default/u@${at('09:00', 7)}`],
    ]);
    world.redefine({ segments: { buyer: { metric: 'events.buy', gte: 1 } } }, 2);
    world.driver.advance(at('12:00', 9));
    expect(told(world).at(-1)).toBe('entered buyer 03-10T12:00');
    expect(world.driver.outputs(signals).at(-1)?.facts).toEqual({ segment: 'buyer', redefined: true });
    expect(world.driver.outputs(decisions)).toHaveLength(2);
    world.redefine({}, 3);
    world.driver.advance(at('12:00', 10));
    expect(world.driver.outputs(signals).at(-1)).toMatchObject({ kind: 'segment-left', facts: { redefined: true } });
  });

  it('changes with a version of the policy that comes into force later', () => {
    const world = start({ old: { metric: 'events', gte: 1 } });
    world.redefine({ segments: { new: { metric: 'events', gte: 1 } } }, 2, at('00:00', 5));
    world.event(at('09:00'));
    world.driver.advance(at('12:00', 6));
    expect(told(world)).toEqual(['entered old 03-02T09:00', 'left old 03-07T00:00', 'entered new 03-07T00:00']);
  });
});

describe('a condition', () => {
  it('asks for segments, groups and windows, of triggers and of requests from outside', () => {
    const audience = { all: [{ segment: 'buyer' }, { group: { in: ['a', 'b'] } }, { metric: 'events@1d', lt: 3 }] };
    const campaigns = [
      campaign({ id: 'view', trigger: { event: 'view' }, audience }),
      campaign({ id: 'asked', trigger: { api: true }, audience }),
    ];
    const world = start({ buyer: BUYER }, { campaigns });
    world.profile({ groups: ['b'] });
    world.event(at('09:00'), { type: 'buy' });
    world.ask('asked', at('09:30'));
    expect(world.last).toMatchObject({
      outcome: 'blocked',
      steps: [{ facts: { why: 'the user is not in segment buyer (metric events.buy@7d is 1, needs at least 2)' } }],
    });
    world.event(at('10:00'), { type: 'buy' });
    world.ask('asked', at('10:30'));
    expect(world.told()).toEqual(['asked: audience', 'asked: sent']);
    world.event(at('11:00'));
    world.profile({ groups: [] });
    world.event(at('09:30', 1));
    expect(world.told()).toEqual([]);
    world.profile({ groups: ['a', 'b'] });
    world.event(at('11:30', 1));
    expect(world.told()).toEqual(['view: sent']);
  });
});

it('keeps no more than the longest window asks for, and nothing where nobody asks', () => {
  const world = start({ buyer: BUYER });
  for (let day = 0; day < 30; day++) world.event(at('09:00', day), { type: 'buy' });
  world.event(at('09:00', 30), { type: 'view' });
  const kept = world.driver.state('default/u', windows);
  expect([kept?.names, kept?.times[0]?.length]).toEqual([['events.buy'], 8]);
  const other = new World();
  other.event(at('09:00'));
  other.profile({});
  expect([other.driver.state('default/u', windows), other.driver.state('default/u', segmentsCell)]).toEqual([
    undefined,
    undefined,
  ]);
});

describe('a campaign for groups', () => {
  it('asks each member once, one who is in several of the groups too', () => {
    const world = new World({
      campaigns: [
        campaign({ trigger: { schedule: { at: '2026-03-03T09:00' } }, audience: { group: { in: ['a', 'b'] } } }),
      ],
    });
    world.event(at('08:00'));
    world.profile({ groups: ['a', 'b'], updatedAt: at('08:00') });
    world.profile({ userId: 'one', groups: ['b', 'c'], updatedAt: at('08:00') });
    world.profile({ userId: 'none', groups: ['c'], updatedAt: at('08:00') });
    world.driver.advance(at('08:00', 30));
    expect(world.driver.outputs(decisions).map((d) => d.userId)).toEqual(['one', 'u']);
  });
});
