import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { frame } from '../schemas/avro.ts';
import { events, signals, type Topic } from '../schemas/topics.ts';
import type { Signal, UserEvent } from '../schemas/types.ts';
import { RecordRefused, type Sink, type SinkBatch, type SinkContext, SinkUnavailable } from '../sinks/sink.ts';
import { stopwatch } from './clock.ts';
import type { Log, LogRecord, NewRecord } from './log.ts';
import { Serde } from './serde.ts';
import { SinkRunner, type SinkRunnerOptions } from './sink-runner.ts';
import { type Engine, openEngine, silent, timeMarkTo, until } from './testing/engine.ts';
import { event, signal } from './testing/tiny-topology.ts';

let engine: Engine;
let running: { readonly runner: SinkRunner; readonly ended: Promise<void> }[];
beforeEach(async () => {
  engine = await openEngine();
  running = [];
});
afterEach(async () => {
  for (const { runner } of running) runner.stop();
  await Promise.allSettled(running.map(({ ended }) => ended));
  await engine.close();
});

/** "first-last: ids of the records" of a batch. */
const short = ({ id, records }: SinkBatch): string =>
  `${id.slice(id.lastIndexOf('/') + 1)}: ${records.map((r) => (r.value as UserEvent).eventId).join(' ')}`;

type Write = (batch: SinkBatch, context: SinkContext) => Promise<void>;

function sinkOf(write: Write, maxBatch = 10): Sink {
  return {
    name: 'test',
    consumes: [events as Topic<unknown>],
    maxBatch,
    open: async () => {},
    close: async () => {},
    write,
  };
}

function start(
  sink: Sink,
  log: Log = engine.log,
  options: Partial<SinkRunnerOptions> = {},
): { readonly runner: SinkRunner; readonly ended: Promise<void> } {
  const common = { sink, partition: 0, log, serde: engine.serde, clock: undefined, stopwatch, logger: silent };
  const runner = new SinkRunner({ ...common, ...options });
  const started = { runner, ended: runner.run() };
  started.ended.catch(() => {});
  running.push(started);
  return started;
}

/** A sink that keeps what it is given. */
function collecting(maxBatch?: number): { readonly sink: Sink; readonly batches: string[] } {
  const batches: string[] = [];
  return { sink: sinkOf(async (batch) => void batches.push(short(batch)), maxBatch), batches };
}

/** A write that is under way until it is let go, and says when it began. */
function gate(): { readonly write: Write; readonly begun: Promise<void>; letGo(): void; readonly batches: string[] } {
  const batches: string[] = [];
  let letGo = (): void => {};
  const open = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const write: Write = async (batch) => {
    batches.push(short(batch));
    begin();
    await open;
  };
  return { write, begun, letGo, batches };
}

const put = (...ids: readonly string[]): Promise<void> =>
  engine.put(events, ...ids.map((id) => event('u', 10, {}, id)));
const rest = (runner: SinkRunner): Promise<void> => until(() => runner.quiet);
/** Takes the task away, as the next process would after a crash. */
const crash = async (): Promise<void> => (await engine.log.openTask('test', 0)).close();

describe('a sink', () => {
  test('gets every record once, in batches of its size that are named by their place', async () => {
    await put('a', 'b', 'c', 'd', 'e');
    const { sink, batches } = collecting(2);
    const { runner } = start(sink);
    await rest(runner);
    await put('f');
    expect(runner.quiet).toBe(false);
    await rest(runner);
    expect(batches).toEqual(['0-1: a b', '2-3: c d', '4-4: e', '5-5: f']);
    expect(runner.status).toMatchObject({ positions: { events: 6 }, available: true, quiet: true });
  });

  test('gets neither time marks nor what can not be decoded', async () => {
    await put('a');
    await engine.log.append([timeMarkTo(events, 100)]);
    const [record] = engine.records(events, [event('u', 1)]);
    await engine.log.append([{ ...(record as NonNullable<typeof record>), value: Buffer.from('x') }]);
    const { sink, batches } = collecting();
    const { runner } = start(sink);
    await rest(runner);
    expect(batches).toEqual(['0-2: a']);
    expect(runner.status.positions).toEqual({ events: 3 });
  });

  test('emits in one step with the offset: nothing of a write that failed, all of the one that succeeded', async () => {
    await put('a', 'b');
    let calls = 0;
    const { runner } = start(
      sinkOf(async ({ records }, context) => {
        for (const { offset } of records) context.emit(signals, signal('t/u', 'sent', 10, `${calls}:${offset}`, {}));
        if (calls++ === 0) throw new SinkUnavailable('busy');
      }),
    );
    await rest(runner);
    expect((await engine.values<Signal>(signals)).map((s) => s.signalId)).toEqual(['1:0', '1:1']);
  });

  test('ends the runner with any other error, and finds the same batch afterwards', async () => {
    await put('a');
    await expect(start(sinkOf(() => Promise.reject(new Error('broken')))).ended).rejects.toThrow('broken');
    await put('b');
    const { sink, batches } = collecting();
    await rest(start(sink).runner);
    expect(batches).toEqual(['0-0: a', '1-1: b']);
  });
});

describe('a sink that is unavailable', () => {
  test('gets the same batch again, with longer and longer waits, until it takes it', async () => {
    await put('a');
    const calls: { readonly batch: string; readonly at: number }[] = [];
    const { runner } = start(
      sinkOf(async (batch) => {
        calls.push({ batch: short(batch), at: performance.now() });
        if (calls.length === 1) await put('b');
        if (calls.length < 4) throw new SinkUnavailable('away');
      }),
    );
    await until(() => !runner.status.available);
    expect(runner.quiet).toBe(false);
    await rest(runner);
    expect(calls.map(({ batch }) => batch)).toEqual(['0-0: a', '0-0: a', '0-0: a', '0-0: a', '1-1: b']);
    const waits = calls.slice(1, 4).map(({ at }, i) => at - (calls[i]?.at ?? 0));
    for (const [i, least] of [100, 200, 400].entries()) expect(waits[i]).toBeGreaterThanOrEqual(least - 2);
    expect(runner.status.available).toBe(true);
  });

  test('does not keep the runner from stopping, and its batch stays as it is', async () => {
    await put('a');
    const { runner, ended } = start(sinkOf(() => Promise.reject(new SinkUnavailable('away'))));
    await until(() => !runner.status.available);
    runner.stop();
    await ended;
    await put('b');
    const { sink, batches } = collecting();
    await rest(start(sink).runner);
    expect(batches).toEqual(['0-0: a', '1-1: b']);
  });
});

describe('a record that can not be decoded', () => {
  const UNKNOWN = 12;
  /** A record of an event, its schema's id one that nobody has registered yet. */
  const putUnknown = async (id: string): Promise<void> => {
    const [record] = engine.records(events, [event('u', 10, {}, id)]);
    const value = frame(UNKNOWN, events.codec.encode(event('u', 10, {}, id)));
    await engine.log.append([{ ...(record as NewRecord), value }]);
  };
  const inShort = ({ headers, value }: LogRecord): string =>
    `${headers.topic}/${headers.partition}/${headers.offset} ${headers.code} ${value?.readUInt32BE(1)}`;

  test('goes to the dead letters as it is, once', async () => {
    await put('a');
    await putUnknown('b');
    await put('c');
    const { sink, batches } = collecting();
    const { runner } = start(sink);
    await rest(runner);
    expect(batches).toEqual(['0-2: a c']);
    expect((await engine.letters()).map(inShort)).toEqual([`${events.topic}/0/1 unknown-schema ${UNKNOWN}`]);
    expect(runner.status.positions).toEqual({ events: 3 });
  });

  test('is passed over where another group makes dead letters of the topic', async () => {
    await putUnknown('a');
    await put('b');
    const { sink, batches } = collecting();
    await rest(start(sink, engine.log, { refuses: ({ name }) => name !== 'events' }).runner);
    expect(batches).toEqual(['0-1: b']);
    expect(await engine.letters()).toEqual([]);
  });

  test('stays out of its batch after a crash, though its schema is known by then', async () => {
    await putUnknown('a');
    await put('b');
    const first = gate();
    const { ended } = start(sinkOf(first.write));
    await first.begun;
    await crash();
    first.letGo();
    await expect(ended).rejects.toThrow(/taken over/);
    const serde = new Serde({ register: async () => 1, schema: async () => events.codec.json });
    await serde.open([events]);
    const { sink, batches } = collecting();
    await rest(start(sink, engine.log, { serde }).runner);
    expect([...first.batches, ...batches]).toEqual(['0-1: b', '0-1: b']);
    expect((await engine.letters()).map(inShort)).toEqual([`${events.topic}/0/0 unknown-schema ${UNKNOWN}`]);
  });
});

describe('a record that is refused', () => {
  const refusing = (bad: readonly string[], batches: string[]): Sink =>
    sinkOf(async (batch) => {
      batches.push(short(batch));
      const record = batch.records.find((r) => bad.includes((r.value as UserEvent).eventId));
      if (record !== undefined) throw new RecordRefused(record.offset, 'no');
    });

  test('goes to the dead letters, and the rest of its batch goes out under the same name', async () => {
    await put('a', 'b', 'c', 'd');
    const batches: string[] = [];
    const { runner } = start(refusing(['b', 'd'], batches));
    await rest(runner);
    expect(batches).toEqual(['0-3: a b c d', '0-3: a c d', '0-3: a c']);
    expect((await engine.letters()).map(({ headers }) => `${headers.offset} ${headers.code}`)).toEqual([
      '1 refused',
      '3 refused',
    ]);
  });

  test('is remembered over a crash, and a dead letter once', async () => {
    await put('a', 'b');
    const batches: string[] = [];
    const first = gate();
    const sink = refusing(['a'], batches);
    const { ended } = start({
      ...sink,
      write: async (batch, context) => {
        await sink.write(batch, context);
        await first.write(batch, context);
      },
    });
    await first.begun;
    await crash();
    first.letGo();
    await expect(ended).rejects.toThrow(/taken over/);
    await rest(start(sink).runner);
    expect(batches).toEqual(['0-1: a b', '0-1: b', '0-1: b']);
    expect(await engine.letters()).toHaveLength(1);
  });

  test('may be all there is', async () => {
    await put('a');
    const batches: string[] = [];
    const { runner } = start(refusing(['a'], batches));
    await rest(runner);
    expect(batches).toEqual(['0-0: a']);
    expect(runner.status.positions).toEqual({ events: 1 });
  });
});

describe('after a crash', () => {
  test('a batch that was handed over is the same again, whatever has come meanwhile', async () => {
    await put('a', 'b');
    const first = gate();
    const { ended } = start(sinkOf(first.write));
    await first.begun;
    await put('c');
    await crash();
    first.letGo();
    await expect(ended).rejects.toThrow(/taken over/);
    engine = await engine.reopened();
    const { sink, batches } = collecting();
    await rest(start(sink).runner);
    expect([...first.batches, ...batches]).toEqual(['0-1: a b', '0-1: a b', '2-2: c']);
  });

  test('the sink finds the notes it made', async () => {
    await put('a');
    const first = gate();
    const { ended } = start(
      sinkOf(async (batch, context) => {
        expect(await context.notes.get('intent')).toBeUndefined();
        await context.notes.put('intent', batch.id);
        await first.write(batch, context);
      }),
    );
    await first.begun;
    await crash();
    first.letGo();
    await expect(ended).rejects.toThrow(/taken over/);
    const notes: (string | undefined)[] = [];
    await rest(start(sinkOf(async (_, { notes: kept }) => void notes.push(await kept.get('intent')))).runner);
    expect(notes).toEqual([`${events.topic}/0/0-0`]);
  });

  test('a batch whose records were deleted from the log meanwhile is passed over', async () => {
    await put('a', 'b');
    const first = gate();
    const { ended } = start(sinkOf(first.write));
    await first.begun;
    await put('c');
    await crash();
    first.letGo();
    await expect(ended).rejects.toThrow(/taken over/);
    expect(await engine.log.trim(events.topic, 1000)).toBe(2);
    const { sink, batches } = collecting();
    const { runner } = start(sink);
    await until(() => batches.length > 0 && runner.quiet);
    expect(batches).toEqual(['2-2: c']);
  });
});

describe('a batch that another instance began', () => {
  /** Leaves a noted batch of "a" and "b" behind, and "c" after it. */
  const begunElsewhere = async (): Promise<void> => {
    await put('a', 'b');
    const first = gate();
    const { ended } = start(sinkOf(first.write));
    await first.begun;
    await put('c');
    await crash();
    first.letGo();
    await expect(ended).rejects.toThrow(/taken over/);
  };
  /** The log of an instance that hears of the offset, and what follows, only when it has asked so often at it. */
  const late = (offset: number, asks: number, ends: boolean): Log => {
    let asked = 0;
    const heard = (): boolean => asked >= asks;
    return new Proxy<Log>(engine.log, {
      get(target, name: keyof Log) {
        const read: Log['read'] = async (input, from, limit, maxBytes) => {
          if (from >= offset && asked++ < asks) return [];
          const records = await target.read(input, from, limit, maxBytes);
          return heard() ? records : records.filter((r) => r.offset < offset);
        };
        const endOffset: Log['endOffset'] = async (input) => (ends || heard() ? target.endOffset(input) : offset);
        if (name === 'read') return read;
        if (name === 'endOffset') return endOffset;
        const member: unknown = target[name];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };

  test('is written whole by one that has no news of its last record yet', async () => {
    await begunElsewhere();
    const { sink, batches } = collecting();
    const { runner } = start(sink, late(1, 1, true));
    await until(() => batches.length === 2 && runner.quiet);
    expect(batches).toEqual(['0-1: a b', '2-2: c']);
  });

  test('is waited for as long as the log seems to end within it', async () => {
    await begunElsewhere();
    const { sink, batches } = collecting();
    const { runner } = start(sink, late(0, 3, false));
    await until(() => batches.length === 2 && runner.quiet);
    expect(batches).toEqual(['0-1: a b', '2-2: c']);
  });

  test('stays as it is when the runner is told to stop meanwhile', async () => {
    await begunElsewhere();
    const { sink, batches } = collecting();
    const { runner, ended } = start(sink, late(1, Number.POSITIVE_INFINITY, false));
    await until(() => runner.status.phase === 'running');
    runner.stop();
    await ended;
    expect(batches).toEqual([]);
    await rest(start(sink).runner);
    expect(batches).toEqual(['0-1: a b', '2-2: c']);
  });

  test('is said to be one that was begun before, and the next is not', async () => {
    await begunElsewhere();
    const told: string[] = [];
    const { runner } = start(sinkOf(async (batch, { resumed }) => void told.push(`${short(batch)}, ${resumed}`)));
    await rest(runner);
    expect(told).toEqual(['0-1: a b, true', '2-2: c, false']);
  });
});

test('told to stop while a batch is being written, a runner ends it and commits it', async () => {
  await put('a');
  const under = gate();
  const { runner, ended } = start(sinkOf(under.write));
  await under.begun;
  runner.stop();
  under.letGo();
  await ended;
  await put('b');
  const { sink, batches } = collecting();
  await rest(start(sink).runner);
  expect(batches).toEqual(['1-1: b']);
});
