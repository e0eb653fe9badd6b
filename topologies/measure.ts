// measure: what followed the messages, and what followed without them in the holdout.
import { measureOutcomes } from '../processors/measure-outcomes.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { campaigns, decisions, events, outcomes, sends } from '../schemas/topics.ts';
import { defineTopology, internal, stream, type Topology } from './graph.ts';

export function measure(definitions: Definitions): Topology {
  return defineTopology({
    name: 'measure',
    keyed: 'user',
    inputs: [stream(events), internal(sends), internal(decisions)],
    globals: [campaigns],
    processors: [measureOutcomes(definitions)],
    outputs: [outcomes],
  });
}
