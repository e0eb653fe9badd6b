// What a round is played with: campaigns, a policy, who delivers, and what the load is made of.
import { loadCampaigns } from '../../../cli/files/load-campaigns.ts';
import { loadPolicy } from '../../../cli/files/load-policy.ts';
import type { Campaign } from '../../../schemas/campaign.ts';
import { DAY_MS } from '../../../schemas/durations.ts';
import { defaultPolicy, type Policy } from '../../../schemas/policy.ts';
import type { Endpoint } from '../endpoint.ts';
import type { LoadOptions } from './load.ts';

export interface Scene {
  readonly campaigns: readonly Campaign[];
  readonly policy: Policy;
  readonly load: LoadOptions;
  /** ms. Everything that time can bring has happened by so long after the last event. */
  readonly afterwards: number;
  /** The campaign whose budget binds. Who gets the last of it follows the order in which requests reach pace. */
  readonly binding?: string;
  /** Where messages are posted, which refuses some for good; absent: the outbox takes all. */
  readonly endpoint?: Endpoint;
}

/** Deliveries succeed. */
export const plain: Scene = {
  campaigns: campaignsIn('./campaigns/'),
  policy: defaultPolicy,
  load: { users: 300, earlyDays: 3, late: true, signups: false },
  afterwards: 45 * DAY_MS,
  binding: 'order-sms',
};

/**
 * Many deliveries fail, and the message goes on to the next channel. New users come all along, each of whom asks once. No event
 * is late: by the lateness that failures need none would be.
 */
export function failing(endpoint: Endpoint): Scene {
  const { policy } = loadPolicy(pathOf('../policy-failing.yaml'));
  if (policy === null) throw new Error("the suite's policy is wrong");
  return {
    campaigns: campaignsIn('../campaigns-failing/'),
    policy,
    load: { users: 2000, earlyDays: 1, late: false, signups: true },
    afterwards: 45 * DAY_MS + policy.latenessMs,
    endpoint,
  };
}

function campaignsIn(folder: string): readonly Campaign[] {
  const { campaigns, problems } = loadCampaigns(pathOf(folder));
  if (problems.length > 0) throw new Error(`the suite's campaigns are wrong: ${JSON.stringify(problems)}`);
  return campaigns;
}

function pathOf(relative: string): string {
  return new URL(relative, import.meta.url).pathname;
}
