// Writes records so that none is doubled or lost, whatever fails on the way; with a transactional id, in transactions.
//
// kafkajs has a producer too, but not one for several brokers: it forgets which partitions of a send were written when
// another broker's part fails, and numbers anew, or leaves out, those whose leader moves before it tries again.
import type { ProducerId } from 'kafkajs/src/broker/index.js';
import type Cluster from 'kafkajs/src/cluster/index.js';
import { ByteWriter } from '../../schemas/byte-writer.ts';
import type { NewRecord, TopicPartition } from '../log.ts';
import { errorType, isTransient, type KafkaClient, Retries } from './client.ts';
import { Coordinators, PATIENCE, TRANSACTION } from './coordinators.ts';
import { Leaders } from './leaders.ts';
import { halved, inPieces, type PendingBatch, pendingBatch, type Sender, sequenceAfter } from './pending-batch.ts';
import { type Produced, produce } from './protocol/produce-request.ts';
import { addsByItself, type GroupOffset } from './protocol/transaction-requests.ts';
import { ExplicitTransactions, ImplicitTransactions, type Transactions } from './transactions.ts';

export interface Transactional {
  readonly id: string;
  /** ms after which the coordinator ends a transaction that was left open. */
  readonly timeout: number;
}

/** Records of one partition, written at once or not at all. */
export interface Batch extends TopicPartition {
  readonly records: readonly NewRecord[];
}

/** Where records were written: so many from an offset on, without a gap. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

/**
 * One send after the other: the next begins when the one before is done. After an error of any call it can't be used any
 * more: what a broker has of it is unknown.
 */
export class RecordProducer {
  readonly #cluster: Cluster;
  readonly #leaders: Leaders;
  readonly #coordinators: Coordinators;
  #transactions: Transactions | undefined;
  readonly #transactional: Transactional | undefined;
  readonly #sequences = new Map<string, number>();
  /** Batches that are on their way, or will be tried again, keep their bytes: it writes behind them or elsewhere. */
  readonly #writer = new ByteWriter();
  /** Bytes of a batch that topics took none of that were twice as large. */
  readonly #limits = new Map<string, number>();
  #id: ProducerId = { producerId: '', producerEpoch: -1 };

  private constructor(client: KafkaClient, transactional: Transactional | undefined) {
    this.#cluster = client.cluster();
    this.#leaders = new Leaders(this.#cluster);
    this.#coordinators = new Coordinators(this.#cluster, this.#leaders);
    this.#transactional = transactional;
  }

  /** With a transactional id: fences its earlier owner, and ends the transaction that it left open. */
  static async open(client: KafkaClient, transactional?: Transactional): Promise<RecordProducer> {
    const producer = new RecordProducer(client, transactional);
    try {
      await producer.#cluster.connect();
      await producer.#initialise();
      return producer;
    } catch (error) {
      await producer.close().catch(() => {});
      throw error;
    }
  }

  /**
   * Writes batches of different partitions: each in one piece, or in as many as its topic takes. Gives where each one's
   * records are, in their order.
   */
  async send(batches: readonly Batch[]): Promise<readonly (readonly Run[])[]> {
    await this.#transactions?.add(this.#id, batches);
    const written = new Map<string, Run[]>();
    const pieces = batches.map((batch) => this.#encode(batch));
    const most = Math.max(0, ...pieces.map(({ length }) => length));
    for (let i = 0; i < most; i++) {
      const next = pieces.flatMap((of) => of[i] ?? []);
      await this.#deliver(next, written, new Retries(PATIENCE));
    }
    return batches.map((batch) => written.get(keyOf(batch)) ?? []);
  }

  /** Makes a group's offsets part of the transaction. */
  sendOffsets(groupId: string, offsets: readonly GroupOffset[]): Promise<void> {
    return this.#open.sendOffsets(this.#id, groupId, offsets);
  }

  /** Commits what was sent since the last commit. When it fails, nobody knows whether it happened. */
  async commit(): Promise<void> {
    const next = await this.#open.commit(this.#id);
    // Numbers begin anew with each epoch.
    if (next.producerId !== this.#id.producerId || next.producerEpoch !== this.#id.producerEpoch)
      this.#sequences.clear();
    this.#id = next;
  }

  close(): Promise<void> {
    return this.#cluster.disconnect();
  }

  get #open(): Transactions {
    if (this.#transactions === undefined) throw new Error('a producer without a transactional id has no transactions');
    return this.#transactions;
  }

  async #initialise(): Promise<void> {
    if (this.#transactional === undefined) {
      this.#id = await this.#coordinators.again(new Retries(PATIENCE), async () =>
        (await this.#cluster.findControllerBroker()).initProducerId({}),
      );
      return;
    }
    const { id: transactionalId, timeout: transactionTimeout } = this.#transactional;
    this.#id = await this.#coordinators.ask(TRANSACTION, transactionalId, (broker) =>
      broker.initProducerId({ transactionalId, transactionTimeout }),
    );
    this.#transactions = (await this.#coordinators.ask(TRANSACTION, transactionalId, addsByItself))
      ? new ImplicitTransactions(this.#coordinators, transactionalId, this.#leaders)
      : new ExplicitTransactions(this.#coordinators, transactionalId);
  }

  /** With the next numbers of its partition; each piece is to be sent once the one before is written. */
  #encode({ topic, partition, records }: Batch): PendingBatch[] {
    const key = keyOf({ topic, partition });
    const pieces: PendingBatch[] = [];
    for (const piece of inPieces(records, this.#limits.get(topic) ?? Number.POSITIVE_INFINITY)) {
      const sequence = this.#sequences.get(key) ?? 0;
      this.#sequences.set(key, sequenceAfter(sequence, piece.length));
      pieces.push(pendingBatch(this.#writer, { topic, partition }, piece, this.#sender, sequence));
    }
    return pieces;
  }

  get #sender(): Sender {
    return { ...this.#id, transactional: this.#transactional !== undefined };
  }

  /**
   * Writes every batch to its leader. Those that fail are tried again on their own, wherever their leaders are by then, with
   * the numbers that they have: a broker that has one of them already says where, and doesn't write it again.
   */
  async #deliver(batches: readonly PendingBatch[], written: Map<string, Run[]>, retries: Retries): Promise<void> {
    const byLeader = await this.#coordinators.again(retries, () => this.#byLeader(batches));
    const delivered = await Promise.allSettled(
      [...byLeader].map(async ([leader, part]) => {
        let failed: readonly (readonly [PendingBatch, unknown])[];
        try {
          failed = await this.#produce(leader, part, written);
        } catch (error) {
          failed = part.map((batch) => [batch, error]);
        }
        const tooLarge = failed.filter(([batch, error]) => isTooLarge(error) && batch.records.length > 1);
        for (const [batch] of tooLarge) await this.#deliverHalves(batch, written);
        const again = failed.filter((one) => !tooLarge.includes(one));
        const error = reasonOf(again.map(([, e]) => e));
        if (error === undefined) return;
        await this.#coordinators.recover(error, retries, isTransient(error));
        await this.#deliver(
          again.map(([batch]) => batch),
          written,
          retries,
        );
      }),
    );
    // Not before every part is done: nothing is on its way any more when it fails.
    for (const part of delivered) if (part.status === 'rejected') throw part.reason;
  }

  /** Of a batch that its topic doesn't take; the next ones of the topic are no larger than that. */
  async #deliverHalves(batch: PendingBatch, written: Map<string, Run[]>): Promise<void> {
    const limit = batch.bytes.length >> 1;
    this.#limits.set(batch.topic, Math.min(limit, this.#limits.get(batch.topic) ?? limit));
    for (const half of halved(this.#writer, batch, this.#sender))
      await this.#deliver([half], written, new Retries(PATIENCE));
  }

  async #byLeader(batches: readonly PendingBatch[]): Promise<Map<string, PendingBatch[]>> {
    const byLeader = new Map<string, PendingBatch[]>();
    for (const batch of batches) {
      const leader = await this.#leaders.of(batch);
      const part = byLeader.get(leader);
      if (part === undefined) byLeader.set(leader, [batch]);
      else part.push(batch);
    }
    return byLeader;
  }

  /** Notes what is written, and gives what is not, and why. */
  async #produce(
    leader: string,
    batches: readonly PendingBatch[],
    written: Map<string, Run[]>,
  ): Promise<readonly (readonly [PendingBatch, unknown])[]> {
    const broker = await this.#cluster.findBroker({ nodeId: leader });
    const answers = new Map<string, Produced>();
    const producing = this.#transactions?.produce(broker, batches) ?? produce(broker, null, batches);
    for (const produced of await producing) answers.set(keyOf(produced), produced);
    const failed: [PendingBatch, unknown][] = [];
    for (const batch of batches) {
      const answer = answers.get(keyOf(batch));
      if (answer === undefined) throw new Error(`the broker says nothing of ${keyOf(batch)}`);
      if (answer.error === undefined) {
        const runs = written.get(keyOf(batch)) ?? [];
        written.set(keyOf(batch), runs);
        runs.push({ first: answer.offset, count: batch.records.length });
      } else failed.push([batch, answer.error]);
    }
    return failed;
  }
}

/** Why several failed: what will not pass if there is such a thing, and not that others failed. */
function reasonOf(errors: readonly unknown[]): unknown {
  const reasons = errors.filter((error) => errorType(error) !== 'OPERATION_NOT_ATTEMPTED');
  return reasons.find((error) => !isTransient(error)) ?? reasons[0] ?? errors[0];
}

/** Larger than `max.message.bytes` of the topic, or than its segments. */
function isTooLarge(error: unknown): boolean {
  return /^(MESSAGE|RECORD_LIST)_TOO_LARGE$/.test(errorType(error) ?? '');
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
