// Numbers of partitions that topologies can't run with, and the commands that mend them.

import { topologies } from '../../api/catalogue.ts';
import { publishable } from '../../api/publisher.ts';
import { DEAD_LETTERS } from '../../schemas/topics.ts';

export interface PartitionCounts {
  /** Of the topics that exist or shall be made, by full name. */
  readonly counts: ReadonlyMap<string, number>;
  /** Topics that hold records; undefined: it is not known, so all may. */
  readonly filled?: ReadonlySet<string> | undefined;
  /** As commands name the cluster. */
  readonly brokers: string;
}

/**
 * Where a topology's inputs differ: its task N reads partition N of each, so a user's records must lie in the same partition
 * of all. And a dead letter goes to the partition of the number that it came from, so there must be as many. A line each, that
 * ends with the command to run.
 */
export function partitionProblems({ counts, filled, brokers }: PartitionCounts): readonly string[] {
  const problems: string[] = [];
  const mends = { filled, brokers };
  for (const { name, inputs } of topologies) {
    const found = inputs.flatMap(({ topic }) => {
      const count = counts.get(topic.topic);
      return count === undefined ? [] : [{ topic: topic.topic, short: topic.name, count }];
    });
    const wanted = usual(found.map(({ count }) => count));
    for (const { topic, short, count } of found) {
      if (wanted === undefined || count === wanted) continue;
      const what = `topic ${topic} has ${count} partitions, and the other inputs of ${name} have ${wanted}`;
      problems.push(`${what}: ${mendOf(topic, short, count, wanted, mends)}`);
    }
  }
  if (problems.length > 0) return problems;
  const letters = counts.get(DEAD_LETTERS);
  const most = Math.max(0, ...[...counts].filter(([topic]) => topic !== DEAD_LETTERS).map(([, count]) => count));
  if (letters !== undefined && letters < most) {
    const grow = `kafka-topics.sh --bootstrap-server ${brokers} --alter --topic ${DEAD_LETTERS} --partitions ${most}`;
    problems.push(
      `topic ${DEAD_LETTERS} has ${letters} partitions, fewer than the ${most} of another: run \`${grow}\``,
    );
  }
  return problems;
}

/** The number that most of them are; of several, the one that comes first. */
function usual(counts: readonly number[]): number | undefined {
  const times = (count: number): number => counts.filter((c) => c === count).length;
  return [...counts].sort((a, b) => times(b) - times(a))[0];
}

function mendOf(
  topic: string,
  short: string,
  count: number,
  wanted: number,
  { filled, brokers }: Pick<PartitionCounts, 'filled' | 'brokers'>,
): string {
  const kafkaTopics = `kafka-topics.sh --bootstrap-server ${brokers}`;
  const anew = `${kafkaTopics} --delete --topic ${topic} && beckon topics create --partitions ${wanted}`;
  if (filled !== undefined && !filled.has(topic)) {
    const grow = `${kafkaTopics} --alter --topic ${topic} --partitions ${wanted}`;
    return `it is empty, so run \`${count < wanted ? grow : anew}\``;
  }
  if (publishable.some((own) => own.topic === topic)) {
    const file = `${short}.ndjson`;
    const copy = `beckon topics read ${short} > ${file} && ${anew} && beckon publish ${short} --file ${file}`;
    return `stop every instance and run \`${copy}\``;
  }
  return `once \`beckon topics describe\` shows no lag, stop every instance and run \`${anew}\``;
}
