// The requests of a transaction beside those that write its records: two protocols, of which the cluster says which it takes.
import type { Broker, ProducerId } from 'kafkajs/src/broker/index.js';
import type { TopicPartition } from '../log.ts';
import { errorType, isTransient, Retries } from './client.ts';
import { type Coordinators, GROUP, PATIENCE, TRANSACTION } from './coordinators.ts';
import type { Leaders } from './leaders.ts';
import { type EncodedBatch, type Produced, produce, produceAdding } from './protocol/produce-request.ts';
import { commitOffsets, commitTransaction, type GroupOffset } from './protocol/transaction-requests.ts';

/** The transactions of one transactional id, one after the other. */
export interface Transactions {
  /** Before anything is written to these partitions in a transaction. */
  add(by: ProducerId, partitions: readonly TopicPartition[]): Promise<void>;
  /** Sends batches to the broker that leads them. Throws where nobody knows what became of any. */
  produce(broker: Broker, batches: readonly EncodedBatch[]): Promise<readonly Produced[]>;
  /** Makes a group's offsets part of the transaction. */
  sendOffsets(by: ProducerId, groupId: string, offsets: readonly GroupOffset[]): Promise<void>;
  /** Gives the id for the next transaction. When it fails, nobody knows whether the transaction was committed. */
  commit(by: ProducerId): Promise<ProducerId>;
}

/** The partitions that the coordinator was told to be of the open transaction. */
class AddedPartitions {
  readonly #coordinators: Coordinators;
  readonly #transactionalId: string;
  readonly #added = new Set<string>();

  constructor(coordinators: Coordinators, transactionalId: string) {
    this.#coordinators = coordinators;
    this.#transactionalId = transactionalId;
  }

  lacking<T extends TopicPartition>(partitions: readonly T[]): readonly T[] {
    return partitions.filter((partition) => !this.#added.has(keyOf(partition)));
  }

  async add(by: ProducerId, partitions: readonly TopicPartition[]): Promise<void> {
    const transactionalId = this.#transactionalId;
    const topics = byTopic(partitions).map(({ topic, entries }) => ({
      topic,
      partitions: entries.map(({ partition }) => partition),
    }));
    try {
      await this.#coordinators.ask(TRANSACTION, transactionalId, (broker) =>
        broker.addPartitionsToTxn({ transactionalId, ...by, topics }),
      );
    } catch (error) {
      // Some are refused, and the client may tell of the others alone, with which nothing is wrong: each by itself says it.
      if (errorType(error) !== 'OPERATION_NOT_ATTEMPTED' || partitions.length === 1) throw error;
      for (const partition of partitions) await this.add(by, [partition]);
    }
    for (const partition of partitions) this.#added.add(keyOf(partition));
  }

  clear(): void {
    this.#added.clear();
  }
}

/**
 * Of any broker: partitions and groups are added by requests of their own, and a producer keeps its epoch.
 *
 * The end of a transaction and offsets have no number to be known by. Where a connection broke, the broker may come to the
 * request yet, after its repetition and in the midst of the next transaction, of which it would commit a part, or set its
 * offsets back. So they are repeated only when the broker is done with them; else a new owner's fence turns them away.
 */
export class ExplicitTransactions implements Transactions {
  readonly #coordinators: Coordinators;
  readonly #transactionalId: string;
  readonly #added: AddedPartitions;

  constructor(coordinators: Coordinators, transactionalId: string) {
    this.#coordinators = coordinators;
    this.#transactionalId = transactionalId;
    this.#added = new AddedPartitions(coordinators, transactionalId);
  }

  async add(by: ProducerId, partitions: readonly TopicPartition[]): Promise<void> {
    const lacking = this.#added.lacking(partitions);
    if (lacking.length > 0) await this.#added.add(by, lacking);
  }

  produce(broker: Broker, batches: readonly EncodedBatch[]): Promise<readonly Produced[]> {
    return produce(broker, this.#transactionalId, batches);
  }

  async sendOffsets(by: ProducerId, groupId: string, offsets: readonly GroupOffset[]): Promise<void> {
    const transactionalId = this.#transactionalId;
    const topics = byTopic(offsets).map(({ topic, entries }) => ({
      topic,
      partitions: entries.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
    }));
    await this.#coordinators.ask(TRANSACTION, transactionalId, (broker) =>
      broker.addOffsetsToTxn({ transactionalId, ...by, groupId }),
    );
    await this.#coordinators.ask(
      GROUP,
      groupId,
      (broker) => broker.txnOffsetCommit({ transactionalId, ...by, groupId, topics }),
      wasAnswered,
    );
  }

  async commit(by: ProducerId): Promise<ProducerId> {
    const transactionalId = this.#transactionalId;
    await this.#coordinators.ask(
      TRANSACTION,
      transactionalId,
      (broker) => broker.endTxn({ transactionalId, ...by, transactionResult: true }),
      wasAnswered,
    );
    this.#added.clear();
    return by;
  }
}

/**
 * Of brokers from 4.0 on, with the feature `transaction.version` at 2 (KIP-890): what is written to is added, and each
 * transaction has an epoch of its own. A request that comes late is one of an epoch that is over, and turned away; the end
 * that is asked for again is answered as the first one was. So everything is repeated, wherever the connection broke.
 *
 * What adds goes one after the other. A coordinator that is at work on the transaction turns others away, and a broker keeps
 * records that it could not add for 20 ms (`add.partitions.to.txn.retry.backoff.ms`) before it tries again, but says so of
 * offsets at once: these go first, as the transaction before may not have ended everywhere. Records for several brokers,
 * which would have to wait for each other, are added beforehand by one request.
 */
export class ImplicitTransactions implements Transactions {
  readonly #coordinators: Coordinators;
  readonly #transactionalId: string;
  readonly #leaders: Leaders;
  readonly #added: AddedPartitions;
  #adding: Promise<unknown> = Promise.resolve();

  constructor(coordinators: Coordinators, transactionalId: string, leaders: Leaders) {
    this.#coordinators = coordinators;
    this.#transactionalId = transactionalId;
    this.#leaders = leaders;
    this.#added = new AddedPartitions(coordinators, transactionalId);
  }

  async add(by: ProducerId, partitions: readonly TopicPartition[]): Promise<void> {
    const lacking = this.#added.lacking(partitions);
    if (lacking.length < 2) return;
    const leaders = await this.#coordinators.again(new Retries(PATIENCE), () =>
      Promise.all(lacking.map((partition) => this.#leaders.of(partition))),
    );
    if (new Set(leaders).size > 1) await this.#inTurn(() => this.#added.add(by, lacking));
  }

  produce(broker: Broker, batches: readonly EncodedBatch[]): Promise<readonly Produced[]> {
    const work = (): Promise<readonly Produced[]> => produceAdding(broker, this.#transactionalId, batches);
    return this.#added.lacking(batches).length === 0 ? work() : this.#inTurn(work);
  }

  sendOffsets(by: ProducerId, groupId: string, offsets: readonly GroupOffset[]): Promise<void> {
    const commit = { ...by, transactionalId: this.#transactionalId, groupId, offsets };
    return this.#inTurn(() => this.#coordinators.ask(GROUP, groupId, (broker) => commitOffsets(broker, commit)));
  }

  async commit(by: ProducerId): Promise<ProducerId> {
    const transaction = { ...by, transactionalId: this.#transactionalId };
    const next = await this.#coordinators.ask(TRANSACTION, this.#transactionalId, (broker) =>
      commitTransaction(broker, transaction),
    );
    this.#added.clear();
    return next;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#adding.then(work);
    this.#adding = done.catch(() => {});
    return done;
  }
}

function wasAnswered(error: unknown): boolean {
  return errorType(error) !== undefined && isTransient(error);
}

function byTopic<T extends TopicPartition>(of: readonly T[]): { readonly topic: string; readonly entries: T[] }[] {
  return [...Map.groupBy(of, ({ topic }) => topic)].map(([topic, entries]) => ({ topic, entries }));
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
