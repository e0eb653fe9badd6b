// How topics are set up on a cluster, by what they are for.
import { campaigns, DEAD_LETTERS } from '../../schemas/topics.ts';
import type { TopicSpec } from '../log.ts';
import { DELETE_RETENTION_MS } from './restore.ts';

/** Settings of a topic by the names that Kafka has for them. */
export type TopicConfig = Readonly<Record<string, string>>;

const CHANGELOG_SEGMENT_BYTES = 64 << 20;
const DAY_MS = 24 * 3600 * 1000;

/**
 * Records carry their events' times, whatever the cluster's default is, and with `--time events` these may be any; a broker
 * refuses what is an hour ahead of it.
 */
const EVENT_TIME: TopicConfig = {
  'message.timestamp.type': 'CreateTime',
  'message.timestamp.after.max.ms': '9223372036854775807',
};

const FOR_EVER: TopicConfig = { 'retention.ms': '-1', 'retention.bytes': '-1' };

const CLEANUP: Readonly<Record<TopicSpec['cleanup'], TopicConfig>> = {
  delete: { 'cleanup.policy': 'delete', ...FOR_EVER },
  compact: { 'cleanup.policy': 'compact' },
  retain: { 'cleanup.policy': 'delete', ...FOR_EVER },
};

/**
 * A campaign's version is needed until the next one is in force, and while requests from before are decided. Records carry
 * the time from which they are in force, and compaction compares with that: a version that takes effect later, or took effect
 * less than this ago, keeps the ones before it from being compacted away.
 */
const VERSIONS_KEPT: TopicConfig = { 'min.compaction.lag.ms': String(30 * DAY_MS) };

/** A dead letter is a whole input, which may be as large as a broker takes (1 MB), and headers that say why it is there. */
const ROOM_FOR_HEADERS: TopicConfig = { 'max.message.bytes': String(8 << 20) };

/** A row of state may hold what waits of several inputs, each of them as large as a broker takes (1 MB). */
const ROOM_FOR_ROWS: TopicConfig = { 'max.message.bytes': String(16 << 20) };

const OF_TOPIC: Readonly<Record<string, TopicConfig>> = {
  [campaigns.topic]: VERSIONS_KEPT,
  [DEAD_LETTERS]: ROOM_FOR_HEADERS,
};

/** The retention of a compacted topic is of no account: it keeps the newest record of each key. */
export function topicConfig({ topic, cleanup, retentionMs }: TopicSpec): TopicConfig {
  const kept = retentionMs === undefined || cleanup === 'compact' ? {} : { 'retention.ms': String(retentionMs) };
  return { ...CLEANUP[cleanup], ...kept, ...OF_TOPIC[topic], ...EVENT_TIME };
}

export const CHANGELOG_CONFIG: TopicConfig = {
  'cleanup.policy': 'compact',
  'delete.retention.ms': String(DELETE_RETENTION_MS),
  'segment.bytes': String(CHANGELOG_SEGMENT_BYTES),
  ...ROOM_FOR_ROWS,
};

/** The changelog of a group's tasks. */
export function changelogOf(app: string, group: string): string {
  return `${app}.${group}.changelog`;
}

/** The consumer group of a group of tasks. */
export function consumerGroupOf(app: string, group: string): string {
  return `${app}.${group}`;
}
