import { afterEach, beforeEach, expect, test } from 'vitest';
import { events, profiles, sendRequests, type Topic } from '../schemas/topics.ts';
import type { SendRequest } from '../schemas/types.ts';
import type { InputRole } from '../topologies/graph.ts';
import { Inputs } from './inputs.ts';
import { type Engine, openEngine, profile, timeMarkTo } from './testing/engine.ts';
import { event } from './testing/tiny-topology.ts';

let engine: Engine;
beforeEach(async () => {
  engine = await openEngine();
});
afterEach(() => engine.close());

function inputsOf(roles: readonly (readonly [Topic<unknown>, InputRole])[], position = 0): Inputs {
  return new Inputs(
    engine.log,
    engine.serde,
    roles.map(([topic, role]) => ({ topic, role, partition: 0, position, fetchAt: position, atEnd: false })),
  );
}

const ALL = [
  [events, 'stream'],
  [sendRequests, 'stream'],
  [profiles, 'table'],
] as const;

const request = (requestId: string, requestedAt: number): SendRequest => ({
  requestId,
  tenantId: 't',
  userId: 'u',
  campaignId: 'c',
  source: 'api',
  requestedAt,
  data: {},
  notBefore: null,
});

/** Takes all there is; "topic@time" of each. */
async function drain(inputs: Inputs): Promise<string[]> {
  const taken: string[] = [];
  for (;;) {
    await inputs.fetch();
    let next = inputs.peek();
    if (next === undefined) return taken;
    for (; next !== undefined && !(inputs.mustFetch && taken.length > 0); next = inputs.peek()) {
      taken.push(`${next.input.topic.name}@${next.time}`);
      inputs.take(next);
    }
  }
}

test('streams are merged by time, and on a tie in the order of the topology', async () => {
  await engine.put(events, event('u', 10), event('u', 30), event('u', 40));
  await engine.put(sendRequests, request('a', 20), request('b', 30), request('c', 50));
  expect(await drain(inputsOf(ALL))).toEqual([
    'events@10',
    'send-requests@20',
    'events@30',
    'send-requests@30',
    'events@40',
    'send-requests@50',
  ]);
});

test('more records than are decoded at once come one by one, each once', async () => {
  const times = Array.from({ length: 1300 }, (_, i) => 10 + 2 * i);
  await engine.put(events, ...times.map((time) => event('u', time)));
  await engine.put(sendRequests, request('a', 1035), request('b', 2609));
  const expected = times.map((time) => `events@${time}`);
  expected.splice(513, 0, 'send-requests@1035');
  expect(await drain(inputsOf(ALL))).toEqual([...expected, 'send-requests@2609']);
});

test('tables go before streams, whatever their time', async () => {
  await engine.put(events, event('u', 10));
  await engine.put(profiles, profile('u', 99), profile('v', 5));
  expect(await drain(inputsOf(ALL))).toEqual(['profiles@99', 'profiles@5', 'events@10']);
});

test('a stream keeps its own order, although a time in it goes back', async () => {
  await engine.put(events, event('u', 30), event('u', 10));
  await engine.put(sendRequests, request('a', 20));
  expect(await drain(inputsOf(ALL))).toEqual(['send-requests@20', 'events@30', 'events@10']);
});

test('a time mark takes its place by the time it names', async () => {
  await engine.put(events, event('u', 10));
  await engine.log.append([timeMarkTo(events, '1970-01-01T00:00:00.025Z')]);
  await engine.put(sendRequests, request('a', 20), request('b', 30));
  const inputs = inputsOf(ALL);
  expect(await drain(inputs)).toEqual(['events@10', 'send-requests@20', 'events@25', 'send-requests@30']);
});

test('the end of a stream is asked for: it is known only after a fetch that found nothing', async () => {
  await engine.put(events, event('u', 10));
  const inputs = inputsOf(ALL);
  expect([inputs.mustFetch, inputs.streamsAtEnd]).toEqual([true, false]);
  await inputs.fetch();
  expect([inputs.mustFetch, inputs.streamsAtEnd]).toEqual([false, false]);
  inputs.take(inputs.peek() as never);
  expect([inputs.mustFetch, inputs.streamsAtEnd]).toEqual([true, false]);
  await inputs.fetch();
  expect([inputs.mustFetch, inputs.streamsAtEnd]).toEqual([false, true]);
});

test('a position follows what was taken, not what was fetched, and reading begins at it', async () => {
  await engine.put(events, event('u', 10), event('u', 20), event('u', 30));
  const inputs = inputsOf([[events, 'stream']], 1);
  expect(await inputs.fetch()).toEqual(['t/u', 't/u']);
  expect(inputs.all[0]).toMatchObject({ position: 1, fetchAt: 3 });
  const next = inputs.peek();
  expect(next?.time).toBe(20);
  inputs.take(next as never);
  expect(inputs.all[0]).toMatchObject({ position: 2, fetchAt: 3 });
});

test('a record that can not be decoded is merged by the timestamp of the log', async () => {
  await engine.put(events, event('u', 10), event('u', 30));
  const [good] = engine.records(events, [event('u', 0)]);
  await engine.log.append([{ ...(good as never as typeof good & object), timestamp: 35, value: Buffer.from('x') }]);
  await engine.put(sendRequests, request('a', 33), request('b', 40));
  expect(await drain(inputsOf(ALL))).toEqual([
    'events@10',
    'events@30',
    'send-requests@33',
    'events@35',
    'send-requests@40',
  ]);
});
