// Every topic there is, and every group that reads them.

import { Definitions } from '../schemas/definitions.ts';
import { allTopics, DEAD_LETTERS } from '../schemas/topics.ts';
import { engage } from '../topologies/engage.ts';
import type { SinkTopology, Topology } from '../topologies/graph.ts';
import { pace } from '../topologies/pace.ts';
import { clickhouse, deliver } from '../topologies/sinks.ts';
import { REPLAY_GROUP } from './dead-letters.ts';
import { DEAD_LETTERS_NAME } from './reader.ts';
import type { GroupOverview, TopicToDescribe } from './topic-overview.ts';

const definitions = new Definitions();

export const topologies: readonly Topology[] = [engage(definitions), pace(definitions)];
const sinks: readonly SinkTopology[] = [deliver, clickhouse];

export const groups: readonly GroupOverview[] = [
  ...topologies.map(({ name, inputs }) => ({ group: name, reads: inputs.map(({ topic }) => topic.topic) })),
  ...sinks.map(({ name, consumes }) => ({ group: name, reads: consumes.map(({ topic }) => topic) })),
];

export const topics: readonly TopicToDescribe[] = [
  ...allTopics,
  { name: DEAD_LETTERS_NAME, topic: DEAD_LETTERS, cleanup: 'delete' },
];

/** The groups that keep state, each in a changelog of its own, and the topics whose partitions are its tasks. */
export const stateful: readonly GroupOverview[] = [...groups, { group: REPLAY_GROUP, reads: [DEAD_LETTERS] }];
