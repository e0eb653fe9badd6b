// What must hold of any run's output, whoever computed it: DESIGN's promises, counted afresh from the records alone.
import { expect } from 'vitest';
import type { BudgetVerdict, SendCommand } from '../../schemas/types.ts';
import { curveFraction } from '../oracle/budget.ts';
import { DAY, userKey } from '../oracle/common.ts';
import type { Budget, CapRule, DecisionInput } from '../oracle/model.ts';
import { dayNumber, localDay, zoneOf } from '../oracle/zones.ts';
import type { Outputs } from './engine.ts';

const COST_OF_DEAREST = 10;

export interface InvariantOptions {
  /** Requests of the input that were dropped as duplicates. */
  readonly duplicateRequests?: number;
}

/** Checks a finished run (no `until`). */
export function checkInvariants(input: DecisionInput, run: Outputs, options: InvariantOptions = {}): void {
  oneFinalDecision(input, run, options);
  capsHold(input, run);
  budgetsHold(input, run);
}

function oneFinalDecision(input: DecisionInput, run: Outputs, { duplicateRequests = 0 }: InvariantOptions): void {
  const ids = run.decisions.map((d) => d.decisionId);
  expect(new Set(ids).size).toBe(ids.length);
  const finals = run.decisions.filter((d) => d.outcome !== 'scheduled');
  // A story has one final decision for each hop, and hop 0 is the request's.
  const asked = finals.filter((d) => d.source !== 'trigger' && d.hop === 0);
  expect(asked.length).toBe(input.sendRequests.length - duplicateRequests);
  const hops = new Set(finals.map((d) => d.decisionId.replace(/final$/, '')));
  for (const d of run.decisions) expect(hops).toContain(d.decisionId.replace(/(final|scheduled)$/, ''));
  for (const { decisionId, hop } of run.decisions.filter((d) => d.hop > 0)) {
    const before = decisionId.replace(/#h\d\.\w+$/, hop === 1 ? '#' : `#h${hop - 1}.`);
    expect(hops).toContain(before);
  }
  expect(finals.filter((d) => d.outcome === 'sent').length).toBe(run.sends.length);
  expect(new Set(run.sends.map((s) => s.idempotencyKey)).size).toBe(run.sends.length);
}

/** The class of a send's campaign, which no version changes. */
function classOf(input: DecisionInput, { tenantId, campaignId }: SendCommand): string | undefined {
  return input.campaigns.find((c) => c.tenantId === tenantId && c.id === campaignId)?.class;
}

/** Sends that nobody said had failed. */
function notFailed({ receipts = [] }: DecisionInput, sends: readonly SendCommand[]): readonly SendCommand[] {
  const failed = new Set(receipts.filter((r) => r.status === 'failed').map((r) => r.sendId));
  return sends.filter(({ sendId }) => !failed.has(sendId));
}

function capsHold(input: DecisionInput, { sends }: Outputs): void {
  const counted = notFailed(input, sends).filter((send) => classOf(input, send) !== 'transactional');
  for (const [user, own] of Map.groupBy(counted, userKey)) {
    const profiles = input.profiles.filter((p) => userKey(p) === user);
    const wishes = profiles.map((p) => p.notificationFrequency ?? 'none');
    const factors = input.policy.notificationFrequency ?? {};
    const factor = Math.max(1, ...wishes.map((wish) => (wish === 'none' ? 1 : (factors[wish] ?? 1))));
    const zones = new Set(profiles.map((p) => p.timezone));
    for (const rule of input.policy.caps) {
      // Days of a user who moved have no one answer.
      if (rule.calendar && zones.size > 1) continue;
      const most = mostInAWindow(own, rule, [...zones][0] ?? null);
      if (most > 0) expect({ user, rule, most }).toSatisfy(() => most <= Math.floor(rule.max * factor));
    }
  }
}

function mostInAWindow(sends: readonly SendCommand[], rule: CapRule, timezone: string | null): number {
  const zone = zoneOf(timezone);
  const times = sends
    .filter((send) => rule.channel === undefined || send.channel === rule.channel)
    .map((send) => (rule.calendar ? dayNumber(send.dueAt, zone) * DAY : send.dueAt));
  return Math.max(0, ...times.map((end) => times.filter((t) => t > end - rule.windowMs && t <= end).length));
}

function budgetsHold(input: DecisionInput, { budget, sends }: Outputs): void {
  const held = new Map<string, BudgetVerdict[]>();
  const costs = new Map<string, number>();
  for (const record of budget) {
    const key = `${record.tenantId}/${record.campaignId}`;
    const reserved = held.get(key) ?? [];
    if ('kind' in record) {
      // A lower cost frees the difference; a higher one is an overrun.
      if (record.kind === 'correct') {
        costs.set(`${record.requestId}#${record.hop}`, record.costMicros ?? 0);
        held.set(
          key,
          reserved.map((v) =>
            v.requestId === record.requestId && v.hop === record.hop ? lowered(v, record.costMicros) : v,
          ),
        );
      } else if (record.kind === 'release')
        held.set(
          key,
          reserved.filter((v) => v.requestId !== record.requestId || v.hop !== record.hop),
        );
    } else if (record.outcome === 'reserved') {
      held.set(key, [...reserved, record]);
      const campaign = input.campaigns.find((c) => `${c.tenantId}/${c.id}` === key);
      if (campaign?.budget) withinBudget(campaign.budget, [...reserved, record], campaign.timezone);
    }
  }
  // A send that was given back could not be delivered.
  const back = new Set(budget.flatMap((r) => ('kind' in r && r.kind === 'release' ? [`${r.requestId}#${r.hop}`] : [])));
  const kept = sends.filter(({ sendId }) => !back.has(sendId));
  for (const [key, own] of Map.groupBy(kept, (send) => `${send.tenantId}/${send.campaignId}`)) {
    const campaign = input.campaigns.find((c) => `${c.tenantId}/${c.id}` === key);
    // What is reserved at the end is what was spent.
    const real = own.map((send) => lowered(send, costs.get(send.sendId) ?? null));
    if (campaign?.budget) expect(costOf(held.get(key) ?? [])).toBe(costOf(real));
  }
}

function lowered<T extends { readonly costMicros: number | null }>(record: T, actual: number | null): T {
  return { ...record, costMicros: Math.min(record.costMicros ?? 0, actual ?? Number.POSITIVE_INFINITY) };
}

function costOf(records: readonly { readonly costMicros: number | null }[]): number {
  return records.reduce((sum, { costMicros }) => sum + (costMicros ?? 0), 0);
}

function withinBudget(budget: Budget, held: readonly BudgetVerdict[], timezone: string): void {
  const { total, daily, perChannel = {}, pacing, curve = [], from = 0, to = Number.POSITIVE_INFINITY } = budget;
  const limit = (name: string, cost: number, most: number | undefined): void => {
    if (most !== undefined) expect({ name, cost, most }).toSatisfy(() => cost <= most);
  };
  limit('total', costOf(held), total);
  for (const [channel, own] of Map.groupBy(held, (v) => v.channel ?? ''))
    limit(channel, costOf(own), perChannel[channel]);
  const zone = zoneOf(timezone);
  for (const [day, own] of Map.groupBy(held, (v) => localDay(v.slotAt ?? 0, zone))) limit(day, costOf(own), daily);
  for (const { slotAt } of held) {
    expect(slotAt).toBeGreaterThanOrEqual(from);
    expect(slotAt).toBeLessThan(to);
    if (pacing === 'asap' || total === undefined || slotAt === null) continue;
    const [part, whole] = pacing === 'curve' ? curveFraction(curve, from, slotAt) : [slotAt - from, to - from];
    const burst = Math.max(Math.floor(total / 100), COST_OF_DEAREST);
    const most = (total * Number(part)) / Number(whole) + burst;
    limit('curve', costOf(held.filter((v) => (v.slotAt ?? 0) <= slotAt)), most);
  }
}

/** No send without consent at its moment. For files in order: then a change is known from its own time on. */
export function consentHolds(input: DecisionInput, { sends }: Outputs): void {
  // A receipt is read after what was due at its own instant.
  const unsubscribed = (input.receipts ?? [])
    .filter(({ status }) => status === 'unsubscribed')
    .map((r) => ({ ...r, purpose: 'all', granted: false, changedAt: r.occurredAt, knownFrom: r.occurredAt + 1 }));
  for (const send of sends) {
    const campaign = input.campaigns.find((c) => c.tenantId === send.tenantId && c.id === send.campaignId);
    const transactional = campaign?.class === 'transactional';
    const purpose = transactional ? 'transactional' : (campaign?.purpose ?? 'marketing');
    const told = input.consents.map((c) => ({ ...c, knownFrom: c.changedAt }));
    const changes = transactional ? told : [...told, ...unsubscribed];
    const known = changes.filter(
      (c) =>
        userKey(c) === userKey(send) &&
        (c.purpose === purpose || c.purpose === 'all') &&
        (c.channel === null || c.channel === send.channel) &&
        c.knownFrom <= send.dueAt,
    );
    const latest = Math.max(...known.map((c) => c.changedAt));
    const last = known.filter((c) => c.changedAt === latest);
    const consented = last.length === 0 ? transactional : last.every((c) => c.granted);
    expect({ send: send.sendId, consented }).toEqual({ send: send.sendId, consented: true });
  }
}
