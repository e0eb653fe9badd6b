import { expect, test } from 'vitest';
import { at, World } from '../processors/testing/world.ts';
import { Definitions } from '../schemas/definitions.ts';
import { decisions, sends, sessions, signals } from '../schemas/topics.ts';
import { engage } from './engage.ts';

test('tells sessions and signals alone where it decides nothing', () => {
  const topology = engage(new Definitions(), { decides: false });
  expect(topology.inputs.map(({ topic }) => topic.name)).toEqual(['events']);
  expect(topology.outputs).toEqual([sessions, signals]);
  expect(topology.processors.map(({ name }) => name)).toEqual(['deduplicate', 'sessionize', 'detect-inactivity']);
});

test('counts a session before the campaigns that its close triggers ask for it', () => {
  const trigger = { session: 'closed' };
  const world = new World({ campaigns: [{ id: 'c', trigger, audience: { metric: 'sessions', eq: 1 } }] });
  world.event(at('09:00'));
  world.driver.advance('1h');
  expect(world.told()).toEqual(['c: sent']);
});

test('decides the same for any number of partitions', () => {
  const told = [1, 3].map((partitions) => {
    const campaigns = [
      { id: 'winback', trigger: { signal: 'inactive', after: '3d' } },
      { id: 'thanks', trigger: { event: 'buy' }, schedule: { quietHours: '10:00-12:00' } },
    ];
    const world = new World({ campaigns, partitions, policy: { caps: [{ max: 1, window: '7d' }] } });
    const users = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const userId of users) {
      world.profile({ userId });
      world.consent({ userId });
    }
    users.forEach(
      (userId, i) => void world.event(at(`1${i % 3}:00`, i), { userId, eventId: 'e', type: i % 2 ? 'buy' : 'view' }),
    );
    world.driver.advance(at('00:00', 30));
    expect(world.driver.outputs(sends)).toHaveLength(users.length);
    return world.driver
      .outputs(decisions)
      .map((d) => `${d.decisionId}: ${d.outcome} ${d.dueAt}`)
      .sort();
  });
  expect(told[0]).toEqual(told[1]);
});
