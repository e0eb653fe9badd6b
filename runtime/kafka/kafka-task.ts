// One task's hold on a Kafka cluster: its transactions, its committed offsets, its state.
import { setTimeout as delay } from 'node:timers/promises';
import type Cluster from 'kafkajs/src/cluster/index.js';
import type { Store, StoreChange } from '../../state/store.ts';
import { systemClock } from '../clock.ts';
import { StateCorrupted, TaskFenced, TaskLost, Unrecoverable } from '../errors.ts';
import type { Commit, NewRecord, TaskLog, TopicPartition } from '../log.ts';
import { reach } from '../steps.ts';
import { coordinatorOf, isFenced, type KafkaClient, mayPass, retrying } from './client.ts';
import type { Fetcher } from './fetcher.ts';
import type { Checkpoint, LocalStore } from './local-store.ts';
import { RecordProducer, type Run } from './producer.ts';
import { refusal } from './refusals.ts';
import { positionsChange, type Restored, type RestoreOptions, restore } from './restore.ts';
import { inSends } from './sends.ts';

const COORDINATOR_WAIT = 20_000;

export interface TaskHost {
  readonly client: KafkaClient;
  /** For requests to groups' coordinators. */
  readonly cluster: Cluster;
  readonly fetcher: Fetcher;
  /** Throws when a topic or partition isn't there. */
  check(to: TopicPartition): void;
  /** ms after which the coordinator ends a transaction that was left open. */
  readonly transactionTimeout: number;
}

export interface TaskNames {
  /** `<group>.<partition>` */
  readonly task: string;
  /** One per task and app: it fences the task's earlier owner. */
  readonly transactionalId: string;
  /** The consumer group that holds the offsets. */
  readonly consumerGroup: string;
}

interface Sent {
  /** The changelog's offset after the last of the changes. */
  readonly next: number;
  /** The offset after the last output, by partition. */
  readonly ends: Map<string, TopicPartition & { readonly end: number }>;
}

/** How often, and after how many ms each, committed offsets are asked for again that are behind the state. */
const POSITIONS_TRIES = 10;
const POSITIONS_WAIT = 200;

/** The send under way, for what is to be said when it fails. */
interface Attempt {
  records: readonly NewRecord[];
}

export class KafkaTask implements TaskLog {
  readonly store: Store;
  readonly #host: TaskHost;
  readonly #names: TaskNames;
  readonly #changelog: TopicPartition;
  readonly #producer: RecordProducer;
  readonly #local: LocalStore;
  readonly #positions: Map<string, number>;
  #checkpoint: Checkpoint;
  #last: Promise<unknown> = Promise.resolve();
  #ended: Error | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    host: TaskHost,
    names: TaskNames,
    changelog: TopicPartition,
    parts: {
      readonly producer: RecordProducer;
      readonly local: LocalStore;
      readonly checkpoint: Checkpoint;
      readonly positions: Map<string, number>;
    },
  ) {
    this.#host = host;
    this.#names = names;
    this.#changelog = changelog;
    this.#producer = parts.producer;
    this.#local = parts.local;
    this.#checkpoint = parts.checkpoint;
    this.#positions = parts.positions;
    const { store } = parts.local;
    this.store = {
      get: (key) => this.#read(() => store.get(key)),
      getMany: (keys) => this.#read(() => store.getMany(keys)),
      scan: (gte, lt, limit) => this.#read(() => store.scan(gte, lt, limit)),
      // Through the commit, so that the changelog has it too.
      write: (changes) => this.commit({ outputs: [], offsets: [], changes }),
      close: async () => {},
    };
  }

  /**
   * Takes the task over, in an order that matters: 1. fence the earlier owner, which ends its open transaction; 2. fetch the
   * committed offsets, which nobody else can move any more; 3. replay the changelog, to which nobody else can add any more.
   * Throws `TaskLost` when the cluster doesn't answer, and `Unrecoverable` as `restore` does.
   */
  static async open(
    host: TaskHost,
    names: TaskNames,
    options: Omit<RestoreOptions, 'fetcher' | 'task'>,
  ): Promise<{ readonly task: KafkaTask; readonly restored: Restored }> {
    const { task, transactionalId } = names;
    let producer: RecordProducer | undefined;
    try {
      reach(task, 'open-begun');
      producer = await RecordProducer.open(host.client, { id: transactionalId, timeout: host.transactionTimeout });
      reach(task, 'fenced');
      let positions = await committedOffsets(host.cluster, names.consumerGroup);
      reach(task, 'positions-known');
      const { store, checkpoint, restored } = await restore({ ...options, task, fetcher: host.fetcher });
      const findBehind = (): [string, number] | undefined =>
        Object.entries(checkpoint.positions).find(([input, known]) => (positions.get(input) ?? 0) < known);
      let behind = findBehind();
      // Brokers before 4.0 may tell of a commit's offsets a moment after its end.
      for (let tries = 0; behind !== undefined && tries < POSITIONS_TRIES; tries++) {
        await delay(POSITIONS_WAIT);
        positions = await committedOffsets(host.cluster, names.consumerGroup);
        behind = findBehind();
      }
      if (behind !== undefined) {
        await store.close();
        throw forgotten(names, options.changelog, behind, positions.get(behind[0]));
      }
      reach(task, 'restored');
      const parts = { producer, local: store, checkpoint, positions };
      return { task: new KafkaTask(host, names, options.changelog, parts), restored };
    } catch (error) {
      await producer?.close().catch(() => {});
      const asked = { ...names, right: 'Read', topics: [options.changelog.topic] } as const;
      const what = 'the task could not be taken over';
      throw refusal(error, what, asked, { task }) ?? lost(task, what, error);
    }
  }

  position(input: TopicPartition): number {
    return this.#positions.get(keyOf(input)) ?? 0;
  }

  commit(commit: Commit): Promise<void> {
    const committing = this.#last.then(() => this.#commit(commit));
    this.#last = committing.catch(() => {});
    return committing;
  }

  async close(): Promise<void> {
    await this.#end(new TaskFenced('the task was closed or taken over by another owner', { task: this.#names.task }));
  }

  /** A state that can't be read is wiped at the end of this hold, so that the next one restores it. */
  #read<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (this.#ended !== undefined) throw this.#ended;
      this.#local.distrust();
      throw new StateCorrupted('the local state can not be read', { task: this.#names.task }, { cause });
    }
  }

  /** Ends the task: no commit begins after it, and the one under way is done when it resolves. */
  async #end(reason: Error): Promise<void> {
    const wasWell = this.#ended === undefined;
    this.#ended ??= reason;
    await this.#last;
    await this.#local.close();
    const closing = this.#closeProducer();
    // What failed may have taken the connection along.
    if (wasWell) await closing;
  }

  #closeProducer(): Promise<void> {
    this.#closing ??= this.#producer.close().catch(() => {});
    return this.#closing;
  }

  /**
   * 1. One transaction takes the outputs, the changelog's records and the offsets, side by side; 2. it is committed; 3. the local store
   * takes the changes, with the changelog's offset they lead to. If 1 or 2 fail the transaction can't be used any more, and
   * after 2 nobody knows whether it happened: the task ends, and its next owner finds out. If 3 fails, or the process ends
   * before it, the changelog has the changes.
   */
  async #commit({ outputs, offsets, changes }: Commit): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    for (const output of outputs) this.#host.check(output);
    if (outputs.length === 0 && offsets.length === 0 && changes.length === 0) return;
    const { task } = this.#names;
    const attempt: Attempt = { records: [] };
    const begun = performance.now();
    let sent: Sent;
    const positions: Record<string, number> = { ...this.#checkpoint.positions };
    for (const { topic, partition, offset } of offsets) positions[keyOf({ topic, partition })] = offset;
    const logged = offsets.length === 0 ? changes : [...changes, positionsChange(positions)];
    try {
      reach(task, 'transaction-begun');
      // Beside the records, which would keep them waiting for two answers more; where both can't go at once, first (see
      // `transactions.ts`). Nothing is on its way any more when either fails.
      const placing = offsets.length === 0 ? undefined : this.#producer.sendOffsets(this.#names.consumerGroup, offsets);
      const sending = this.#send(outputs, logged, attempt);
      await Promise.allSettled([sending, placing]);
      sent = await sending;
      reach(task, 'records-sent');
      if (placing !== undefined) {
        await placing;
        reach(task, 'offsets-sent');
      }
      await this.#producer.commit();
      reach(task, 'transaction-ended');
    } catch (error) {
      const why = isFenced(error)
        ? new TaskFenced('another owner took the task over', { task }, { cause: error })
        : (refusal(
            error,
            'the cluster refuses a commit',
            { ...this.#names, ...attempt, topics: topicsOf(attempt.records) },
            { task },
          ) ?? lost(task, 'a commit failed, and nobody knows whether it happened', error));
      this.#ended ??= why;
      void this.#closeProducer();
      await this.#local.close();
      throw why;
    }
    for (const { topic, partition, offset } of offsets) this.#positions.set(keyOf({ topic, partition }), offset);
    if (logged.length > 0) {
      this.#checkpoint = { ...this.#checkpoint, offset: sent.next, at: systemClock.now(), positions };
      try {
        this.#local.write(changes, this.#checkpoint);
        reach(task, 'store-written');
      } catch (error) {
        // The changelog has the changes; only here they are missing.
        this.#ended ??= error as Error;
        throw this.#ended;
      }
    }
    const took = performance.now() - begun;
    for (const { end, ...output } of sent.ends.values()) this.#host.fetcher.note(output, end, took);
    this.#host.fetcher.call(new Set(outputs.map(({ topic }) => topic)));
  }

  async #send(outputs: readonly NewRecord[], changes: readonly StoreChange[], attempt: Attempt): Promise<Sent> {
    const timestamp = systemClock.now();
    const { topic, partition } = this.#changelog;
    const logged = changes.map(({ key, value }) => ({ topic, partition, timestamp, key, value: value ?? null }));
    const ends: Sent['ends'] = new Map();
    let next = this.#checkpoint.offset;
    for (const send of inSends([...outputs, ...logged])) {
      attempt.records = send.records;
      const written = await this.#producer.send(send.batches);
      for (const [i, batch] of send.batches.entries()) {
        const last = written[i]?.at(-1) as Run;
        const end = last.first + last.count;
        const to = { topic: batch.topic, partition: batch.partition };
        if (to.topic === topic) next = end;
        else ends.set(keyOf(to), { ...to, end });
      }
    }
    return { next, ends };
  }
}

async function committedOffsets(cluster: Cluster, groupId: string): Promise<Map<string, number>> {
  const positions = new Map<string, number>();
  await retrying(COORDINATOR_WAIT, mayPass, async () => {
    const coordinator = await coordinatorOf(cluster, { groupId });
    const { responses } = await coordinator.offsetFetch({ groupId, topics: [] });
    for (const { topic, partitions } of responses) {
      for (const { partition, offset } of partitions) {
        if (Number(offset) >= 0) positions.set(keyOf({ topic, partition }), Number(offset));
      }
    }
  });
  return positions;
}

function topicsOf(records: readonly NewRecord[]): string[] {
  return [...new Set(records.map(({ topic }) => topic))];
}

function lost(task: string, what: string, cause: unknown): TaskLost {
  return new TaskLost(`${what}: ${messageOf(cause)}`, { task }, { cause });
}

/**
 * To go on from the beginning, with the state of records that were processed already, would process them twice. A state from
 * the changelog is no way out: of a commit whose end was lost with a broker, some partitions may be committed and others not.
 */
function forgotten(
  { task, consumerGroup }: TaskNames,
  changelog: TopicPartition,
  [input, known]: readonly [string, number],
  committed: number | undefined,
): Unrecoverable {
  const found = committed === undefined ? 'none' : String(committed);
  const what = `the committed offset of ${input} is ${found}, and the state goes with ${known}: offsets were reset, expired, or lost with a broker`;
  const mend = `set the offsets of the group ${consumerGroup} to what the state goes with, or begin anew: delete the topic ${changelog.topic} and the state folder`;
  return new Unrecoverable(`${what}: ${mend}`, { task });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
