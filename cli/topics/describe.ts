// The topics of a place with their records, retention and the groups that lag behind.

import { groups, topics } from '../../api/catalogue.ts';
import {
  describeLog,
  lagOf,
  type PartitionOverview,
  type PositionOf,
  type TopicOverview,
} from '../../api/topic-overview.ts';
import type { KafkaLog } from '../../runtime/kafka/kafka-log.ts';
import type { Log } from '../../runtime/log.ts';
import { askJson } from '../instance-client.ts';
import type { Place } from '../place.ts';

export async function describeTopics(place: Place): Promise<readonly TopicOverview[]> {
  if (place.kind === 'instance') {
    return (await askJson<{ readonly topics: readonly TopicOverview[] }>(place.url, '/v1/topics')).topics;
  }
  if (place.kind === 'cluster') return describeCluster(place.log);
  return describeLog(place.log, topics, groups, await positionsIn(place.log));
}

/** Of a log that nothing runs on, whose tasks may be opened. */
async function positionsIn(log: Log): Promise<PositionOf> {
  const positions = new Map<string, number>();
  for (const { group, reads } of groups) {
    const tasks = Math.max(...reads.map((topic) => log.partitions(topic)));
    for (let partition = 0; partition < tasks; partition++) {
      const task = await log.openTask(group, partition);
      for (const topic of reads) {
        if (partition >= log.partitions(topic)) continue;
        positions.set(`${group} ${topic} ${partition}`, task.position({ topic, partition }));
      }
      await task.close();
    }
  }
  return (group, topic, partition) => positions.get(`${group} ${topic} ${partition}`);
}

async function describeCluster(log: KafkaLog): Promise<readonly TopicOverview[]> {
  const { admin } = log;
  const found = await admin.describe(topics.map(({ topic }) => topic));
  const committed = new Map(
    await Promise.all(groups.map(async ({ group, reads }) => [group, await admin.committed(group, reads)] as const)),
  );
  return Promise.all(
    topics.map(async ({ name, topic, cleanup }): Promise<TopicOverview> => {
      const partitions = await admin.offsets(topic);
      const positions = new Map<string, number>();
      for (const { group, reads } of groups) {
        if (!reads.includes(topic)) continue;
        for (const range of partitions) {
          const position = committed.get(group)?.get(topic)?.get(range.partition) ?? 0;
          positions.set(`${group} ${range.partition}`, await pastMarks(log, topic, range, position));
        }
      }
      const kept = Number(found.get(topic)?.config['retention.ms'] ?? -1);
      const lag = lagOf(topic, partitions, groups, (group, _, partition) => positions.get(`${group} ${partition}`));
      return { name, topic, cleanup, retentionMs: cleanup === 'compact' || kept < 0 ? null : kept, partitions, lag };
    }),
  );
}

/** Below this many offsets it is worth a look whether any of them is a record. */
const FEW = 100;

/** Where only transactions' marks follow a position, nothing is left to process. */
async function pastMarks(
  log: KafkaLog,
  topic: string,
  { partition, begin, end }: PartitionOverview,
  position: number,
): Promise<number> {
  const at = Math.max(begin, position);
  if (at >= end || end - at > FEW) return at;
  try {
    const left = await log.read({ topic, partition }, at, FEW);
    return end - left.length;
  } catch {
    // Deleted meanwhile: what was counted stands.
    return at;
  }
}
