// Makes the topics that are missing on a cluster, and says of the others what is not as it should be.

import { stateful, topics } from '../../api/catalogue.ts';
import type { KafkaLog } from '../../runtime/kafka/kafka-log.ts';
import { type Deviation, deviations, type TopicFound } from '../../runtime/kafka/topic-admin.ts';
import { topicConfig } from '../../runtime/kafka/topic-config.ts';
import type { TopicSpec } from '../../runtime/log.ts';
import type { Policy } from '../../schemas/policy.ts';
import { planTopics } from '../cluster.ts';

export interface CreateOptions {
  /** Of topics that are missing; undefined: as those that exist have it, else 4. */
  readonly partitions: number | undefined;
  /** Says how long records are kept. */
  readonly policy: Policy;
  /** As commands name the cluster. */
  readonly brokers: string;
}

export interface CreatedTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly cleanup: string;
  /** ms; null: for ever. */
  readonly retentionMs: number | null;
  readonly outcome: 'created' | 'there' | 'differs';
  /** Settings that are not as they should be. */
  readonly deviations: readonly Deviation[];
}

/** Throws `BadInput` where numbers of partitions can't work together: nothing is made then. */
export async function createAll(log: KafkaLog, options: CreateOptions): Promise<readonly CreatedTopic[]> {
  const { admin } = log;
  const names = topics.map(({ topic }) => topic);
  const changelogs = new Map(stateful.map((group) => [admin.changelogOf(group.group), group]));
  const before = await admin.describe([...names, ...changelogs.keys()]);
  const existing = new Map(
    names.flatMap((name) => {
      const count = before.get(name)?.partitions;
      return count === undefined ? [] : [[name, count] as const];
    }),
  );
  const specs = planTopics(existing, { ...options, filled: await filledOf(log, existing.keys()) });
  await log.createTopics(specs);
  const rows = specs.map((spec): CreatedTopic => {
    const set = before.get(spec.topic)?.config ?? topicConfig(spec);
    const kept = Number(set['retention.ms'] ?? -1);
    return {
      topic: spec.topic,
      partitions: spec.partitions,
      cleanup: set['cleanup.policy'] ?? '',
      retentionMs: spec.cleanup === 'compact' || kept < 0 ? null : kept,
      ...outcomeOf(before.get(spec.topic), spec),
    };
  });

  const counts = new Map(specs.map(({ topic, partitions }) => [topic, partitions]));
  for (const [topic, { group, reads }] of changelogs) {
    const tasks = Math.max(...reads.map((read) => counts.get(read) ?? 0));
    await log.ensureChangelog(group, tasks);
    const found = before.get(topic);
    rows.push({
      topic,
      partitions: Math.max(tasks, found?.partitions ?? 0),
      cleanup: 'compact',
      retentionMs: null,
      ...outcomeOf(found, 'changelog'),
    });
  }
  return rows;
}

function outcomeOf(
  found: TopicFound | undefined,
  wanted: TopicSpec | 'changelog',
): Pick<CreatedTopic, 'outcome' | 'deviations'> {
  if (found === undefined) return { outcome: 'created', deviations: [] };
  const differing = deviations(found, wanted);
  return { outcome: differing.length > 0 ? 'differs' : 'there', deviations: differing };
}

/** Topics of these that hold records. */
async function filledOf(log: KafkaLog, found: Iterable<string>): Promise<ReadonlySet<string>> {
  const filled = new Set<string>();
  for (const topic of found) {
    if ((await log.admin.offsets(topic)).some(({ begin, end }) => end > begin)) filled.add(topic);
  }
  return filled;
}
