import { expect, it, describe as suite } from 'vitest';
import { on, type Processor, timers } from '../processors/processor.ts';
import { activity, metrics, seenIds } from '../schemas/cells.ts';
import { Definitions } from '../schemas/definitions.ts';
import { campaigns, candidates, events, type Stream, sessions, signals } from '../schemas/topics.ts';
import { engage } from './engage.ts';
import { clocked, defineTopology, describe, internal, stream, type Topology, table, validate } from './graph.ts';
import { pace } from './pace.ts';

const between: Stream<string> = { name: 'between' };
const nothing = (): void => {};

const first: Processor = {
  name: 'first',
  on: [on(events, nothing)],
  emits: [between],
  writes: [seenIds],
  timers: [{ kind: timers.session, fire: nothing }],
};
const second: Processor = {
  name: 'second',
  on: [on(between, nothing)],
  emits: [sessions],
  reads: [seenIds],
  writes: [metrics],
};
const sound: Topology = {
  name: 'sound',
  keyed: 'user',
  inputs: [stream(events)],
  processors: [first, second],
  outputs: [sessions],
  globals: [campaigns],
};

suite('a topology that can run', () => {
  it('is given back as it is', () => {
    expect(validate(sound)).toEqual([]);
    expect(defineTopology(sound)).toBe(sound);
  });

  it('may hand an output on to a later processor too, and repartition it', () => {
    const watching: Processor = { name: 'watching', on: [on(sessions, nothing)], emits: [candidates] };
    expect(validate({ ...sound, processors: [first, second, watching], outputs: [sessions, candidates] })).toEqual([]);
  });
});

suite('a topology that can not run', () => {
  const withSecond = (change: Partial<Processor>): Topology => ({
    ...sound,
    processors: [first, { ...second, ...change }],
  });

  it.each<[string, Topology, string[]]>([
    [
      'an input of another key',
      { ...sound, inputs: [stream(events), table(campaigns)] },
      ['input campaigns is keyed by campaign, the topology by user'],
    ],
    [
      'a stream that is neither input nor emitted',
      { ...sound, inputs: [] },
      ['first consumes events: make it an input, or put its emitter before it'],
    ],
    [
      'an emitter after its consumer',
      { ...sound, processors: [second, first] },
      [
        'second consumes between: make it an input, or put its emitter before it',
        'first emits between, which nobody consumes: add it to outputs',
      ],
    ],
    [
      'a stream that nobody consumes',
      { ...sound, outputs: [] },
      ['second emits sessions, which nobody consumes: add it to outputs'],
    ],
    [
      'an output that nobody emits',
      { ...sound, outputs: [sessions, signals] },
      ['output signals is emitted by nobody: remove it from outputs'],
    ],
    [
      'a cell with two writers',
      withSecond({ reads: [], writes: [seenIds] }),
      ['cell seen-ids is written by first and second: keep one writer'],
    ],
    [
      'a cell read that nobody writes',
      withSecond({ reads: [activity] }),
      ['second reads cell activity, which nobody writes'],
    ],
    [
      'two cells of one tag',
      withSecond({ writes: [{ ...metrics, tag: seenIds.tag }] }),
      ['cell metrics has tag 0, which is taken: give it another'],
    ],
    [
      'a kind of timer with two handlers',
      withSecond({ timers: [{ kind: timers.session, fire: nothing }] }),
      ['timer session is handled by first and second: keep one'],
    ],
  ])('says so: %s', (_, topology, problems) => {
    expect(validate(topology)).toEqual(problems);
  });

  it('is refused with all its problems at once', () => {
    expect(() => defineTopology({ ...sound, inputs: [], outputs: [sessions, signals] })).toThrow(
      "topology sound can't run:\n  first consumes events: make it an input, or put its emitter before it\n  output signals is emitted by nobody: remove it from outputs",
    );
  });
});

suite('the graph in words', () => {
  it('names what is read, kept, timed and emitted', () => {
    const roles: Topology = {
      ...sound,
      inputs: [stream(events), internal(sessions), table(signals), clocked(candidates)],
    };
    expect(describe([roles], [{ name: 'warehouse', consumes: [sessions], emits: [] }])).toBe(`sound (keyed by user)
  reads    events (stream), sessions (internal), signals (table), candidates (clocked)
  global   campaigns
  first
    events -> between
    keeps seen-ids
    timers session
  second
    between -> sessions
    keeps metrics
    looks at seen-ids
  emits    sessions

warehouse (sink)
  reads    sessions
  emits    -
`);
  });

  it('of the real topologies is as it was; if that is meant, run the test with -u', async () => {
    const definitions = new Definitions();
    await expect(describe([engage(definitions), pace(definitions)])).toMatchFileSnapshot('./topologies.txt');
  });
});
