// What budgets come to, from the topics alone: every failure is given back once and followed by the next channel, every
// delivery is spent once, and the ledger that pace keeps is what is left.
import type { BudgetVerdict, Candidate, Decision, Receipt } from '../../schemas/types.ts';

export interface Ledger {
  readonly reserved: number;
  readonly spent: number;
  readonly overrun: number;
  readonly messages: number;
  readonly spentMessages: number;
}

export interface Told {
  readonly candidates: readonly Candidate[];
  readonly verdicts: readonly BudgetVerdict[];
  readonly decisions: readonly Decision[];
  /** Each once. */
  readonly receipts: readonly Receipt[];
}

const hopOf = ({ requestId, hop }: { readonly requestId: string; readonly hop: number }): string =>
  `${requestId}#${hop}`;

/** The campaign's ledger as the topics tell it. */
function ledgerOf(campaignId: string, { candidates, verdicts }: Told): Ledger {
  const own = candidates.filter((c) => c.campaignId === campaignId);
  const ofKind = (kind: Candidate['kind']): Map<string, Candidate> =>
    new Map(own.filter((c) => c.kind === kind).map((c) => [hopOf(c), c]));
  const [released, corrected, spent] = [ofKind('release'), ofKind('correct'), ofKind('spent')];
  const ledger = { reserved: 0, spent: 0, overrun: 0, messages: 0, spentMessages: 0 };
  for (const verdict of verdicts) {
    if (verdict.campaignId !== campaignId || verdict.outcome !== 'reserved' || released.has(hopOf(verdict))) continue;
    const cost = verdict.costMicros ?? 0;
    const actual = corrected.get(hopOf(verdict))?.costMicros ?? cost;
    ledger.reserved += Math.min(cost, actual);
    ledger.overrun += Math.max(0, actual - cost);
    ledger.messages++;
    if (!spent.has(hopOf(verdict))) continue;
    ledger.spent += actual;
    ledger.spentMessages++;
  }
  return ledger;
}

/** What is lost or doubled between receipts, candidates and decisions of the campaign. */
function moneyProblems(campaignId: string, told: Told): string[] {
  const problems: string[] = [];
  const counted = (kind: Candidate['kind']): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const c of told.candidates)
      if (c.kind === kind && c.campaignId === campaignId) counts.set(hopOf(c), (counts.get(hopOf(c)) ?? 0) + 1);
    return counts;
  };
  const [released, spent] = [counted('release'), counted('spent')];
  const decided = new Set(told.decisions.map((d) => d.decisionId));
  for (const { sendId, hop, status, campaignId: of } of told.receipts) {
    if (of !== campaignId) continue;
    const [wanted, other] = status === 'failed' ? [released, spent] : [spent, released];
    if (wanted.get(sendId) !== 1)
      problems.push(`${sendId} ${status}, and is told to pace ${wanted.get(sendId) ?? 0} times`);
    if (other.has(sendId)) problems.push(`${sendId} ${status}, and pace is told otherwise`);
    const story = sendId.slice(0, sendId.lastIndexOf('#'));
    const follows = decided.has(`${story}#h${hop + 1}.final`);
    if (status !== 'failed' && follows) problems.push(`${sendId} ${status}, and yet another channel is tried`);
    if (status === 'failed' && hop === 0 && !follows) problems.push(`${sendId} failed, and no other channel is tried`);
  }
  return problems;
}

/** What pace keeps of a campaign, by the instance that runs its task. Throws when the instance does not. */
export async function ledgerAt(url: string, campaignId: string): Promise<Ledger> {
  const response = await fetch(`${url}/v1/state?topology=pace&id=${campaignId}`);
  if (!response.ok) throw new Error(`the ledger of ${campaignId}: ${await response.text()}`);
  const { cells } = (await response.json()) as State;
  const { reserved, spent, overrun, messages, spentMessages } = cells['budget-ledger'];
  return { reserved, spent, overrun, messages, spentMessages };
}

interface State {
  readonly cells: { readonly 'budget-ledger': Ledger };
}

/** Whether what pace keeps is what the topics come to, and what is wrong in them. */
export function ledgerProblems(campaignId: string, kept: Ledger, told: Told): string[] {
  const wanted = JSON.stringify(ledgerOf(campaignId, told));
  const found = JSON.stringify(kept);
  const differs = found === wanted ? [] : [`pace keeps ${found} of ${campaignId}, the topics come to ${wanted}`];
  return [...differs, ...moneyProblems(campaignId, told)];
}
