// Campaigns and policy on the log: what is there, and publishing what is new or changed.
import { readTopic } from '../api/reader.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Serde } from '../runtime/serde.ts';
import type { Campaign } from '../schemas/campaign.ts';
import { DEFAULT_TENANT, Definitions, POLICY_ID } from '../schemas/definitions.ts';
import type { Policy } from '../schemas/policy.ts';
import { campaigns } from '../schemas/topics.ts';
import type { CampaignDefinition } from '../schemas/types.ts';
import { definitionRecords } from './files/definition-records.ts';

export interface KnownDefinitions {
  readonly definitions: Definitions;
  /** The newest version of each, by its key. */
  readonly newest: ReadonlyMap<string, CampaignDefinition>;
}

/** All that is on the log. */
export async function readDefinitions(log: Log, serde: Serde): Promise<KnownDefinitions> {
  const definitions = new Definitions();
  const newest = new Map<string, CampaignDefinition>();
  for await (const records of readTopic(log, serde, campaigns)) {
    for (const record of records) {
      definitions.apply(record);
      newest.set(campaigns.keyOf(record), record);
    }
  }
  return { definitions, newest };
}

/** What holds for a tenant at the end of time: the newest policy. That of the default tenant is also the installation's. */
export function newestPolicy(definitions: Definitions, tenantId: string = DEFAULT_TENANT): Policy {
  return definitions.policy(tenantId, Number.MAX_SAFE_INTEGER);
}

export interface WantedDefinitions {
  /** Whose they are. */
  readonly tenantId: string;
  readonly campaigns: readonly Campaign[];
  /**
   * Undefined: the policy on the log stays. Where the default tenant has none, the built-in one is published; another tenant
   * without one has the default tenant's.
   */
  readonly policy: Policy | undefined;
  readonly time: 'wall' | 'events';
  /** Epoch ms from which changes are in force; absent: live from now on, else since ever. */
  readonly effectiveFrom?: number | undefined;
}

/** What is new or changed, as its next version. */
export function changedDefinitions(
  { definitions, newest }: KnownDefinitions,
  { tenantId, campaigns: wanted, policy, time, effectiveFrom: asked }: WantedDefinitions,
): readonly CampaignDefinition[] {
  return definitionRecords(wanted, policy ?? newestPolicy(definitions, tenantId), { tenantId }).flatMap((record) => {
    const known = newest.get(campaigns.keyOf(record));
    const isPolicy = record.campaignId === POLICY_ID;
    // A tenant without a policy of its own has that of the default tenant.
    const isKept = isPolicy && policy === undefined && (known !== undefined || tenantId !== DEFAULT_TENANT);
    if (isKept || known?.definition === record.definition) return [];
    const version = (known?.version ?? 0) + 1;
    const isFirst = known === undefined && !(isPolicy && definitions.policyVersions(tenantId).length > 0);
    // Live, a change holds from now on; where time follows old records, and for what replaces nothing, it always did.
    const from = asked ?? (isFirst || time === 'events' ? 0 : systemClock.now());
    // A version from before its predecessor would never be in force after that one.
    return [{ ...record, version, effectiveFrom: Math.max(from, known?.effectiveFrom ?? 0) }];
  });
}

/** Publishes what is new or changed as its next version, applies it to what is known, and resolves to it. */
export async function publishDefinitions(
  log: Log,
  serde: Serde,
  known: KnownDefinitions,
  wanted: WantedDefinitions,
): Promise<readonly CampaignDefinition[]> {
  const published = changedDefinitions(known, wanted);
  for (const next of published) {
    await log.append([serde.encode(campaigns, next, log.partitions(campaigns.topic))]);
    known.definitions.apply(next);
  }
  return published;
}
