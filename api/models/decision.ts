// A decision as the API tells it: the record's fields, and in words what they come to.
import { z } from 'zod';
import type { Definitions } from '../../schemas/definitions.ts';
import type { Decision, DecisionStep } from '../../schemas/types.ts';
import { type GateContext, gateText } from '../explain/gates.ts';
import { finalText, scheduledText } from '../explain/outcome.ts';
import { instant, iso, isoOrNull } from './common.ts';

/** As keys, so that the compiler finds one that is missing. */
const OUTCOMES: Readonly<Record<Decision['outcome'], true>> = {
  scheduled: true,
  sent: true,
  blocked: true,
  expired: true,
  holdout: true,
};
const SOURCES: Readonly<Record<Decision['source'], true>> = { trigger: true, api: true, batch: true, program: true };
const VERDICTS: Readonly<Record<DecisionStep['verdict'], true>> = { pass: true, block: true };

function oneOf<K extends string>(names: Readonly<Record<K, true>>) {
  return z.enum(Object.keys(names) as [K, ...K[]]);
}

export const decisionModel = z
  .strictObject({
    decisionId: z.string(),
    requestId: z.string(),
    tenantId: z.string(),
    userId: z.string(),
    campaignId: z.string(),
    source: oneOf(SOURCES).describe('Who asked.'),
    cause: z.string().nullable().describe('The event, session or signal that triggered it.'),
    outcome: oneOf(OUTCOMES).describe('scheduled is followed by a final decision; every other outcome is final.'),
    reason: z.string().nullable().describe('Why not sent: one of a closed list.'),
    explanation: z.string().describe('The outcome in words.'),
    channel: z.string().nullable().describe('The channel chosen.'),
    fallbacks: z.array(z.string()).describe('Channels that are tried in turn where this one fails, best first.'),
    hop: z.int().describe('0 for the first channel, counting up with each fallback.'),
    variant: z.string().nullable().describe('The variant of the content, where the campaign has several.'),
    requestedAt: instant('When it was asked.'),
    decidedAt: instant('When it was decided.'),
    dueAt: instant('The moment of sending.').nullable(),
    costMicros: z.int().nullable().describe('The cost counted or reserved, in micro-units.'),
    definitionVersion: z.int().describe('Version of the campaign; 0 when there is none.'),
    steps: z
      .array(
        z.strictObject({
          gate: z.string(),
          verdict: oneOf(VERDICTS),
          facts: z.record(z.string(), z.union([z.null(), z.boolean(), z.number(), z.string()])),
          text: z.string().describe('The step in words.'),
        }),
      )
      .describe('Every gate that ran, in order.'),
  })
  .describe('What was decided on a request, and why.');

export type DecisionView = z.output<typeof decisionModel>;

/** `requestedAt`: instants of other requests, as far as they are known. */
export function viewOf(
  decision: Decision,
  definitions: Definitions,
  requestedAt: GateContext['requestedAt'] = () => undefined,
): DecisionView {
  const { tenantId, steps, outcome } = decision;
  const { currency } = definitions.policy(tenantId, decision.requestedAt);
  const told = steps.map((step) => ({
    gate: step.gate,
    verdict: step.verdict,
    facts: step.facts,
    text: gateText(step, { currency, requestedAt }),
  }));
  const blocked = told.find(({ verdict }) => verdict === 'block');
  const result = outcome === 'scheduled' ? scheduledText(decision) : finalText(decision, currency);
  return {
    decisionId: decision.decisionId,
    requestId: decision.requestId,
    tenantId,
    userId: decision.userId,
    campaignId: decision.campaignId,
    source: decision.source,
    cause: decision.cause,
    outcome,
    reason: decision.reason,
    explanation: blocked === undefined ? result : `${result}; ${blocked.text}`,
    channel: decision.channel,
    fallbacks: [...decision.fallbacks],
    hop: decision.hop,
    variant: decision.variant,
    requestedAt: iso(decision.requestedAt),
    decidedAt: iso(decision.decidedAt),
    dueAt: isoOrNull(decision.dueAt),
    costMicros: decision.costMicros,
    definitionVersion: decision.definitionVersion,
    steps: told,
  };
}
