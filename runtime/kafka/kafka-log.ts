// The log on a Kafka cluster: topics and offsets there, the state of the tasks that run here on the local disk.
import { join } from 'node:path';
import type { Admin } from 'kafkajs';
import type Cluster from 'kafkajs/src/cluster/index.js';
import { Unrecoverable } from '../errors.ts';
import type {
  AssignmentListener,
  Log,
  LogRecord,
  Membership,
  NewRecord,
  TaskLog,
  TopicPartition,
  TopicSpec,
} from '../log.ts';
import type { TaskMemory } from '../state-memory.ts';
import { Appender } from './appender.ts';
import { errorType, KafkaClient, type KafkaConnection } from './client.ts';
import { Fetcher } from './fetcher.ts';
import { KafkaTask } from './kafka-task.ts';
import { lastWritten } from './local-store.ts';
import { GroupMember } from './membership.ts';
import { refusal } from './refusals.ts';
import type { Restored, RestoreOptions } from './restore.ts';
import { TopicAdmin } from './topic-admin.ts';
import { changelogOf, consumerGroupOf } from './topic-config.ts';
import { Topics } from './topics.ts';

const READ_BYTES = 4 << 20;
const SESSION_TIMEOUT = 10_000;
const TRANSACTION_TIMEOUT = 15_000;

export interface KafkaLogOptions extends KafkaConnection {
  /** Begins the names of consumer groups, changelogs and transactional ids: one for every installation on a cluster. */
  readonly app: string;
  /** The folder that holds the state of the tasks that run here; an instance's own. */
  readonly stateDir: string;
  /** Copies of the topics that are created; absent: the cluster's default. */
  readonly replication?: number;
  /** ms without a sign of life after which an instance's tasks go to others; brokers take 6 s or more. 10 s when absent. */
  readonly sessionTimeout?: number;
  /** ms after which the cluster ends a transaction that was left open; 15 s when absent. */
  readonly transactionTimeout?: number;
  /** Called while a task's state is restored, and once it is. */
  readonly onRestoring?: RestoreOptions['onProgress'];
  readonly onRestored?: (restored: Restored) => void;
}

export class KafkaLog implements Log {
  /**
   * At 5,000 events/s on two cores with a broker that is 315 transactions a second where 10 ms are 450, a seventh less CPU for
   * both, and the latest messages are no later: p50 of three hops 32 ms for 28, p99 71 for 78 (docs/bench.md).
   */
  readonly commitPause = 15;
  readonly #options: KafkaLogOptions;
  readonly #client: KafkaClient;
  readonly #admin: Admin;
  readonly #cluster: Cluster;
  readonly #appender: Appender;
  readonly #fetcher: Fetcher;
  readonly #topics: Topics;
  readonly #tasks = new Map<string, KafkaTask>();
  readonly #opening = new Map<string, Promise<unknown>>();
  readonly #members = new Set<GroupMember>();
  #clusterId = '';
  #closed = false;

  private constructor(options: KafkaLogOptions) {
    this.#options = options;
    this.#client = new KafkaClient(options);
    this.#admin = this.#client.admin();
    this.#cluster = this.#client.cluster();
    this.#fetcher = new Fetcher(this.#client, options.logger);
    this.#appender = new Appender(this.#client, this.#fetcher);
    this.#topics = new Topics(this.#admin, options.replication);
  }

  /** Connects. Throws when no broker answers. */
  static async open(options: KafkaLogOptions): Promise<KafkaLog> {
    const log = new KafkaLog(options);
    try {
      await Promise.race([log.#admin.connect(), log.#client.untrusted]);
      await Promise.all([log.#cluster.connect(), log.#appender.connect(), log.#fetcher.connect()]);
      log.#clusterId = (await log.#admin.describeCluster()).clusterId;
    } catch (cause) {
      await log.close().catch(() => {});
      throw unreachable(options, cause);
    }
    return log;
  }

  createTopics(specs: readonly TopicSpec[]): Promise<void> {
    return this.#topics.create(specs);
  }

  /** The partitions of those of the topics that exist; they can be read and appended to from then on. */
  existing(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#topics.existing(topics);
  }

  /** Sees to it that a group's changelog has a partition for each of its tasks, as joining the group does. */
  ensureChangelog(group: string, tasks: number): Promise<void> {
    return this.#topics.ensureChangelog(this.#changelog(group), tasks);
  }

  /** Questions of operations, on this log's connection. */
  get admin(): TopicAdmin {
    return new TopicAdmin(this.#admin, this.#options.app);
  }

  partitions(topic: string): number {
    return this.#topics.count(topic);
  }

  async endOffset(input: TopicPartition): Promise<number> {
    this.#topics.check(input);
    return this.#fetcher.offsets.stable(input);
  }

  /**
   * Records of one fetch share their memory (4 MiB at most): copy a key or value that you keep. A read from 0 begins at the
   * first record kept. Throws `Unrecoverable` when records after any other offset were deleted before they were read.
   */
  async read(input: TopicPartition, from: number, limit: number, maxBytes = READ_BYTES): Promise<readonly LogRecord[]> {
    this.#topics.check(input);
    return this.#fetcher.read(input, from, limit, maxBytes);
  }

  resumeAt(input: TopicPartition, from: number): number {
    return this.#fetcher.resumeAt(input, from);
  }

  async append(records: readonly NewRecord[]): Promise<readonly number[]> {
    for (const record of records) this.#topics.check(record);
    return this.#appender.append(records);
  }

  onAppend(topic: string, listener: () => void): () => void {
    return this.#fetcher.listen(topic, listener);
  }

  async join(group: string, topics: readonly string[], listener: AssignmentListener): Promise<Membership> {
    const tasks = Math.max(0, ...topics.map((topic) => this.#topics.count(topic)));
    await this.#topics.ensureChangelog(this.#changelog(group), tasks);
    if (this.#closed) throw new Error(`the group ${group} can't be joined: the log was closed`);
    const { sessionTimeout = SESSION_TIMEOUT, logger } = this.#options;
    const member = new GroupMember({
      cluster: this.#client.cluster(),
      groupId: this.#consumerGroup(group),
      topics,
      tasks,
      sessionTimeout,
      listener,
      states: () => lastWritten(this.#folder(group)),
      logger,
    });
    // Before it joins: a log that is closed meanwhile must leave no member behind.
    this.#members.add(member);
    try {
      await member.join();
    } catch (error) {
      this.#members.delete(member);
      throw error;
    }
    return {
      confirmed: () => member.confirmed(),
      leave: async () => {
        await member.leave();
        this.#members.delete(member);
      },
    };
  }

  /** Throws `TaskLost` when the cluster doesn't answer; `Unrecoverable` when another instance uses the task's folder. */
  openTask(group: string, partition: number, memory?: TaskMemory): Promise<TaskLog> {
    const name = `${group}.${partition}`;
    const opening = (this.#opening.get(name) ?? Promise.resolve()).then(() =>
      this.#openTask(group, partition, name, memory),
    );
    this.#opening.set(
      name,
      opening.catch(() => {}),
    );
    return opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#members].map((member) => member.leave()));
    await Promise.all([...this.#tasks.values()].map((task) => task.close()));
    await this.#appender.close();
    await this.#fetcher.close();
    await Promise.all([this.#admin.disconnect(), this.#cluster.disconnect()]);
  }

  async #openTask(group: string, partition: number, name: string, memory: TaskMemory | undefined): Promise<TaskLog> {
    // An earlier hold of this process: its store is the one to open.
    await this.#tasks.get(name)?.close();
    this.#tasks.delete(name);
    const changelog = { topic: this.#changelog(group), partition };
    await this.#topics.ensureChangelog(changelog.topic, partition + 1);
    const { app, transactionTimeout = TRANSACTION_TIMEOUT, onRestoring, onRestored } = this.#options;
    const { task, restored } = await KafkaTask.open(
      {
        client: this.#client,
        cluster: this.#cluster,
        fetcher: this.#fetcher,
        check: (to) => this.#topics.check(to),
        transactionTimeout,
      },
      { task: name, transactionalId: `${app}.${name}`, consumerGroup: this.#consumerGroup(group) },
      {
        folder: join(this.#folder(group), String(partition)),
        changelog,
        cluster: this.#clusterId,
        memory,
        onProgress: onRestoring,
      },
    );
    this.#tasks.set(name, task);
    onRestored?.(restored);
    return task;
  }

  #consumerGroup(group: string): string {
    return consumerGroupOf(this.#options.app, group);
  }

  #changelog(group: string): string {
    return changelogOf(this.#options.app, group);
  }

  #folder(group: string): string {
    return join(this.#options.stateDir, group);
  }
}

/** What keeps us out for good is told from what passes. */
function unreachable({ brokers, sasl, ssl }: KafkaConnection, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  const away = `Kafka at ${brokers.join(', ')} can't be reached`;
  const what = `${away}: ${why}`;
  const mend = isAuthentication(cause)
    ? sasl === undefined
      ? 'set KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD'
      : 'check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, and KAFKA_SASL_MECHANISM'
    : /certificate|self[- ]signed|issuer/i.test(why) && ssl !== undefined
      ? "set KAFKA_TLS_CA to the PEM file of the authority that signed the brokers' certificates"
      : undefined;
  if (mend !== undefined) return new Unrecoverable(`${what}: ${mend}`, {}, { cause });
  return refusal(cause, away, {}) ?? new Error(what, { cause });
}

function isAuthentication(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at.name.startsWith('KafkaJSSASL')) return true;
  }
  return errorType(error)?.startsWith('SASL_AUTHENTICATION') ?? false;
}
