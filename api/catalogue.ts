// Every topic there is, and every group that reads them.

import { Definitions } from '../schemas/definitions.ts';
import { allTopics, DEAD_LETTERS } from '../schemas/topics.ts';
import { engage } from '../topologies/engage.ts';
import type { SinkTopology, Topology } from '../topologies/graph.ts';
import { measure } from '../topologies/measure.ts';
import { pace } from '../topologies/pace.ts';
import { clickhouse, deliver } from '../topologies/sinks.ts';
import { REPLAY_GROUP } from './dead-letters.ts';
import { DEAD_LETTERS_NAME } from './reader.ts';
import type { GroupOverview, TopicToDescribe } from './topic-overview.ts';

const definitions = new Definitions();
const MEASURE = 'measure';

export const topologies: readonly Topology[] = [engage(definitions), pace(definitions), measure(definitions)];
const sinks: readonly SinkTopology[] = [deliver, clickhouse];

const overview = ({ name, inputs }: Topology): GroupOverview => ({
  group: name,
  reads: inputs.map(({ topic }) => topic.topic),
});

/** The first that reads a topic makes its dead letters: measure comes last, as an instance may well do without it. */
export const groups: readonly GroupOverview[] = [
  ...topologies.filter(({ name }) => name !== MEASURE).map(overview),
  ...sinks.map(({ name, consumes }) => ({ group: name, reads: consumes.map(({ topic }) => topic) })),
  ...topologies.filter(({ name }) => name === MEASURE).map(overview),
];

export const topics: readonly TopicToDescribe[] = [
  ...allTopics,
  { name: DEAD_LETTERS_NAME, topic: DEAD_LETTERS, cleanup: 'delete' },
];

/** The groups that keep state, each in a changelog of its own, and the topics whose partitions are its tasks. */
export const stateful: readonly GroupOverview[] = [...groups, { group: REPLAY_GROUP, reads: [DEAD_LETTERS] }];
