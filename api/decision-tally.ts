// Decisions as Prometheus counts them.
import type { Tally } from '../runtime/metrics.ts';
import { decisions } from '../schemas/topics.ts';
import type { Decision } from '../schemas/types.ts';

/** By outcome and reason (empty without one): both are closed lists. */
export const decisionTally: Tally = {
  topic: decisions,
  name: 'decisions_total',
  help: 'Decisions on the log, by outcome and reason.',
  labelNames: ['outcome', 'reason'],
  labels: (value) => {
    const { outcome, reason } = value as Decision;
    return { outcome, reason: reason ?? '' };
  },
};
