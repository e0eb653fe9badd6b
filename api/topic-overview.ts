// What there is on a log: every topic with its partitions, and how far each group has come.
import type { Log } from '../runtime/log.ts';
import type { Cleanup } from '../schemas/topics.ts';

export interface PartitionOverview {
  readonly partition: number;
  /** Of the first record kept, as far as it is known: else 0. */
  readonly begin: number;
  /** After the last record. */
  readonly end: number;
}

export interface TopicOverview {
  readonly name: string;
  /** On the log. */
  readonly topic: string;
  readonly cleanup: Cleanup;
  /** ms after their own times that records are deleted; null: never. */
  readonly retentionMs: number | null;
  readonly partitions: readonly PartitionOverview[];
  /** Records that each group has not processed yet; null: of some partition it is not known here. */
  readonly lag: Readonly<Record<string, number | null>>;
}

/** A consumer group, and the topics it reads, by their full names. */
export interface GroupOverview {
  readonly group: string;
  readonly reads: readonly string[];
}

export interface TopicToDescribe {
  readonly name: string;
  readonly topic: string;
  readonly cleanup: Cleanup;
}

/** The next offset that a group processes; undefined: it is not known. */
export type PositionOf = (group: string, topic: string, partition: number) => number | undefined;

/** The topics of a log that doesn't delete by itself. */
export async function describeLog(
  log: Log,
  topics: readonly TopicToDescribe[],
  groups: readonly GroupOverview[],
  positionOf: PositionOf,
): Promise<readonly TopicOverview[]> {
  const overviews: TopicOverview[] = [];
  for (const { name, topic, cleanup } of topics) {
    const partitions: PartitionOverview[] = [];
    for (let partition = 0; partition < log.partitions(topic); partition++) {
      const [first] = await log.read({ topic, partition }, 0, 1);
      const end = await log.endOffset({ topic, partition });
      partitions.push({ partition, begin: first?.offset ?? end, end });
    }
    overviews.push({
      name,
      topic,
      cleanup,
      retentionMs: null,
      partitions,
      lag: lagOf(topic, partitions, groups, positionOf),
    });
  }
  return overviews;
}

/** By group: the records of all partitions that it has not processed. */
export function lagOf(
  topic: string,
  partitions: readonly PartitionOverview[],
  groups: readonly GroupOverview[],
  positionOf: PositionOf,
): Readonly<Record<string, number | null>> {
  const lag: Record<string, number | null> = {};
  for (const { group, reads } of groups) {
    if (!reads.includes(topic)) continue;
    let sum: number | null = 0;
    for (const { partition, begin, end } of partitions) {
      const position = positionOf(group, topic, partition);
      sum = sum === null || position === undefined ? null : sum + Math.max(0, end - Math.max(begin, position));
    }
    lag[group] = sum;
  }
  return lag;
}
