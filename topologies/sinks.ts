// The consumer groups that end in a sink.
import { allTopics, receipts, sends } from '../schemas/topics.ts';
import type { SinkTopology } from './graph.ts';

/** Calls the providers; receipts say what came of it. */
export const deliver: SinkTopology = { name: 'deliver', consumes: [sends], emits: [receipts] };

/** Writes every topic into its table. */
export const clickhouse: SinkTopology = { name: 'clickhouse', consumes: allTopics, emits: [] };
