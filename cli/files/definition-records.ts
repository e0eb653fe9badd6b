// Campaign and policy files as records of the campaigns topic.
import { type Campaign, campaignToJson } from '../../schemas/campaign.ts';
import { DEFAULT_TENANT, POLICY_ID } from '../../schemas/definitions.ts';
import { type Policy, policyToJson } from '../../schemas/policy.ts';
import type { CampaignDefinition } from '../../schemas/types.ts';

export interface RecordOptions {
  /** Absent: the default tenant. */
  readonly tenantId?: string;
  readonly version?: number;
  /** Epoch ms. */
  readonly effectiveFrom?: number;
}

/** One record for the policy and one for each campaign; by default version 1, in force since ever, of the default tenant. */
export function definitionRecords(
  campaigns: readonly Campaign[],
  policy: Policy,
  { tenantId = DEFAULT_TENANT, version = 1, effectiveFrom = 0 }: RecordOptions = {},
): readonly CampaignDefinition[] {
  const common = { tenantId, version, effectiveFrom };
  return [
    { ...common, campaignId: POLICY_ID, definition: policyToJson(policy) },
    ...campaigns.map((c) => ({ ...common, campaignId: c.id, definition: campaignToJson(c) })),
  ];
}
