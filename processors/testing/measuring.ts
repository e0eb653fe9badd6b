// Messages and events as engage hands them to what measures their outcomes, without what decides them.

import { messages } from '../../schemas/cells.ts';
import type { Definitions } from '../../schemas/definitions.ts';
import { decisions, events, outcomes, receipts, sends } from '../../schemas/topics.ts';
import { defineTopology, internal, stream, type Topology } from '../../topologies/graph.ts';
import { deduplicate } from '../deduplicate.ts';
import { measureOutcomes } from '../measure-outcomes.ts';
import type { Processor } from '../processor.ts';

/** Keeps what tests seed. */
const decider: Processor = { name: 'decider', on: [], emits: [], writes: [messages] };

export function measuring(definitions: Definitions): Topology {
  return defineTopology({
    name: 'measuring',
    keyed: 'user',
    inputs: [stream(events), internal(sends), internal(decisions), internal(receipts)],
    globals: [],
    processors: [deduplicate({ outsideRequests: false }), decider, measureOutcomes(definitions)],
    outputs: [outcomes],
  });
}
