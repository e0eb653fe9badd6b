// All topologies in one process: who gets what when, and that the number of partitions changes nothing.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { on, type Processor, timers } from '../processors/processor.ts';
import { events, sends, sessions, signals, type Topic } from '../schemas/topics.ts';
import type { SendCommand, Session, Signal } from '../schemas/types.ts';
import { clocked, defineTopology, internal, stream, type Topology } from '../topologies/graph.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';
import { event, type Orders, tinyTopology } from './testing/tiny-topology.ts';

/** Runs with its outputs gathered as "topic kind:id@time". */
function pipelineOf(
  topologies: readonly Topology[],
  options: Partial<PipelineOptions> = {},
): { pipeline: Pipeline; told: string[]; failed: string[] } {
  const told: string[] = [];
  const failed: string[] = [];
  const tell = (topic: Topic<unknown>, value: unknown): void => {
    const { kind, signalId, firedAt } = value as Signal;
    told.push(topic === signals ? `${kind}:${signalId.split('+')[0]}@${firedAt}` : topic.name);
  };
  const pipeline = new Pipeline({
    topologies,
    lateness: 10,
    onOutput: tell,
    onFailure: (where, { message }) => failed.push(`${where}: ${message}`),
    ...options,
  });
  return { pipeline, told, failed };
}

function downstream(processor: Processor, role: typeof internal, outputs: readonly Topic<unknown>[]): Topology {
  return defineTopology({
    name: 'downstream',
    keyed: 'user',
    inputs: [role(signals)],
    processors: [processor],
    outputs,
    globals: [],
  });
}

describe('a pipeline', () => {
  it('says of a record that two topologies consume what became of it in the first', () => {
    const counting = (name: string, counts: 'late' | 'duplicate'): Topology =>
      defineTopology({
        ...{ name, keyed: 'user', inputs: [stream(events)], outputs: [], globals: [] },
        processors: [{ name, emits: [], on: [on(events, (_, context) => context.count(counts))] }],
      });
    const { pipeline } = pipelineOf([counting('first', 'late'), counting('second', 'duplicate')]);
    expect(pipeline.pipe(events, event('u', 1))).toBe('late');
    const failing = tinyTopology();
    const { pipeline: other, failed } = pipelineOf([counting('first', 'duplicate'), failing]);
    expect(other.pipe(events, event('u', 1, { fail: 'first' }))).toBe('duplicate');
    expect(failed).toEqual([expect.stringMatching(/^tiny: events: /)]);
    // What the first refuses nobody gets.
    expect(other.pipe(events, event('u', -1))).toMatchObject({ code: 'time-out-of-range' });
    expect(failed).toHaveLength(1);
  });

  it('hands a record to its topology, and what follows from it on before the next', () => {
    const answer: Processor = {
      name: 'answer',
      emits: [sessions, sends],
      on: [
        on(signals, (_, context) => {
          context.emit(sessions, {} as Session);
          context.emit(sends, {} as SendCommand);
        }),
      ],
    };
    const { pipeline, told } = pipelineOf([tinyTopology(), downstream(answer, internal, [sessions, sends])]);
    expect(pipeline.pipe(events, event('u', 1, {}, 'a'))).toBe('processed');
    expect(pipeline.pipe(events, event('u', 2, {}, 'b'))).toBe('processed');
    expect(told).toEqual(['record:a@1', 'sessions', 'sends', 'record:b@2', 'sessions', 'sends']);
  });

  it('ends without waiting for what nobody sees, which still happens before what is waited for', () => {
    const fired: string[] = [];
    const processor: Processor = {
      name: 'reminding',
      emits: [],
      on: [
        on(events, ({ occurredAt }, context) => {
          context.setTimer(timers.forget, occurredAt + 100);
          context.setTimer(timers.due, occurredAt + 200);
          context.setTimer(timers.forget, occurredAt + 300);
        }),
      ],
      timers: [timers.forget, timers.due].map((kind) => ({
        kind,
        fire: ({ at }) => fired.push(`${kind.name}@${at}`),
      })),
    };
    const input = { keyed: 'user', inputs: [stream(events)], outputs: [], globals: [] } as const;
    const { pipeline } = pipelineOf([defineTopology({ name: 'reminding', ...input, processors: [processor] })]);
    pipeline.pipe(events, event('u', 1));
    expect(pipeline.fireAll()).toBe(true);
    expect(fired).toEqual(['forget@101', 'due@201']);
    pipeline.advance(1000);
    expect(fired).toHaveLength(2);
  });

  it('tells what became of a record', () => {
    const { pipeline } = pipelineOf([tinyTopology()], { maxJump: 1000 });
    const fates = [
      event('u', 100),
      event('u', 50),
      event('u', 5000),
      event('u', -1),
      event('u', 101, { fail: 'first' }),
    ].map((e) => pipeline.pipe(events, e));
    expect(fates.map((fate) => (typeof fate === 'string' ? fate : fate.code))).toEqual([
      'processed',
      'late',
      'time-jump',
      'time-out-of-range',
      'processing-failed',
    ]);
    expect(pipeline.pipe(sends, {})).toBe('processed');
  });

  it('reports timers and internal records whose processor threw, and goes on', () => {
    const fails: Processor = {
      name: 'fails',
      emits: [],
      on: [
        on(signals, ({ kind }) => {
          if (kind === 'due') throw new Error('no');
        }),
      ],
    };
    const { pipeline, told, failed } = pipelineOf([tinyTopology(), downstream(fails, internal, [])]);
    pipeline.pipe(events, event('u', 1, { timerAt: 5, fail: 'timer' }, 'a'));
    pipeline.pipe(events, event('u', 2, { timerAt: 6 }, 'b'));
    pipeline.advance(10);
    expect(told).toEqual(['record:a@1', 'record:b@2', 'due:b@6']);
    expect(failed).toEqual(['timer of t/u: timer failed', 'signals: no']);
  });

  it('fires a timer that an internal record set for a passed instant as soon as the record is done', () => {
    const remind: Processor = {
      name: 'remind',
      emits: [sessions],
      on: [on(signals, ({ firedAt }, context) => context.setTimer(timers.due, firedAt - 1))],
      timers: [{ kind: timers.due, fire: (_, context) => context.emit(sessions, {} as Session) }],
    };
    const { pipeline, told } = pipelineOf([tinyTopology(), downstream(remind, clocked, [sessions])]);
    pipeline.pipe(events, event('u', 10, {}, 'a'));
    expect(told).toEqual(['record:a@10', 'sessions']);
  });

  it('fires timers of one instant in the order of their keys, whatever task they are on', () => {
    for (const partitions of [1, 2, 3, 8]) {
      const { pipeline, told } = pipelineOf([tinyTopology()], { partitions });
      for (const user of ['d', 'b', 'a', 'c', 'e']) pipeline.pipe(events, event(user, 1, { timerAt: 5 }, user));
      told.length = 0;
      expect(pipeline.tasks[0]?.peek()?.at).toBe(5);
      pipeline.advance(6);
      expect(told).toEqual(['a', 'b', 'c', 'd', 'e'].map((user) => `due:${user}@5`));
      expect(pipeline.tasks[0]?.peek()?.at).toBeUndefined();
    }
  });

  it('gives the same outputs for any number of partitions, when its time is moved before each record', () => {
    const planned = fc.array(
      fc.record({
        user: fc.constantFrom('a', 'b', 'c', 'd'),
        step: fc.nat(20),
        timerAfter: fc.nat(60),
        again: fc.nat(20),
      }),
      { maxLength: 30, size: 'max' },
    );
    fc.assert(
      fc.property(planned, fc.integer({ min: 2, max: 8 }), (list, partitions) => {
        const [one, many] = [1, partitions].map((n) => {
          const { pipeline, told } = pipelineOf([tinyTopology()], { partitions: n });
          let time = 0;
          list.forEach(({ user, step, timerAfter, again }, i) => {
            time += step;
            pipeline.advance(time);
            pipeline.pipe(events, event(user, time, { timerAt: time + timerAfter, again } satisfies Orders, `e${i}`));
          });
          pipeline.advance(1e6);
          return told;
        });
        expect(many).toEqual(one);
      }),
      { numRuns: 200 },
    );
  });
});
