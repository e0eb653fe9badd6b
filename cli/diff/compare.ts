// Two simulations over the same files: who gets a message in one and not in the other, and what it costs.
import { type Campaign, campaignToJson } from '../../schemas/campaign.ts';
import type { Digest, Request } from './digest.ts';

/** A count before and after. */
export interface Change {
  readonly before: number;
  readonly after: number;
}

/** One user's messages of one campaign, where there are more or fewer of them. */
export interface Moved {
  /** `tenantId/userId`. */
  readonly user: string;
  readonly campaignId: string;
  /** Messages gained; below zero: lost. */
  readonly messages: number;
  /** Why each was not sent in the other run; in the order in which they were asked for. */
  readonly reasons: readonly string[];
}

export interface CampaignChange {
  readonly definition: 'same' | 'changed' | 'new' | 'gone';
  readonly messages: Change;
  /** Micro-units of the policy's currency. */
  readonly spendMicros: Change;
  readonly gained: Shift;
  readonly lost: Shift;
}

export interface Shift {
  readonly users: number;
  readonly messages: number;
  /** Why the messages were not sent in the other run. */
  readonly reasons: Readonly<Record<string, number>>;
}

export interface Difference {
  readonly campaigns: Readonly<Record<string, CampaignChange>>;
  /** Requests that sent nothing, by reason. */
  readonly reasons: Readonly<Record<string, Change>>;
  /** Blocks by a frequency cap, by its rule. */
  readonly caps: Readonly<Record<string, Change>>;
  /** Messages by day (UTC). */
  readonly days: Readonly<Record<string, Change>>;
  /** Every user with more or fewer messages, in order. */
  readonly users: readonly Moved[];
}

/** A message that the other run did not ask for at all; beside the closed list of reasons. */
export const NOT_ASKED = 'not-asked';
/** A message of a campaign that the other run did not have. */
export const NO_CAMPAIGN = 'no-campaign';

export interface Side {
  readonly campaigns: readonly Campaign[];
  readonly digest: Digest;
}

export function compare(before: Side, after: Side): Difference {
  const users = [...moved(before.digest, after, 'lost'), ...moved(after.digest, before, 'gained')].sort(
    (a, b) => order(a.user, b.user) || order(a.campaignId, b.campaignId),
  );
  const ids = new Set(
    [before, after].flatMap(({ campaigns, digest }) => [...campaigns.map(({ id }) => id), ...digest.sent.keys()]),
  );
  const change = (of: (digest: Digest) => ReadonlyMap<string, number>, name: string): Change => ({
    before: of(before.digest).get(name) ?? 0,
    after: of(after.digest).get(name) ?? 0,
  });
  const all = (of: (digest: Digest) => ReadonlyMap<string, number>): Record<string, Change> => {
    const names = new Set([...of(before.digest).keys(), ...of(after.digest).keys()]);
    return Object.fromEntries([...names].sort(order).map((name) => [name, change(of, name)]));
  };
  const byCampaign = Map.groupBy(users, ({ campaignId }) => campaignId);
  return {
    campaigns: Object.fromEntries(
      [...ids].sort(order).map((id): [string, CampaignChange] => {
        const own = byCampaign.get(id) ?? [];
        return [
          id,
          {
            definition: definitionChange(id, before.campaigns, after.campaigns),
            messages: change(({ sent }) => sent, id),
            spendMicros: change(({ spend }) => spend, id),
            gained: shiftOf(own.filter(({ messages }) => messages > 0)),
            lost: shiftOf(own.filter(({ messages }) => messages < 0)),
          },
        ];
      }),
    ),
    reasons: all(({ reasons }) => reasons),
    caps: all(({ caps }) => caps),
    days: all(({ days }) => days),
    users,
  };
}

/** Users and campaigns with more messages in `one` than in `other`. */
function moved(one: Digest, { digest: other, campaigns }: Side, direction: 'gained' | 'lost'): readonly Moved[] {
  const known = new Set(campaigns.map(({ id }) => id));
  const difference = new Map<string, number>();
  const count = ({ requests }: Digest, sign: 1 | -1): void => {
    for (const request of requests.values()) {
      if (request.sent === 0) continue;
      const name = pairOf(request);
      difference.set(name, (difference.get(name) ?? 0) + sign * request.sent);
    }
  };
  count(one, 1);
  count(other, -1);
  // Of the requests that only one of the runs answered, as many as make the difference say why.
  const reasons = new Map<string, { readonly request: Request; readonly all: string[] }>();
  for (const [id, request] of one.requests) {
    const name = pairOf(request);
    const rest = (difference.get(name) ?? 0) - (reasons.get(name)?.all.length ?? 0);
    const counterpart = other.requests.get(id);
    const only = request.sent - (counterpart?.sent ?? 0);
    if (rest <= 0 || only <= 0) continue;
    const found = reasons.get(name) ?? { request, all: [] };
    reasons.set(name, found);
    const unasked = known.has(request.campaignId) ? NOT_ASKED : NO_CAMPAIGN;
    const reason = counterpart === undefined ? unasked : (counterpart.reason ?? 'scheduled');
    found.all.push(...Array.from({ length: Math.min(rest, only) }, () => reason));
  }
  return [...reasons.values()].map(({ request: { user, campaignId }, all }) => ({
    user,
    campaignId,
    messages: direction === 'gained' ? all.length : -all.length,
    reasons: all,
  }));
}

function pairOf({ user, campaignId }: Request): string {
  return `${campaignId}|${user}`;
}

function shiftOf(moves: readonly Moved[]): Shift {
  const reasons = new Map<string, number>();
  for (const { reasons: all } of moves) for (const reason of all) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  return {
    users: moves.length,
    messages: moves.reduce((sum, { messages }) => sum + Math.abs(messages), 0),
    reasons: Object.fromEntries([...reasons].sort(([a], [b]) => order(a, b))),
  };
}

function definitionChange(
  id: string,
  before: readonly Campaign[],
  after: readonly Campaign[],
): CampaignChange['definition'] {
  const [one, other] = [before, after].map((all) => all.find((campaign) => campaign.id === id));
  if (other === undefined) return 'gone';
  if (one === undefined) return 'new';
  return campaignToJson(one) === campaignToJson(other) ? 'same' : 'changed';
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
