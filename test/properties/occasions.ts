// Worlds whose campaigns ask when a user enters or leaves a segment, or by a schedule, each of them with a budget.
import fc from 'fast-check';
import { campaignToJson } from '../../schemas/campaign.ts';
import { Definitions, POLICY_ID } from '../../schemas/definitions.ts';
import { policyToJson } from '../../schemas/policy.ts';
import { DAY } from '../oracle/common.ts';
import type { DecisionInput } from '../oracle/model.ts';
import { definitionsOf } from './engine.ts';

const SEGMENTS = {
  buyers: { metric: 'events.buy@6h', gte: 1 },
  busy: { metric: 'events@1d', gte: 2 },
  silent: { metric: 'daysSinceLastSeen', gte: 1 },
  rich: { attribute: 'plan', exists: true },
};
const TRIGGERS = [
  ...Object.keys(SEGMENTS).flatMap((segment) => [{ segment }, { segment, on: 'left' }]),
  ...['00:30', '09:00', '21:30'].map((at) => ({ schedule: { every: 'day', at } })),
  { schedule: { every: ['sunday', 'friday'], at: '12:00' } },
  { schedule: { every: 'month', day: 8, at: '10:00' } },
];
const PLENTY = { currency: 'USD', total: 1000 };
/** Schedules go on for ever; everything else has happened by then. */
const AFTER = 5 * DAY;

/** What each campaign is asked for by, round and round; undefined: as the world has it. */
export const occasions = fc.array(fc.option(fc.constantFrom(...TRIGGERS), { nil: undefined, freq: 3 }), {
  minLength: 1,
  maxLength: 5,
});

/** The input up to some days after its last record. */
export function bounded(input: DecisionInput): DecisionInput {
  const times = [
    ...input.events.map((e) => e.occurredAt),
    ...input.sendRequests.map((r) => r.requestedAt),
    ...input.profiles.map((p) => p.updatedAt),
  ];
  return { ...input, until: Math.max(...times) + AFTER };
}

/** The input's definitions with those triggers, the segments they ask for, and a budget for every campaign. */
export function withOccasions(
  input: DecisionInput,
  triggers: readonly ((typeof TRIGGERS)[number] | undefined)[],
): Definitions {
  const given = definitionsOf(input);
  const altered = new Definitions();
  for (const tenantId of given.tenants()) {
    const policy = { ...JSON.parse(policyToJson(given.policy(tenantId, 0))), segments: SEGMENTS };
    const common = { tenantId, version: 1, effectiveFrom: 0 };
    altered.apply({ ...common, campaignId: POLICY_ID, definition: JSON.stringify(policy) });
    given.campaignIds(tenantId).forEach((campaignId, i) => {
      for (const { version, effectiveFrom, definition } of given.versions(tenantId, campaignId)) {
        const file = JSON.parse(campaignToJson(definition));
        const trigger = triggers[i % triggers.length] ?? file.trigger;
        const changed = { ...file, trigger, budget: file.budget ?? PLENTY };
        altered.apply({ tenantId, campaignId, version, effectiveFrom, definition: JSON.stringify(changed) });
      }
    });
  }
  return altered;
}
