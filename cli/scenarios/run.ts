// Runs a scenario on the real topologies under virtual time, and compares what became of its requests with what was expected.
import { Pipeline } from '../../runtime/pipeline.ts';
import type { Campaign } from '../../schemas/campaign.ts';
import { Definitions } from '../../schemas/definitions.ts';
import type { Policy } from '../../schemas/policy.ts';
import { type Unmatched, unmatched } from '../../schemas/streams.ts';
import { decisions, receipts, sends } from '../../schemas/topics.ts';
import type { Decision, DecisionStep, Receipt, SendCommand } from '../../schemas/types.ts';
import { engage } from '../../topologies/engage.ts';
import { pace } from '../../topologies/pace.ts';
import { collect } from '../explain/collect.ts';
import { definitionRecords } from '../files/definition-records.ts';
import type { GivenReceipt, Scenario } from './load.ts';
import type { Expected } from './model.ts';
import { isMeant } from './moments.ts';

/** What became of a request: a message that was sent, one that is still to be, or none. */
export interface Actual {
  readonly campaignId: string;
  readonly kind: Expected['kind'];
  readonly channel: string | null;
  /** Epoch ms of the sending, or of the decision. */
  readonly at: number;
  readonly variant: string | null;
  readonly reason: string | null;
  /** Of a message that was sent. */
  readonly content: SendCommand['content'];
  readonly steps: readonly DecisionStep[];
}

/** One line of the comparison. Neither is null where both agree. */
export interface Line {
  readonly expected: Expected | null;
  readonly actual: Actual | null;
}

export interface Outcome {
  readonly scenario: Scenario;
  readonly passed: boolean;
  readonly lines: readonly Line[];
  /** Why triggers of the scenario's campaign made no request. */
  readonly missed: readonly Unmatched[];
  /** What went wrong beside the expectations, in words. */
  readonly faults: readonly string[];
}

export function runScenario(scenario: Scenario, campaigns: readonly Campaign[], policy: Policy): Outcome {
  const definitions = new Definitions();
  const { tenantId } = scenario;
  for (const record of definitionRecords(campaigns, policy, { tenantId })) definitions.apply(record);
  const missed: Unmatched[] = [];
  const decided: Decision[] = [];
  const sent: SendCommand[] = [];
  const faults: string[] = [];
  const explain = collect(unmatched, (value) => missed.push(value));
  const pipeline = new Pipeline({
    topologies: [engage(definitions, { explain }), pace(definitions)],
    lateness: scenario.latenessMs,
    onOutput: (topic, value) => {
      if (topic === decisions) decided.push(value as Decision);
      else if (topic === sends) sent.push(value as SendCommand);
    },
    onFailure: (where, { message }) => faults.push(`a processor failed on ${where}: ${message}`),
  });
  faults.push(...play(scenario, pipeline, sent));

  const named = new Set([scenario.campaignId, ...scenario.expected.flatMap(({ campaign }) => campaign ?? [])]);
  const lines = aligned(
    scenario,
    actualOf(decided, sent).filter(({ campaignId }) => named.has(campaignId)),
  );
  return {
    scenario,
    lines,
    faults,
    passed: faults.length === 0 && lines.every(({ expected, actual }) => expected !== null && actual !== null),
    missed: missed.filter(({ campaignId }) => campaignId === scenario.campaignId),
  };
}

/** Gives the pipeline everything at its time. `sent` grows meanwhile. Returns what could not be taken. */
function play(
  { records, receipts: answers, until }: Scenario,
  pipeline: Pipeline,
  sent: readonly SendCommand[],
): readonly string[] {
  const faults: string[] = [];
  const rest = [...answers];
  const answer = (before: number): void => {
    for (let next = rest[0]; next !== undefined && next.at <= before; next = rest[0]) {
      rest.shift();
      // It may be for a message of its own instant.
      pipeline.advance(next.at + 1);
      const receipt = receiptOf(next, sent);
      if (receipt === undefined) faults.push(`no message was sent that the receipt ${next.status} could be for`);
      else pipeline.pipe(receipts, receipt);
    }
  };
  for (const { at, topic, value } of records) {
    answer(at - 1);
    pipeline.advance(at);
    const fate = pipeline.pipe(topic, value);
    if (typeof fate === 'object') faults.push(`a record of ${topic.name} was refused: ${fate.message}`);
    else if (fate !== 'processed') faults.push(`a record of ${topic.name} came ${fate === 'late' ? 'late' : 'twice'}`);
  }
  answer(until);
  // A timer fires once time is past it.
  pipeline.advance(until + 1);
  return faults;
}

function receiptOf({ at, status, message, error }: GivenReceipt, sent: readonly SendCommand[]): Receipt | undefined {
  const send = message === null ? sent.at(-1) : sent[message - 1];
  if (send === undefined) return undefined;
  const { sendId, tenantId, userId, campaignId, requestId, hop, channel } = send;
  const ids = { receiptId: `${sendId}:${status}`, sendId, tenantId, userId, campaignId, requestId, hop, channel };
  return { ...ids, status, occurredAt: at, costMicros: null, providerMessageId: null, error };
}

/** For each request, in the order of the first word about it: its messages, else what was decided last. */
function actualOf(decided: readonly Decision[], sent: readonly SendCommand[]): readonly Actual[] {
  const nameOf = ({ campaignId, requestId }: Decision | SendCommand): string => `${campaignId}|${requestId}`;
  const stories = Map.groupBy(decided, nameOf);
  const messages = Map.groupBy(sent, nameOf);
  return [...stories].flatMap(([name, story]): Actual[] => {
    const last = story.at(-1) as Decision;
    const own = (messages.get(name) ?? []).map((send): Actual => {
      const { campaignId, channel, dueAt, variant, content } = send;
      const about = story.findLast((one) => one.outcome === 'sent' && one.channel === channel) ?? last;
      return { campaignId, kind: 'sent', channel, at: dueAt, variant, reason: null, content, steps: about.steps };
    });
    if (last.outcome === 'sent') return own;
    const { campaignId, channel, decidedAt, dueAt, variant, reason, steps, outcome } = last;
    const isPending = outcome === 'scheduled';
    if (isPending && own.length > 0) return own;
    const at = isPending ? (dueAt ?? decidedAt) : decidedAt;
    return [
      ...own,
      { campaignId, kind: isPending ? 'scheduled' : 'blocked', channel, at, variant, reason, content: {}, steps },
    ];
  });
}

/** Puts what agrees side by side, in order, as much of it as can be. */
function aligned({ expected, calendar, campaignId }: Scenario, actual: readonly Actual[]): readonly Line[] {
  const agrees = (i: number, j: number): boolean => {
    const wanted = expected[i] as Expected;
    const found = actual[j] as Actual;
    const text = Object.values(found.content).join('\n');
    return (
      found.kind === wanted.kind &&
      found.campaignId === (wanted.campaign ?? campaignId) &&
      (wanted.channel === undefined || wanted.channel === found.channel) &&
      (wanted.at === undefined || isMeant(wanted.at, found.at, calendar)) &&
      (wanted.variant === undefined || wanted.variant === found.variant) &&
      (wanted.reason === undefined || wanted.reason === found.reason) &&
      (wanted.text === undefined || text.includes(wanted.text)) &&
      (wanted.missing === undefined || found.steps.at(-1)?.facts.missing === wanted.missing)
    );
  };
  // The longest common subsequence, from behind.
  const longest = Array.from({ length: expected.length + 1 }, () => new Array<number>(actual.length + 1).fill(0));
  const at = (i: number, j: number): number => longest[i]?.[j] ?? 0;
  for (let i = expected.length - 1; i >= 0; i--) {
    for (let j = actual.length - 1; j >= 0; j--) {
      (longest[i] as number[])[j] = agrees(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < expected.length || j < actual.length) {
    if (i < expected.length && j < actual.length && agrees(i, j))
      lines.push({ expected: expected[i++] as Expected, actual: actual[j++] as Actual });
    else if (i < expected.length && (j === actual.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ expected: expected[i++] as Expected, actual: null });
    } else lines.push({ expected: null, actual: actual[j++] as Actual });
  }
  return lines;
}
