// pace: reserves budget and send slots, campaign by campaign.
import { paceBudget } from '../processors/pace-budget.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { campaigns, candidates, verdicts } from '../schemas/topics.ts';
import { clocked, defineTopology, type Topology } from './graph.ts';

export function pace(definitions: Definitions): Topology {
  return defineTopology({
    name: 'pace',
    keyed: 'campaign',
    inputs: [clocked(candidates)],
    globals: [campaigns],
    processors: [paceBudget(definitions)],
    outputs: [verdicts],
  });
}
