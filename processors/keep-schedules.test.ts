import { describe, expect, it } from 'vitest';
import { scheduled as cell } from '../schemas/cells.ts';
import { decisions, events, profiles } from '../schemas/topics.ts';
import { at, type CampaignFile, eventOf, profileOf, World } from './testing/world.ts';

const scheduled = (schedule: object, rest: object = {}): CampaignFile => ({
  id: 'c',
  class: 'transactional',
  trigger: { schedule },
  ...rest,
});
/** When a message was asked for and sent. */
const times = (world: World, userId = 'u'): string[] =>
  world.driver
    .outputs(decisions)
    .filter((d) => d.userId === userId && d.outcome === 'sent')
    .map((d) => new Date(d.requestedAt).toISOString().slice(5, 16));

describe('a schedule', () => {
  it('asks at each of its moments, from when time began', () => {
    const world = new World({ campaigns: [scheduled({ every: ['monday', 'wednesday'], at: '09:00' })] });
    world.event(at('08:00'));
    world.driver.advance(at('08:00', 8));
    expect(times(world)).toEqual(['03-02T09:00', '03-04T09:00', '03-09T09:00']);
    expect(world.last).toMatchObject({
      requestId: `schedule:c:default/u@${at('09:00', 7)}`,
      source: 'program',
      cause: `schedule:default/u@${at('09:00', 7)}`,
      requestedAt: at('09:00', 7),
      decidedAt: at('09:00', 7),
    });
  });

  it('asks nothing of the time before the first event, though the profile is older', () => {
    const world = new World({ campaigns: [scheduled({ every: 'day', at: '09:00' })] });
    world.profile({ updatedAt: at('00:00', -300) });
    world.event(at('09:00'));
    expect(times(world)).toEqual([]);
    world.driver.advance(at('10:00'));
    expect(times(world)).toEqual(['03-02T09:00']);
  });

  it('asks of a user of whom nothing but an event is known, and of one who has a profile alone', () => {
    const world = new World({ campaigns: [scheduled({ every: 'day', at: '09:00' }, { channels: ['email'] })] });
    world.event(at('08:00'));
    world.driver.pipe(events, eventOf(at('08:30'), { userId: 'event' }));
    world.driver.pipe(profiles, profileOf({ userId: 'profile', updatedAt: at('08:30') }));
    world.consent({ userId: 'consent' });
    world.driver.advance(at('10:00'));
    const asked = world.driver.outputs(decisions).map((d) => `${d.userId} ${d.reason}`);
    expect(asked.sort()).toEqual(['event no-channel', 'profile null', 'u null']);
  });

  it('moves with the zone of the profile, and one local time comes once', () => {
    const world = new World({ campaigns: [scheduled({ every: 'day', at: '09:00' })] });
    world.profile({ timezone: 'Africa/Nairobi' });
    world.event(at('05:00'));
    world.event(at('07:00'));
    world.profile({ timezone: 'America/New_York', updatedAt: at('07:00') });
    world.driver.advance(at('20:00', 1));
    expect(times(world)).toEqual(['03-02T06:00', '03-03T14:00']);
  });

  it('asks around the date that an attribute holds, and moves with it', () => {
    const world = new World({ campaigns: [scheduled({ attribute: 'due', before: '3d', at: '09:00' })] });
    const due = (date: string, updatedAt: number): void => world.profile({ attributes: { due: date }, updatedAt });
    world.event(at('08:00'));
    world.driver.advance(at('08:00', 1));
    due('2026-03-08', at('08:00', 1));
    world.event(at('10:00', 1));
    due('2026-03-09', at('10:00', 1));
    world.driver.advance(at('10:00', 4));
    expect(times(world)).toEqual(['03-06T09:00']);
    due('2026-04-09', at('10:00', 4));
    world.driver.advance(at('10:00', 60));
    expect(times(world)).toEqual(['03-06T09:00', '04-06T09:00']);
  });

  it('asks once at a moment, each user at the local time or all at an instant', () => {
    const world = new World({
      campaigns: [
        scheduled({ at: '2026-03-03T09:00' }, { id: 'local' }),
        scheduled({ at: '2026-03-03T09:00Z' }, { id: 'instant' }),
      ],
    });
    world.profile({ timezone: 'Africa/Nairobi' });
    world.event(at('08:00'));
    world.driver.advance(at('10:00', 400));
    expect(world.driver.outputs(decisions).map((d) => [d.campaignId, d.requestedAt])).toEqual([
      ['local', at('06:00', 1)],
      ['instant', at('09:00', 1)],
    ]);
  });

  it('judges the audience at the moment, and asks of others nothing', () => {
    const audience = { attribute: 'plan', eq: 'weekly' };
    const world = new World({ campaigns: [scheduled({ every: 'day', at: '09:00' }, { audience })] });
    world.event(at('08:00'));
    world.driver.advance(at('08:00', 1));
    expect(world.told()).toEqual([]);
    world.profile({ attributes: { plan: 'weekly' }, updatedAt: at('08:00', 1) });
    world.driver.advance(at('10:00', 1));
    expect(world.told()).toEqual(['c: sent']);
  });

  it('asks for the higher priority first where moments meet', () => {
    const daily = { every: 'day', at: '09:00' };
    const world = new World({
      campaigns: [
        scheduled(daily, { id: 'a' }),
        scheduled(daily, { id: 'b', priority: 70 }),
        scheduled({ every: 'monday', at: '09:00' }, { id: 'c' }),
      ],
    });
    world.event(at('08:00'));
    world.driver.advance(at('10:00'));
    expect(world.told()).toEqual(['b: sent', 'a: sent', 'c: sent']);
  });

  it('follows the version in force at the moment, and a paused one asks nothing', () => {
    const rest = { dedupe: { window: '1s' } };
    const later = { every: 'day', at: '15:00' };
    const world = new World({ campaigns: [scheduled({ every: 'day', at: '09:00' }, rest)] });
    world.define(scheduled(later, rest), 2, at('12:00', 1));
    world.define(scheduled(later, { ...rest, status: 'paused' }), 3, at('00:00', 3));
    world.define(scheduled(later, rest), 4, at('00:00', 5));
    world.event(at('08:00'));
    world.driver.advance(at('16:00', 5));
    expect(times(world)).toEqual(['03-02T09:00', '03-03T09:00', '03-03T15:00', '03-04T15:00', '03-07T15:00']);
  });

  it('makes up for moments that were passed while nothing ran, and expires those that are too old', () => {
    const quiet = { quietHours: '08:00-10:00', expiresAfter: '30m' };
    const world = new World({
      campaigns: [
        scheduled({ every: 'day', at: '09:00' }),
        scheduled({ every: 'monday', at: '09:00' }, { id: 'brief', schedule: quiet }),
      ],
    });
    world.event(at('08:00'));
    world.event(at('12:00', 2));
    expect(times(world)).toEqual(['03-02T09:00', '03-03T09:00', '03-04T09:00']);
    expect(world.driver.outputs(decisions).find((d) => d.campaignId === 'brief')).toMatchObject({
      outcome: 'expired',
      reason: 'expired',
      requestedAt: at('09:00'),
    });
  });

  it('does so for a user whose profile, which is read first, was changed meanwhile', () => {
    const world = new World({
      campaigns: [
        scheduled({ every: 'day', at: '09:00' }),
        scheduled({ at: '2026-03-02T10:00' }, { id: 'once', dedupe: { window: '1s' } }),
      ],
    });
    world.event(at('08:00'));
    world.profile({ locale: 'sw', updatedAt: at('11:00', 1) });
    world.driver.advance(at('12:00', 2));
    expect(times(world)).toEqual(['03-02T09:00', '03-02T10:00', '03-03T09:00', '03-04T09:00']);
  });

  it('that is new or changed asks from then on, also of users of whom nothing has come for long', () => {
    const world = new World();
    world.event(at('08:00'));
    world.driver.advance(at('08:00', 100));
    world.define(scheduled({ every: 'day', at: '09:00' }));
    world.driver.advance(at('10:00', 101));
    world.define(scheduled({ every: 'day', at: '15:00' }, { dedupe: { window: '1s' } }), 2);
    world.driver.advance(at('20:00', 101));
    expect(times(world)).toEqual(['06-10T09:00', '06-11T09:00', '06-11T15:00']);
  });

  it('costs no state where no campaign has one', () => {
    const world = new World({ campaigns: [{ id: 'other', trigger: { event: 'view' } }] });
    world.event(at('08:00'));
    world.profile({ timezone: 'Africa/Nairobi' });
    expect(world.driver.state('default/u', cell)).toBeUndefined();
  });
});
