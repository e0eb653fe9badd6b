// Campaigns and policies in force: the compiled form of the campaigns topic, which every instance reads whole.
import { type Campaign, campaignFromJson } from './campaign.ts';
import { DAY_MS } from './durations.ts';
import { compareBytes } from './order.ts';
import { defaultPolicy, type Policy, policyFromJson } from './policy.ts';
import type { Parsed } from './problems.ts';
import type { CampaignDefinition } from './types.ts';

/** The id under which the policy travels on the campaigns topic. */
export const POLICY_ID = 'policy';

/** Of records that name none. Its policy is also that of tenants without one of their own. */
export const DEFAULT_TENANT = 'default';

export interface InForce<T> {
  readonly version: number;
  readonly effectiveFrom: number;
  readonly definition: T;
}

export class Definitions {
  /** By tenant, then by id: asked several times for each decision, so no key is put together. */
  readonly #campaigns = new Map<string, Map<string, InForce<Campaign>[]>>();
  readonly #policies = new Map<string, InForce<Policy>[]>();
  readonly #byTenant = new Map<string, readonly string[]>();
  /** What holds for a tenant, as `policyVersions` tells it. */
  readonly #policiesFor = new Map<string, readonly InForce<Policy>[]>();
  readonly #horizons = new Map<string, number>();
  /** Whether engagement is learned, in the span of time in which no version takes over from another. */
  readonly #learns = new Map<string, { readonly from: number; readonly until: number; readonly value: boolean }>();
  #revision = 0;

  /** Takes a record of the campaigns topic. Throws when the definition does not parse. */
  apply(record: CampaignDefinition): void {
    const { tenantId, campaignId, version, effectiveFrom } = record;
    if (campaignId === POLICY_ID) {
      const definition = taken(policyFromJson(record.definition));
      insert(this.#policies, tenantId, { version, effectiveFrom, definition });
    } else {
      const definition = taken(campaignFromJson(record.definition));
      if (!this.knows(tenantId, campaignId)) {
        this.#byTenant.set(tenantId, [...this.campaignIds(tenantId), campaignId].sort(compareBytes));
      }
      let campaigns = this.#campaigns.get(tenantId);
      if (campaigns === undefined) {
        campaigns = new Map();
        this.#campaigns.set(tenantId, campaigns);
      }
      insert(campaigns, campaignId, { version, effectiveFrom, definition });
    }
    this.#revision++;
    this.#policiesFor.clear();
    this.#horizons.clear();
    this.#learns.clear();
  }

  /** Grows with every change, so that what is derived from the definitions can be made again. */
  get revision(): number {
    return this.#revision;
  }

  /** Some version of the campaign is known. */
  knows(tenantId: string, campaignId: string): boolean {
    return this.#campaigns.get(tenantId)?.has(campaignId) ?? false;
  }

  /** The campaign's newest version with effectiveFrom <= time. */
  campaign(tenantId: string, campaignId: string, time: number): InForce<Campaign> | undefined {
    return inForce(this.#campaigns.get(tenantId)?.get(campaignId), time);
  }

  /**
   * The policy's newest version with effectiveFrom <= time. A tenant has that of the default tenant until the first of its own
   * is in force; where there is none either, the built-in one holds.
   */
  policy(tenantId: string, time: number): Policy {
    const versions = this.policyVersions(tenantId);
    // Asked several times for each event: the newest version is nearly always the one.
    const newest = versions[0];
    if (newest !== undefined && newest.effectiveFrom <= time) return newest.definition;
    return inForce(versions, time)?.definition ?? defaultPolicy;
  }

  /** Every known version of a campaign, newest first. */
  versions(tenantId: string, campaignId: string): readonly InForce<Campaign>[] {
    return this.#campaigns.get(tenantId)?.get(campaignId) ?? [];
  }

  /** How far behind the watermark, in ms, a cap or dedupe window may reach: the longest one, from a request about to expire. */
  horizonMs(tenantId: string): number {
    let horizon = this.#horizons.get(tenantId);
    if (horizon === undefined) {
      // The default policy is in force until the first of the tenant's own.
      const policies = [defaultPolicy, ...this.policyVersions(tenantId).map((p) => p.definition)];
      const caps = policies.flatMap((p) => p.caps.map((c) => c.windowMs + (c.calendar ? DAY_MS : 0)));
      const campaigns = this.campaignIds(tenantId).flatMap((id) =>
        this.versions(tenantId, id).map((v) => v.definition),
      );
      const windows = Math.max(DAY_MS, ...caps, ...campaigns.map((c) => c.dedupe.windowMs));
      horizon = windows + Math.max(0, ...campaigns.map((c) => c.schedule.expiresAfterMs));
      this.#horizons.set(tenantId, horizon);
    }
    return horizon;
  }

  /** Tenants that have campaigns or a policy, in byte order. */
  tenants(): readonly string[] {
    return [...new Set([...this.#byTenant.keys(), ...this.#policies.keys()])].sort(compareBytes);
  }

  /** Every known version of the policy that holds for the tenant, newest first; none: the built-in one holds. */
  policyVersions(tenantId: string): readonly InForce<Policy>[] {
    let versions = this.#policiesFor.get(tenantId);
    if (versions === undefined) {
      const own = this.#policies.get(tenantId) ?? [];
      const first = own.at(-1)?.effectiveFrom ?? Number.POSITIVE_INFINITY;
      const inherited = tenantId === DEFAULT_TENANT ? [] : (this.#policies.get(DEFAULT_TENANT) ?? []);
      versions = [...own, ...inherited.filter(({ effectiveFrom }) => effectiveFrom < first)];
      this.#policiesFor.set(tenantId, versions);
    }
    return versions;
  }

  /** Whether the tenant has a policy of its own. */
  hasPolicy(tenantId: string): boolean {
    return this.#policies.has(tenantId);
  }

  /** Whether some campaign that is active at the time uses what is learned of users: it has several channels, or best hours. */
  learns(tenantId: string, time: number): boolean {
    let known = this.#learns.get(tenantId);
    if (known === undefined || time < known.from || time >= known.until) {
      const all = this.campaignIds(tenantId);
      const starts = all.flatMap((id) => this.versions(tenantId, id).map((v) => v.effectiveFrom));
      known = {
        from: Math.max(Number.NEGATIVE_INFINITY, ...starts.filter((from) => from <= time)),
        until: Math.min(Number.POSITIVE_INFINITY, ...starts.filter((from) => from > time)),
        value: all.some((id) => isChoosy(this.campaign(tenantId, id, time)?.definition)),
      };
      this.#learns.set(tenantId, known);
    }
    return known.value;
  }

  /** Ids of the tenant's campaigns, in byte order. */
  campaignIds(tenantId: string): readonly string[] {
    return this.#byTenant.get(tenantId) ?? [];
  }
}

function isChoosy(campaign: Campaign | undefined): boolean {
  if (campaign === undefined || campaign.status !== 'active') return false;
  return campaign.channels.length > 1 || campaign.schedule.sendTime === 'best';
}

function insert<T>(all: Map<string, InForce<T>[]>, key: string, version: InForce<T>): void {
  const others = (all.get(key) ?? []).filter((v) => v.version !== version.version);
  all.set(
    key,
    [...others, version].sort((a, b) => b.effectiveFrom - a.effectiveFrom || b.version - a.version),
  );
}

function inForce<T>(versions: readonly InForce<T>[] | undefined, time: number): InForce<T> | undefined {
  if (versions === undefined) return undefined;
  for (const version of versions) if (version.effectiveFrom <= time) return version;
  return undefined;
}

function taken<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Error(parsed.problems.map((p) => `${p.path}: ${p.reason}; ${p.mend}`).join('\n'));
}
