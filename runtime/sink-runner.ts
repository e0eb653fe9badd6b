// Runs a sink on one partition of its topics: stable batches, retries with back-off, offsets committed once a batch is out.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Topic } from '../schemas/topics.ts';
import {
  RecordRefused,
  type Sink,
  type SinkBatch,
  type SinkContext,
  type SinkRecord,
  SinkUnavailable,
} from '../sinks/sink.ts';
import type { StoreChange } from '../state/store.ts';
import type { Clock } from './clock.ts';
import type { Log, LogRecord, NewRecord, TaskLog } from './log.ts';
import { type Observer, unobserved } from './observer.ts';
import { deadLetter, type Serde, timeMark } from './serde.ts';
import { LEAST } from './state-memory.ts';
import { reach } from './steps.ts';
import type { TaskPhase } from './task-runner.ts';

const FIRST_RETRY = 100;
const LONGEST_RETRY = 10_000;
const IDLE_WAIT = 500;
/** A sink at rest for so long (ms) commits what lies behind its last record and holds none. */
const REST = 1000;

export interface SinkRunnerOptions {
  readonly sink: Sink;
  readonly partition: number;
  readonly log: Log;
  readonly serde: Serde;
  readonly clock: Clock | undefined;
  readonly stopwatch: Clock;
  readonly logger: Logger;
  /** Whether it is this sink that makes dead letters of a topic's records that can't be decoded; of all when absent. */
  readonly refuses?: ((topic: Topic<unknown>) => boolean) | undefined;
  /** Is told of batches and failures; nobody when absent. */
  readonly observer?: Observer | undefined;
}

export interface SinkStatus {
  readonly task: string;
  readonly phase: TaskPhase;
  /** The next offset to write, by topic. */
  readonly positions: Readonly<Record<string, number>>;
  /** The topics of which a moment ago nothing more could be read. */
  readonly atEnd: readonly string[];
  /** Whether the outside took the last batch. */
  readonly available: boolean;
  readonly quiet: boolean;
}

/** A record that could not be decoded, and why. */
interface Undecoded {
  readonly offset: number;
  readonly code: string;
  readonly message: string;
}

/** The boundary of a batch that was begun, and the records that the outside refused. */
interface Begun {
  readonly last: number;
  readonly refused: readonly number[];
  /** Left out from the start: an id that becomes known meanwhile must not change the batch. Absent when there are none. */
  readonly undecoded?: readonly Undecoded[];
}

export class SinkRunner {
  readonly name: string;
  readonly #options: SinkRunnerOptions;
  readonly #stop = new AbortController();
  readonly #unsubscribe: (() => void)[] = [];
  readonly #observer: Observer;
  readonly #inputs = new Map<Topic<unknown>, { position: number; atEnd: boolean }>();
  #phase: TaskPhase = 'restoring';
  #wake: (() => void) | undefined;
  #woken = false;
  #quiet = false;
  #available = true;
  #committedAt = 0;

  constructor(options: SinkRunnerOptions) {
    this.#options = options;
    this.name = `${options.sink.name}.${options.partition}`;
    this.#observer = options.observer ?? unobserved;
  }

  /** Runs until `stop`. Rejects with what ended it. */
  async run(): Promise<void> {
    const { sink, partition, log } = this.#options;
    const taskLog = await log.openTask(sink.name, partition, LEAST);
    const topics = (sink.consumes as readonly Topic<unknown>[]).filter((t) => partition < log.partitions(t.topic));
    for (const topic of topics) {
      this.#inputs.set(topic, { position: taskLog.position({ topic: topic.topic, partition }), atEnd: false });
      this.#unsubscribe.push(log.onAppend(topic.topic, () => this.#wakeUp()));
    }
    this.#phase = 'running';
    try {
      while (!this.#stop.signal.aborted) {
        this.#woken = false;
        let moved = false;
        for (const topic of topics) {
          if (this.#stop.signal.aborted) break;
          moved = (await this.#next(topic, taskLog)) || moved;
        }
        if (!moved) await this.#passOver(topics, taskLog);
        this.#quiet = !moved && !this.#woken;
        if (moved) await this.#wait(sink.lingerMs ?? 0, true);
        else await this.#wait(IDLE_WAIT, false);
      }
    } finally {
      this.#phase = 'ended';
      for (const unsubscribe of this.#unsubscribe) unsubscribe();
      await taskLog.close();
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#wakeUp();
  }

  /** Everything on the log is out. */
  get quiet(): boolean {
    return this.#quiet;
  }

  get status(): SinkStatus {
    const inputs = [...this.#inputs];
    return {
      task: this.name,
      phase: this.#phase,
      positions: Object.fromEntries(inputs.map(([topic, { position }]) => [topic.name, position])),
      atEnd: inputs.filter(([, { atEnd }]) => atEnd).map(([topic]) => topic.name),
      available: this.#available,
      quiet: this.#quiet,
    };
  }

  /** Writes the topic's next batch; false when there is none. */
  async #next(topic: Topic<unknown>, taskLog: TaskLog): Promise<boolean> {
    const { sink, partition, log, serde, stopwatch } = this.#options;
    const input = { topic: topic.topic, partition };
    const from = taskLog.position(input);
    const noted = readBegun(taskLog, topic);
    const wanted = noted === undefined ? sink.maxBatch : noted.last - from + 1;
    const records = await readRecords(log, input, from, wanted, noted?.last, this.#stop.signal);
    if (records === undefined) return false;
    const last = records[records.length - 1];
    const nothing = last === undefined && noted === undefined;
    this.#inputs.set(topic, { position: from, atEnd: nothing });
    if (nothing) return false;
    this.#quiet = false;
    reach(this.name, 'batch-chosen');
    // What was deleted from the log since its batch was begun is passed over.
    let begun: Begun = noted ?? { last: (last as LogRecord).offset, refused: [] };
    if (noted === undefined) {
      await taskLog.commit({ outputs: [], offsets: [], changes: [begunChange(topic, begun)] });
      reach(this.name, 'boundary-noted');
    }

    await serde.learn(records);
    const letters: NewRecord[] = [];
    const values: SinkRecord[] = [];
    const undecoded = [...(begun.undecoded ?? [])];
    const place = { partition, partitions: log.partitions(topic.topic) };
    for (const record of records) {
      const { offset } = record;
      if (timeMark(record) !== undefined || begun.undecoded?.some((u) => u.offset === offset)) continue;
      const decoded = serde.decode(topic, record, place);
      if ('code' in decoded) undecoded.push({ offset, code: decoded.code, message: decoded.message });
      else values.push({ key: decoded.key, value: decoded.value, partition, offset });
    }
    if (undecoded.length > (begun.undecoded?.length ?? 0)) {
      begun = { ...begun, undecoded };
      await taskLog.commit({ outputs: [], offsets: [], changes: [begunChange(topic, begun)] });
    }
    letters.push(...this.#lettersOf(undecoded, records, topic));
    const id = `${topic.topic}/${partition}/${from}-${begun.last}`;
    for (;;) {
      const outputs: NewRecord[] = [];
      const batch: SinkBatch = {
        id,
        topic,
        partition,
        records: values.filter((r) => !begun.refused.includes(r.offset)),
      };
      const refused = await this.#write(batch, outputs, taskLog, noted !== undefined);
      if (refused === 'stopped') return false;
      if (refused === undefined) {
        for (const offset of begun.refused) {
          const record = records.find((r) => r.offset === offset);
          if (record === undefined) continue;
          letters.push(deadLetter(record, input, { code: 'refused', message: `refused by the sink ${sink.name}` }));
        }
        const offsets = [{ ...input, offset: log.resumeAt(input, begun.last + 1) }];
        this.#committedAt = stopwatch.now();
        const written = taskLog.commit({
          outputs: [...outputs, ...letters],
          offsets,
          changes: [{ key: begunKey(topic) }],
        });
        reach(this.name, 'offset-commit-begun');
        await written;
        reach(this.name, 'offset-commit-done');
        this.#inputs.set(topic, { position: begun.last + 1, atEnd: false });
        const codes = letters.map(({ headers }) => headers?.code ?? '');
        this.#observer.delivered({ group: sink.name, partition }, batch.records.length, codes);
        return true;
      }
      begun = { ...begun, refused: [...begun.refused, refused] };
      await taskLog.commit({ outputs: [], offsets: [], changes: [begunChange(topic, begun)] });
    }
  }

  /** Commits the ends of transactions behind the last records, which retention may take away too. */
  async #passOver(topics: readonly Topic<unknown>[], taskLog: TaskLog): Promise<void> {
    const { log, partition, stopwatch } = this.#options;
    if (stopwatch.now() - this.#committedAt < REST) return;
    const offsets = topics.flatMap(({ topic }) => {
      const input = { topic, partition };
      const from = taskLog.position(input);
      const offset = log.resumeAt(input, from);
      return offset > from ? [{ ...input, offset }] : [];
    });
    if (offsets.length === 0) return;
    this.#committedAt = stopwatch.now();
    await taskLog.commit({ outputs: [], offsets, changes: [] });
  }

  /** The dead letters of records that can't be decoded: of each one, in whichever group it is that refuses the topic's. */
  #lettersOf(undecoded: readonly Undecoded[], records: readonly LogRecord[], topic: Topic<unknown>): NewRecord[] {
    const [first] = undecoded;
    if (first === undefined) return [];
    const { sink, partition, logger, refuses } = this.#options;
    const own = refuses?.(topic) ?? true;
    const fate = own ? 'they are dead letters' : 'passed over, another group makes dead letters of them';
    // Not why: the message may quote a value.
    const where = { sink: sink.name, topic: topic.name, partition, offset: first.offset, code: first.code };
    logger.warn({ ...where, records: undecoded.length }, `records can't be decoded, from this offset on: ${fate}`);
    if (!own) return [];
    return undecoded.flatMap((refusal) => {
      const record = records.find((r) => r.offset === refusal.offset);
      return record === undefined ? [] : [deadLetter(record, { topic: topic.topic, partition }, refusal)];
    });
  }

  /** Hands the batch to the sink until it takes it. Resolves to the offset of a record that it refuses, if any. */
  async #write(
    batch: SinkBatch,
    outputs: NewRecord[],
    taskLog: TaskLog,
    resumed: boolean,
  ): Promise<number | 'stopped' | undefined> {
    const { sink, logger } = this.#options;
    if (batch.records.length === 0) return undefined;
    for (let wait = FIRST_RETRY; ; wait = Math.min(2 * wait, LONGEST_RETRY)) {
      outputs.length = 0;
      try {
        const written = sink.write(batch, this.#context(outputs, taskLog, resumed));
        reach(this.name, 'write-begun');
        await written;
        reach(this.name, 'write-done');
        if (!this.#available) logger.info({ sink: sink.name }, 'the sink is available again');
        this.#available = true;
        return undefined;
      } catch (error) {
        if (error instanceof RecordRefused) {
          logger.warn(
            { sink: sink.name, topic: batch.topic.name, offset: error.offset },
            `a record was refused: ${error.message}`,
          );
          return error.offset;
        }
        if (!(error instanceof SinkUnavailable)) throw error;
        this.#observer.sinkFailed(sink.name);
        if (this.#stop.signal.aborted) return 'stopped';
        if (this.#available)
          logger.warn({ sink: sink.name }, `the sink is unavailable, trying again: ${error.message}`);
        this.#available = false;
        await this.#wait(wait, true);
        if (this.#stop.signal.aborted) return 'stopped';
      }
    }
  }

  #context(outputs: NewRecord[], taskLog: TaskLog, resumed: boolean): SinkContext {
    const { log, serde, clock } = this.#options;
    const keyOf = (key: string): Buffer => Buffer.from(`n/${key}`);
    return {
      emit: (topic, value) => outputs.push(serde.encode(topic, value, log.partitions(topic.topic))),
      notes: {
        get: async (key) => taskLog.store.get(keyOf(key))?.toString('utf8'),
        put: async (key, note) => {
          await taskLog.commit({ outputs: [], offsets: [], changes: [{ key: keyOf(key), value: Buffer.from(note) }] });
          reach(this.name, 'sink-noted');
        },
      },
      now: (eventTime) => clock?.now() ?? eventTime,
      signal: this.#stop.signal,
      resumed,
    };
  }

  #wakeUp(): void {
    this.#quiet = false;
    this.#woken = true;
    this.#wake?.();
  }

  /** Waits `ms`; unless `whole`, no longer than until something is appended. Stopping always ends it. */
  async #wait(ms: number, whole: boolean): Promise<void> {
    if (ms === 0) return new Promise((resolve) => setImmediate(resolve));
    if (this.#stop.signal.aborted || (this.#woken && !whole)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (whole && !this.#stop.signal.aborted) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

/** How long (ms) until news of what others have appended is asked for again, and some. */
const NEWS_WAIT = 300;
/** About how large a batch may grow, bytes. */
const BATCH_BYTES = 16 << 20;

/**
 * The records of a batch: as many as are wanted of those there are, up to the boundary; a new one ends when it grows large.
 * Undefined when `stopped` before that is known.
 */
async function readRecords(
  log: Log,
  input: { readonly topic: string; readonly partition: number },
  from: number,
  wanted: number,
  until: number | undefined,
  stopped: AbortSignal,
): Promise<readonly LogRecord[] | undefined> {
  const records: LogRecord[] = [];
  let bytes = 0;
  for (let at = from, over = false; records.length < wanted; ) {
    const more = await log.read(input, at, wanted - records.length, BATCH_BYTES);
    const last = more[more.length - 1];
    if (last === undefined) {
      if (until === undefined || over) break;
      // What another instance has read is there, though news of it may take a moment: it was deleted only where the end is
      // known to lie behind it, and still nothing can be read.
      over = await endsAfter(log, input, until);
      await delay(NEWS_WAIT, undefined, { signal: stopped }).catch(() => {});
      if (stopped.aborted) return undefined;
      continue;
    }
    for (const record of more) {
      records.push(record);
      bytes += record.value?.length ?? 0;
    }
    at = last.offset + 1;
    if (until === undefined ? bytes >= BATCH_BYTES : at > until) break;
  }
  return until === undefined ? records : records.filter((r) => r.offset <= until);
}

/** Whether the end is known to lie behind the offset. A broker that doesn't say is asked again by the next read. */
async function endsAfter(
  log: Log,
  input: { readonly topic: string; readonly partition: number },
  offset: number,
): Promise<boolean> {
  return log.endOffset(input).then(
    (end) => end > offset,
    () => false,
  );
}

function begunKey(topic: Topic<unknown>): Buffer {
  return Buffer.from(`b/${topic.name}`);
}

function begunChange(topic: Topic<unknown>, begun: Begun): StoreChange {
  return { key: begunKey(topic), value: Buffer.from(JSON.stringify(begun)) };
}

function readBegun(taskLog: TaskLog, topic: Topic<unknown>): Begun | undefined {
  const note = taskLog.store.get(begunKey(topic));
  return note === undefined ? undefined : (JSON.parse(note.toString('utf8')) as Begun);
}
