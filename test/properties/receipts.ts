// What becomes of sends: random answers of providers and users, as receipts that files can hold, since the ids of sends are
// known beforehand.
import fc from 'fast-check';
import type { Receipt, SendCommand } from '../../schemas/types.ts';
import { HOUR } from '../oracle/common.ts';
import type { DecisionInput, OracleReceipt } from '../oracle/model.ts';
import { maybe, STEP } from './campaigns.ts';
import { runEngine } from './engine.ts';
import { nameOfSend } from './lines.ts';

/** One answer: its status, when it comes after the sending (ms), and how much later than that it is read. */
interface Answer {
  readonly status: Receipt['status'];
  readonly after: number;
  readonly lag: number;
  /** Micro-units; null: as it was reserved. */
  readonly cost: number | null;
}

/** The answers to one send. */
export type Fate = readonly Answer[];

const statuses: Receipt['status'][] = [
  'accepted',
  'sent',
  'unknown',
  'opened',
  'delivered',
  'delivered',
  'unsubscribed',
];

const costs = fc.option(fc.nat(12), { freq: 2 });

/** Out of order by a little, or told hours after they happened. */
const lags = fc.oneof(
  { weight: 2, arbitrary: fc.nat(STEP) },
  { weight: 1, arbitrary: fc.constantFrom(5 * HOUR, 30 * HOUR) },
);

/** Most sends fail, or are never heard of. */
export const fates: fc.Arbitrary<readonly Fate[]> = fc.array(
  fc
    .record({
      failed: maybe(fc.record({ after: times(), lag: lags, twice: fc.boolean() }), 6),
      others: fc.array(fc.record({ status: fc.constantFrom(...statuses), after: times(), lag: lags, cost: costs }), {
        maxLength: 2,
      }),
    })
    .map(({ failed, others }): Fate => {
      if (failed === undefined) return others;
      const { after, lag, twice } = failed;
      const told: Fate = [{ status: 'failed', after, lag, cost: null }];
      return [
        ...others,
        ...told,
        ...(twice ? [{ status: 'failed', after: after + STEP, lag, cost: null } as const] : []),
      ];
    }),
  { minLength: 1, maxLength: 12 },
);

function times(): fc.Arbitrary<number> {
  return fc.constantFrom(0, 1, STEP - 1, STEP, STEP + 1, HOUR, 5 * HOUR, 30 * HOUR);
}

/** How often the sends that follow from receipts are answered in turn. */
const ROUNDS = 4;

/**
 * The input with receipts of what it sends, the fates given to sends in their order, round and round. What the answers to one
 * round bring is answered in the next.
 */
export async function withReceipts(
  input: DecisionInput,
  given: readonly Fate[],
  { ordered = true }: { readonly ordered?: boolean } = {},
): Promise<DecisionInput> {
  const answered = new Set<string>();
  let receipts: { readonly receipt: OracleReceipt; readonly read: number }[] = [];
  let whole = input;
  for (let round = 0; round < ROUNDS; round++) {
    const { sends, decisions } = await runEngine(whole);
    const open = sends.filter(({ sendId }) => !answered.has(sendId));
    if (open.length === 0) break;
    for (const send of open) {
      const fate = given[answered.size % given.length] ?? [];
      answered.add(send.sendId);
      const name = nameOfSend(send, decisions);
      for (const [i, answer] of fate.entries()) {
        const receipt = { ...receiptOf(send, answer, i), send: name };
        receipts.push({ receipt, read: receipt.occurredAt + (ordered ? 0 : answer.lag) });
      }
    }
    receipts = receipts.toSorted((a, b) => a.read - b.read);
    whole = { ...input, receipts: receipts.map(({ receipt }) => receipt) };
  }
  return whole;
}

/**
 * The input, with decisions that rest on nothing that receipts teach. Where verdicts are slow, these receipts, which were made
 * beforehand, may come before their message is sent, as no real one does: decide lets them wait, the lessons are lost. What
 * sessions teach counts all the more.
 */
export function withoutAnswers(input: DecisionInput): DecisionInput {
  const { scores = { customerTypes: {}, devices: {} } } = input.policy;
  const weights = { customerType: 20, engagement: 0, device: 20, urgency: 20, timeOfDay: 40 };
  return { ...input, policy: { ...input.policy, scores: { ...scores, weights } } };
}

/** The input as one user's whose sessions are many and short, with decisions that rest on their hours alone. */
export function ofOneUser(input: DecisionInput): DecisionInput {
  const who = { tenantId: 'default', userId: 'u1' };
  const { scores = { customerTypes: {}, devices: {} } } = input.policy;
  const weights = { customerType: 0, engagement: 0, device: 0, urgency: 0, timeOfDay: 100 };
  return {
    ...input,
    events: input.events.map((event) => ({ ...event, ...who })),
    sendRequests: input.sendRequests.map((request) => ({ ...request, ...who })),
    policy: { ...input.policy, gapMs: 1000, scores: { ...scores, weights } },
  };
}

/** Fates of messages that nobody opens or unsubscribes from: consents, as all tables, wait for no verdict. */
export const unopened: fc.Arbitrary<readonly Fate[]> = fates.map((all) =>
  all.map((fate) =>
    fate.map((one) => (['opened', 'unsubscribed'].includes(one.status) ? { ...one, status: 'delivered' } : one)),
  ),
);

function receiptOf(send: SendCommand, { status, after, cost }: Answer, nth: number): Receipt {
  const { sendId, tenantId, userId, campaignId, requestId, hop, channel, dueAt } = send;
  const ids = {
    receiptId: `${sendId}:${status}:${nth}`,
    sendId,
    tenantId,
    userId,
    campaignId,
    requestId,
    hop,
    channel,
  };
  return { ...ids, status, occurredAt: dueAt + after, costMicros: cost, providerMessageId: null, error: null };
}
