import { describe, expect, test } from 'vitest';
import { TestDriver } from '../runtime/testing/driver.ts';
import { type Unmatched, unmatched } from '../schemas/streams.ts';
import { decisions, events } from '../schemas/topics.ts';
import { engage } from '../topologies/engage.ts';
import { on } from './processor.ts';
import { at, type CampaignFile, eventOf, World, type WorldOptions } from './testing/world.ts';

function start(file: Partial<CampaignFile>, options: WorldOptions = {}): World {
  return new World({ campaigns: [{ id: 'c', dedupe: { window: '1s' }, ...file }], ...options });
}

const requestedAt = (world: World): readonly number[] => world.driver.read(decisions).map((d) => d.requestedAt);

describe('an event trigger', () => {
  test("requests at the time of an event of its type, in the event's name", () => {
    const world = start({ trigger: { event: 'buy' } });
    world.event(at('09:00'));
    world.event(at('09:01'), { type: 'buy', eventId: 'e' });
    const cause = `event:default/u:e@${at('09:01')}`;
    expect(world.driver.read(decisions)).toMatchObject([
      { campaignId: 'c', requestId: `c|${cause}`, cause, source: 'trigger', requestedAt: at('09:01'), outcome: 'sent' },
    ]);
  });

  test('asks where of the properties of the event', () => {
    const world = start({ trigger: { event: 'buy', where: { property: 'amount', gte: 10 } } });
    world.event(at('09:00'), { type: 'buy', properties: { amount: 9 } });
    world.event(at('09:01'), { type: 'buy', properties: { amount: 10 } });
    world.event(at('09:02'), { type: 'buy', properties: { amount: '10' } });
    expect(requestedAt(world)).toEqual([at('09:01')]);
  });

  test('is silent for late events and duplicates', () => {
    const world = start({ trigger: { event: 'buy' } });
    world.event(at('10:00'), { type: 'buy', eventId: 'e' });
    world.event(at('10:01'), { type: 'buy', eventId: 'e' });
    world.event(at('09:00'), { type: 'buy' });
    expect(requestedAt(world)).toEqual([at('10:00')]);
  });
});

describe('a session trigger', () => {
  test('requests when the close is certain, at its date plus the lateness', () => {
    const world = start({ trigger: { session: 'closed', where: { fact: 'eventTypes.add', gte: 2 } } });
    for (const time of ['09:00', '09:10']) world.event(at(time), { type: 'add' });
    world.event(at('12:00'), { type: 'add' });
    world.driver.advance('1d');
    expect(requestedAt(world)).toEqual([at('09:45')]);
  });
});

describe('a signal trigger', () => {
  const policy = { inactivity: ['3d', '7d'] };

  test.each([
    ['each threshold where it names none', {}, [at('09:05', 3), at('09:05', 7)]],
    ['the threshold it names', { after: '7d' }, [at('09:05', 7)]],
    ['no threshold that the policy does not have', { after: '5d' }, []],
  ])('for inactive requests for %s', (_, after, expected) => {
    const world = start({ trigger: { signal: 'inactive', ...after } }, { policy });
    world.event(at('09:00'));
    world.driver.advance('20d');
    expect(requestedAt(world)).toEqual(expected);
  });

  test.each([
    ['any silence', {}, 1],
    ['a silence as long as it names', { after: '5d' }, 1],
    ['no shorter silence', { after: '6d' }, 0],
  ])('for returned requests after %s', (_, after, count) => {
    const world = start({ trigger: { signal: 'returned', ...after } }, { policy });
    world.event(at('09:00'));
    world.event(at('09:00', 5));
    world.driver.advance('1h');
    expect(requestedAt(world)).toEqual([at('09:05', 5)].slice(0, count));
  });
});

describe('every trigger', () => {
  test('requests of higher priority first, then in byte order of the ids', () => {
    const trigger = { event: 'buy' };
    const world = new World({
      campaigns: [
        { id: 'b', trigger },
        { id: 'a.z', trigger },
        { id: 'a-z', trigger },
        { id: 'low', trigger, priority: 49 },
        { id: 'z-high', trigger, priority: 51 },
      ],
    });
    world.event(at('09:00'), { type: 'buy' });
    expect(world.told()).toEqual(['z-high: sent', 'a-z: sent', 'a.z: sent', 'b: sent', 'low: sent']);
  });

  test('makes no request of a user who is not in the audience, nor of a campaign that is not active', () => {
    const trigger = { event: 'buy' };
    const world = new World({
      campaigns: [
        { id: 'kenya', trigger, audience: { attribute: 'country', eq: 'KE' } },
        { id: 'paused', trigger, status: 'paused' },
      ],
    });
    world.event(at('09:00'), { type: 'buy' });
    expect(world.told()).toEqual([]);
    world.profile({ attributes: { country: 'KE' } });
    world.event(at('09:01'), { type: 'buy' });
    expect(world.told()).toEqual(['kenya: sent']);
  });

  test('counts its own event in the metrics it asks', () => {
    const world = start({ trigger: { event: 'buy' }, audience: { metric: 'events.buy', eq: 2 } });
    for (const time of ['09:00', '09:01', '09:02']) world.event(at(time), { type: 'buy' });
    expect(requestedAt(world)).toEqual([at('09:01')]);
  });

  test('goes by the version in force at its time', () => {
    const world = start({ trigger: { event: 'buy' } });
    world.define({ id: 'c', trigger: { event: 'view' } }, 2, at('10:00'));
    world.event(at('09:59:59.999'), { type: 'buy' });
    world.event(at('10:00'), { type: 'buy' });
    world.event(at('10:01'), { type: 'view' });
    expect(world.driver.read(decisions).map((d) => [d.requestedAt, d.definitionVersion])).toEqual([
      [at('09:59:59.999'), 1],
      [at('10:01'), 2],
    ]);
  });

  test('concerns the campaigns of its tenant alone', () => {
    const world = start({ trigger: { event: 'buy' } });
    world.event(at('09:00'), { type: 'buy', tenantId: 'other' });
    expect(world.told()).toEqual([]);
  });
});

test('why a trigger made no request is told to who asks', () => {
  const world = start({ trigger: { event: 'buy', where: { property: 'amount', gte: 10 } } });
  world.define({ id: 'd', trigger: { event: 'buy' }, audience: { attribute: 'country', eq: 'KE' } });
  const told: Unmatched[] = [];
  const explain = { name: 'collect', emits: [], on: [on(unmatched, (value) => void told.push(value))] };
  const driver = new TestDriver({ topologies: [engage(world.definitions, { explain })] });
  driver.pipe(events, eventOf(at('09:00'), { type: 'buy', properties: { amount: 5 } }));
  expect(told.map(({ campaignId, part, at: when }) => ({ campaignId, part, when }))).toEqual([
    { campaignId: 'c', part: 'where', when: at('09:00') },
    { campaignId: 'd', part: 'audience', when: at('09:00') },
  ]);
  expect(told.map(({ why }) => why).join(' ')).toMatch(/amount.*country/);
});
