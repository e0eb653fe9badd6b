// Reads partitions from any offset. A reader that has records ahead of it has them fetched when it asks, in one request a
// broker with all others that wait; readers that have caught up are watched by a long poll, which tells them of arrivals.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { loggable, Unrecoverable } from '../errors.ts';
import type { LogRecord, TopicPartition } from '../log.ts';
import { errorType, type KafkaClient } from './client.ts';
import { Cursor } from './cursor.ts';
import { FetchClient } from './fetch-client.ts';
import { UnreadableRecords } from './protocol/record-set.ts';
import { refusal } from './refusals.ts';

/** How long (ms) a broker's word that nothing follows is good. */
const END_FRESH = 25;
/** A poll that a broker has not answered for so long says that there is nothing, for so long after it should have. */
const POLL_SETTLED = 5;
const POLL_WAIT = 50;
const POLL_OVERDUE = 100;
/** Between two polls, lest every record of a brisk stream has a poll of its own. */
const POLL_PAUSE = 3;
/**
 * How long a reader waits for what this instance has committed, whose transaction a broker is still ending: so long at least, and
 * so many times what the commit took.
 */
const OWN_WAIT = 100;
const OWN_TIMES = 3;
const OWN_LOOK = 2;
/** A transaction that nobody ends (ms) is one that the cluster has lost sight of: its timeout has long passed. */
const OPEN_TRANSACTION_WAIT = 60_000;
const IDLE_AFTER = 30_000;
const CURSORS = 8;
const FIRST_RETRY = 20;
const LONGEST_RETRY = 1000;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Fetcher {
  readonly #demands: FetchClient;
  readonly #polls: FetchClient;
  readonly #logger: Logger | undefined;
  readonly #cursors = new Map<string, Cursor[]>();
  /** By partition, the offset after the last record that this instance wrote, and how long (ms) to wait for it. */
  readonly #own = new Map<string, { readonly next: number; readonly wait: number }>();
  readonly #waiting = new Map<Cursor, Waiter[]>();
  /** Those whose partition could not be read a moment ago. */
  readonly #resting = new Set<Cursor>();
  readonly #busy = new Set<string>();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #polled = new Map<Cursor, { readonly offset: number; readonly at: number }>();
  #scheduled = false;
  #polling: Promise<void> | undefined;
  #closed = false;

  constructor(client: KafkaClient, logger: Logger | undefined) {
    this.#demands = new FetchClient(client.cluster());
    this.#polls = new FetchClient(client.cluster());
    this.#logger = logger;
  }

  async connect(): Promise<void> {
    await Promise.all([this.#demands.connect(), this.#polls.connect()]);
  }

  /** Requests of offsets, without a reader. */
  get offsets(): Pick<FetchClient, 'earliest' | 'stable' | 'end'> {
    return this.#demands;
  }

  /** As `Log.read`. */
  async read(input: TopicPartition, from: number, limit: number, maxBytes: number): Promise<readonly LogRecord[]> {
    if (limit <= 0) return [];
    let cursor = this.#cursor(input, from);
    let ownUntil: number | undefined;
    /** What it says of the end is as of this read. */
    let asked: Cursor | undefined;
    while (!cursor.has(from)) {
      const own = this.#own.get(keyOf(input));
      if (cursor.atEnd && (cursor === asked || this.#endIsFresh(cursor))) {
        if (own === undefined || own.next <= cursor.next) return [];
        ownUntil ??= performance.now() + own.wait;
        if (performance.now() > ownUntil) {
          // Another transaction is open on the partition: what is behind it can't be read by anybody.
          this.#own.delete(keyOf(input));
          return [];
        }
        if (cursor === asked) await delay(OWN_LOOK);
      }
      await this.#fetched(cursor);
      asked = cursor;
      if (!cursor.covers(from)) cursor = this.#cursor(input, from);
    }
    return cursor.take(from, limit, maxBytes);
  }

  /** The committed records from an offset to `end`, and where to go on, in pieces as they come. */
  async *replay(
    input: TopicPartition,
    from: number,
    end: number,
  ): AsyncGenerator<{ records: readonly LogRecord[]; next: number }> {
    const cursor = new Cursor(input, from);
    let moved = performance.now();
    while (cursor.next < end) {
      const at = cursor.next;
      await this.#fetched(cursor);
      if (cursor.next > at) moved = performance.now();
      if (performance.now() - moved > OPEN_TRANSACTION_WAIT) throw leftOpen(cursor);
      // Markers alone may be all that is left.
      if (cursor.next === at) await delay(OWN_LOOK);
      else yield { records: cursor.take(at, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY), next: cursor.next };
    }
  }

  /** As `Log.resumeAt`. */
  resumeAt(input: TopicPartition, from: number): number {
    const cursor = this.#cursors.get(keyOf(input))?.find((c) => c.covers(from) && !c.has(from));
    return cursor === undefined ? from : Math.max(from, cursor.next);
  }

  /** Notes up to where this instance wrote, which took `ms`: no reader here is told that the end lies before. */
  note(input: TopicPartition, next: number, ms: number): void {
    const key = keyOf(input);
    if ((this.#own.get(key)?.next ?? 0) < next) this.#own.set(key, { next, wait: Math.max(OWN_WAIT, OWN_TIMES * ms) });
  }

  /** Calls the listeners of topics. */
  call(topics: ReadonlySet<string>): void {
    for (const topic of topics) for (const listener of this.#listeners.get(topic) ?? []) listener();
  }

  listen(topic: string, listener: () => void): () => void {
    const own = (): void => listener();
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(own));
    this.#polling ??= this.#poll();
    return () => listeners.delete(own);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const waiters of this.#waiting.values()) for (const { reject } of waiters) reject(closed());
    this.#waiting.clear();
    await this.#demands.disconnect();
    await this.#polls.disconnect();
    await this.#polling;
  }

  #cursor(input: TopicPartition, from: number): Cursor {
    const key = keyOf(input);
    let cursors = this.#cursors.get(key);
    if (cursors === undefined) {
      cursors = [];
      this.#cursors.set(key, cursors);
    }
    const now = performance.now();
    let cursor = cursors.find((c) => c.has(from) && c.covers(from)) ?? cursors.find((c) => c.covers(from));
    if (cursor === undefined) {
      const oldest = cursors.reduce<Cursor | undefined>(
        (a, b) => (a === undefined || b.readAt < a.readAt ? b : a),
        undefined,
      );
      if (
        oldest !== undefined &&
        !this.#waiting.has(oldest) &&
        (cursors.length >= CURSORS || now - oldest.readAt > IDLE_AFTER)
      ) {
        oldest.seek(from);
        cursor = oldest;
      } else {
        cursor = new Cursor(input, from);
        cursors.push(cursor);
      }
    }
    cursor.visit(from, now);
    return cursor;
  }

  #endIsFresh(cursor: Cursor): boolean {
    const now = performance.now();
    if (now - cursor.endSeenAt <= END_FRESH) return true;
    const poll = this.#polled.get(cursor);
    if (poll === undefined || poll.offset !== cursor.next) return false;
    const since = now - poll.at;
    return since >= POLL_SETTLED && since <= POLL_WAIT + POLL_OVERDUE;
  }

  /** Resolves when a broker has answered what follows the cursor. */
  #fetched(cursor: Cursor): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(cursor);
      if (waiters === undefined) this.#waiting.set(cursor, [{ resolve, reject }]);
      else waiters.push({ resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    // After everything that is ready to ask has asked.
    setImmediate(() => {
      this.#scheduled = false;
      void this.#dispatch();
    });
  }

  /** One request to every broker that has none under way. */
  async #dispatch(): Promise<void> {
    const wanted = [...this.#waiting.keys()].filter((cursor) => !this.#resting.has(cursor));
    const { byLeader, failed } = await byLeaders(this.#demands, wanted);
    for (const [cursor, error] of failed) this.#failed(cursor, error);
    for (const [leader, cursors] of byLeader) {
      if (this.#busy.has(leader)) continue;
      this.#busy.add(leader);
      void this.#demand(leader, cursors).finally(() => {
        this.#busy.delete(leader);
        if (this.#waiting.size > 0) this.#schedule();
      });
    }
  }

  async #demand(leader: string, cursors: readonly Cursor[]): Promise<void> {
    const lone = cursors.find((c) => c.alone);
    const asked = (lone === undefined ? distinct(cursors) : [lone]).map((cursor) => ({ cursor, at: cursor.next }));
    const sentAt = performance.now();
    try {
      const wanted = asked.map(({ cursor: { topic, partition, next } }) => ({ topic, partition, offset: next }));
      const answers = await this.#demands.fetch(leader, wanted, 0);
      const brought = answers.some(({ bytes }) => bytes > 0);
      for (const fetched of answers) {
        const { cursor, at } = asked.find((a) => samePartition(a.cursor, fetched)) as (typeof asked)[number];
        // Else the poll was faster.
        if (cursor.next === at) {
          if (fetched.error !== undefined) {
            this.#failed(cursor, fetched.error);
            continue;
          }
          if (fetched.next === at && at < fetched.stable && (asked.length > 1 || fetched.bytes > 0)) {
            // There was no room for it among the others, or it holds nothing to bring: asked for alone it will be known.
            cursor.alone = !brought;
            continue;
          }
          // A broker brings a whole batch at least. Asked for alone and still nothing: compaction has left nothing before the end.
          cursor.put(fetched.next === at ? { ...fetched, next: Math.max(at, fetched.stable) } : fetched, false, sentAt);
          cursor.alone = false;
        }
        this.#settle(cursor);
      }
    } catch (error) {
      if (this.#closed) return;
      this.#rest(
        asked.map(({ cursor }) => cursor),
        this.#recover(this.#demands, error, FIRST_RETRY),
      );
    }
  }

  /** A partition can't be read: for good, which its readers are told, or for now. */
  #failed(cursor: Cursor, error: Error): void {
    if (errorType(error) === 'OFFSET_OUT_OF_RANGE') {
      this.#rest([cursor], this.#bringIntoRange(cursor));
      return;
    }
    const { topic, partition, next } = cursor;
    const asked = { right: 'Read', topics: [topic] } as const;
    const lasting =
      error instanceof UnreadableRecords
        ? unreadable(cursor, error)
        : refusal(error, 'the cluster refuses to be read', asked, { topic, partition, offset: next });
    if (lasting !== undefined) this.#settle(cursor, lasting);
    else {
      const wait = Math.min(FIRST_RETRY * 2 ** cursor.failures++, LONGEST_RETRY);
      this.#rest([cursor], this.#recover(this.#demands, error, wait));
    }
  }

  /** They are not asked for until `work` is done; others go on. */
  #rest(cursors: readonly Cursor[], work: Promise<unknown>): void {
    for (const cursor of cursors) this.#resting.add(cursor);
    void work
      .catch(() => delay(FIRST_RETRY))
      .then(() => {
        for (const cursor of cursors) this.#resting.delete(cursor);
        this.#schedule();
      });
  }

  /** A reader from the beginning begins at the first record kept; for any other, records are missing. */
  async #bringIntoRange(cursor: Cursor): Promise<void> {
    const [earliest, end] = [await this.#demands.earliest(cursor), await this.#demands.end(cursor)];
    const { topic, partition, next } = cursor;
    if (next >= earliest && next <= end) return;
    if (next === 0) {
      cursor.skipTo(earliest);
      return;
    }
    const place = { topic, partition, offset: next };
    const message =
      next < earliest
        ? `records were deleted before they were read, the first one left is ${earliest}: lengthen the topic's retention, and reset the group's offset to go on without them`
        : `the topic ends at ${end}, before what was read of it already; it was truncated or made anew: reset the group's offset`;
    this.#settle(cursor, new Unrecoverable(message, place));
  }

  #settle(cursor: Cursor, error?: Error): void {
    const waiters = this.#waiting.get(cursor) ?? [];
    this.#waiting.delete(cursor);
    for (const { resolve, reject } of waiters) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }

  /** Watches the readers that have caught up, until the end. */
  async #poll(): Promise<void> {
    const failures = new Map<string, number>();
    const underWay = new Map<string, Promise<void>>();
    while (!this.#closed) {
      const { byLeader, failed } = await byLeaders(this.#polls, this.#followed());
      for (const [leader, cursors] of byLeader) {
        if (underWay.has(leader)) continue;
        const poll = this.#pollOnce(leader, cursors, failures).finally(() => underWay.delete(leader));
        underWay.set(leader, poll);
      }
      // Their readers will meet the fault when they ask.
      for (const [cursor] of failed) cursor.stable = -1;
      await Promise.race([...underWay.values(), delay(POLL_WAIT)]);
      await delay(POLL_PAUSE);
    }
    await Promise.all(underWay.values());
  }

  async #pollOnce(leader: string, cursors: readonly Cursor[], failures: Map<string, number>): Promise<void> {
    const asked = cursors.map((cursor) => ({ cursor, at: cursor.next }));
    const sentAt = performance.now();
    for (const { cursor, at } of asked) this.#polled.set(cursor, { offset: at, at: sentAt });
    try {
      const wanted = cursors.map(({ topic, partition, next }) => ({ topic, partition, offset: next }));
      const arrived = new Set<string>();
      for (const fetched of await this.#polls.fetch(leader, wanted, POLL_WAIT)) {
        const { cursor, at } = asked.find((a) => samePartition(a.cursor, fetched)) as (typeof asked)[number];
        if (cursor.next !== at || this.#waiting.has(cursor)) continue;
        // What is wrong is said to its reader, when it asks.
        if (fetched.error !== undefined) cursor.stable = -1;
        else if (fetched.next > at || fetched.stable <= at) cursor.put(fetched, true, performance.now());
        else cursor.stable = fetched.stable;
        if (fetched.records.length > 0) arrived.add(cursor.topic);
      }
      failures.delete(leader);
      this.call(arrived);
    } catch (error) {
      if (this.#closed) return;
      const wait = Math.min(2 * (failures.get(leader) ?? FIRST_RETRY), LONGEST_RETRY);
      failures.set(leader, wait);
      await this.#recover(this.#polls, error, wait);
    } finally {
      for (const { cursor } of asked) this.#polled.delete(cursor);
    }
  }

  /** One cursor of every partition that somebody has read to the end and listens to. */
  #followed(): Cursor[] {
    const now = performance.now();
    const followed: Cursor[] = [];
    for (const [key, cursors] of this.#cursors) {
      const inUse = cursors.filter((c) => this.#waiting.has(c) || now - c.readAt < IDLE_AFTER);
      if (inUse.length < cursors.length) this.#cursors.set(key, inUse);
      const active = inUse.filter((c) => c.atEnd && !c.full);
      const latest = active.reduce<Cursor | undefined>(
        (a, b) => (a === undefined || b.readAt > a.readAt ? b : a),
        undefined,
      );
      if (latest !== undefined && (this.#listeners.get(latest.topic)?.size ?? 0) > 0) followed.push(latest);
    }
    return followed;
  }

  /** Brokers come back, and leaders move: nothing that a reader must hear of. */
  async #recover(client: FetchClient, error: unknown, wait: number): Promise<void> {
    if (this.#closed) return;
    this.#logger?.debug({ error: loggable(error) }, 'a fetch failed and is tried again');
    await delay(wait);
    await client.refresh().catch(() => delay(wait));
  }
}

/** The cursors by the broker that leads them, and those of which that is not known. */
async function byLeaders(
  client: FetchClient,
  cursors: readonly Cursor[],
): Promise<{ readonly byLeader: Map<string, Cursor[]>; readonly failed: readonly (readonly [Cursor, Error])[] }> {
  const byLeader = new Map<string, Cursor[]>();
  const failed: [Cursor, Error][] = [];
  for (const cursor of cursors) {
    try {
      const leader = await client.leader(cursor);
      const others = byLeader.get(leader);
      if (others === undefined) byLeader.set(leader, [cursor]);
      else others.push(cursor);
    } catch (error) {
      failed.push([cursor, error as Error]);
    }
  }
  return { byLeader, failed };
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

function samePartition(a: TopicPartition, b: TopicPartition): boolean {
  return a.partition === b.partition && a.topic === b.topic;
}

/** A request can ask for a partition once: the others that wait for it have their turn next. */
function distinct(cursors: readonly Cursor[]): Cursor[] {
  return [...new Map(cursors.map((cursor) => [keyOf(cursor), cursor])).values()];
}

function unreadable({ topic, partition, next }: Cursor, cause: UnreadableRecords): Unrecoverable {
  const mend = 'set the producers, or `compression.type` of the topic, to gzip, zstd or none';
  return new Unrecoverable(`${cause.message}: ${mend}`, { topic, partition, offset: next }, { cause });
}

function leftOpen({ topic, partition, next }: Cursor): Unrecoverable {
  const mend = 'find it with `kafka-transactions.sh find-hanging` and end it with `kafka-transactions.sh abort`';
  return new Unrecoverable(`a transaction was left open by the cluster, and nothing behind it can be read: ${mend}`, {
    topic,
    partition,
    offset: next,
  });
}

function closed(): Error {
  return new Error('the log is closed');
}
