// The port to a partitioned, transactional log. `embedded/` keeps it in one local database, `kafka/` on a cluster; topologies
// and the worker are the same for both.
import type { Store, StoreChange } from '../state/store.ts';
import type { TaskMemory } from './state-memory.ts';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A record as it lies on the log. A time mark has neither key nor value. */
export interface LogRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface NewRecord {
  readonly topic: string;
  readonly partition: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What one task commits in one step. */
export interface Commit {
  readonly outputs: readonly NewRecord[];
  /** The next offset to read, for every input that moved. */
  readonly offsets: readonly (TopicPartition & { readonly offset: number })[];
  readonly changes: readonly StoreChange[];
}

/** The task's hold on the log, from assignment to revocation. Opening it fences every earlier owner of the same task. */
export interface TaskLog {
  /** The task's state, restored to what its committed offsets say. */
  readonly store: Store;
  /** The next offset to read of an input: what was committed, or 0. */
  position(input: TopicPartition): number;
  /** Outputs, offsets and state in one step: all of it or nothing survives, whatever happens. Throws `TaskFenced`. */
  commit(commit: Commit): Promise<void>;
  close(): Promise<void>;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly cleanup: 'delete' | 'compact' | 'retain';
  /** ms after its time that a record may be deleted, where the log sees to that by itself (Kafka); absent: never. */
  readonly retentionMs?: number;
}

/** Is told which tasks of a group this instance runs. */
export interface AssignmentListener {
  /**
   * The whole set of partitions that are this instance's from now on; those missing from it are another's. Called again
   * whenever it changes, one call after the other. Keep the tasks that stay: whoever opens a task fences its earlier owner, so
   * nothing need be given up before the new set is known.
   */
  assigned(partitions: readonly number[]): Promise<void>;
}

/** An instance's part in a group. */
export interface Membership {
  /**
   * Resolves once the group has said, after this call, that the last assignment still holds, or has told the listener another.
   * Waits as long as the group doesn't answer.
   */
  confirmed(): Promise<void>;
  /** Leaves the group; its partitions go to the members that stay. Close the tasks before. */
  leave(): Promise<void>;
}

export interface Log {
  /**
   * ms from the beginning of a task's commit to that of its next, where the task is not behind: what a commit costs others may be
   * worth a wait. 0: none.
   */
  readonly commitPause: number;
  /** Creates the topics that are missing. Throws when one exists with another number of partitions. */
  createTopics(specs: readonly TopicSpec[]): Promise<void>;
  /** Number of partitions; throws for an unknown topic. */
  partitions(topic: string): number;
  /** The offset after the last committed record. */
  endOffset(input: TopicPartition): Promise<number>;
  /**
   * Committed records from an offset on, at most `limit` records or about `maxBytes`. An empty list says that the end was asked
   * for and reached: nothing that could be read followed, as of a moment (under 0.2 s) ago for what others appended; what this
   * instance appended or committed is never missed, unless another's open transaction lies before it.
   */
  read(input: TopicPartition, from: number, limit: number, maxBytes?: number): Promise<readonly LogRecord[]>;
  /**
   * Where a reader goes on that has taken every record before `from`: behind what is known here to hold none, as the ends of
   * transactions do; at the least `from`. Commit it, so that retention can take all of that away and nothing is missed.
   */
  resumeAt(input: TopicPartition, from: number): number;
  /** Appends in one step, outside any task. Resolves to the records' offsets once they are durable. */
  append(records: readonly NewRecord[]): Promise<readonly number[]>;
  /**
   * Calls back soon, and at least once, after this instance appended to the topic, and after anybody appended to one of its
   * partitions that was read here to the end; returns how to stop.
   */
  onAppend(topic: string, listener: () => void): () => void;
  /**
   * Joins the instances that share a group's tasks, one task for each partition of the (co-partitioned) topics. Resolves
   * once the listener was told its first set; an empty set is one too.
   */
  join(group: string, topics: readonly string[], listener: AssignmentListener): Promise<Membership>;
  /** Takes over the task `<group>.<partition>`. `memory`: what its store may take, where it has one of its own. */
  openTask(group: string, partition: number, memory?: TaskMemory): Promise<TaskLog>;
  close(): Promise<void>;
}
