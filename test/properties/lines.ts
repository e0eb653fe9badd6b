// Decisions and sends as one line of text each, the same for the engine and for the oracle.

import type { Pipeline } from '../../runtime/pipeline.ts';
import { budgetDay, budgetLedger } from '../../schemas/cells.ts';
import type { Decision, DecisionStep, SendCommand } from '../../schemas/types.ts';
import { byBytes } from '../oracle/common.ts';
import type { Ledger, OracleDecision, OracleSend, OracleStep } from '../oracle/model.ts';
import { sendName } from '../oracle/names.ts';

export function sorted(lines: readonly string[]): string[] {
  return lines.toSorted(byBytes);
}

/** A decision of the engine. Ids of triggered requests and facts are its own affair: they are left out. */
export function decisionLine(d: Decision): string {
  return lineOf(canonical(d));
}

function canonical(d: Decision): OracleDecision {
  const requestId = d.source === 'trigger' ? null : d.requestId;
  return {
    ...d,
    steps: d.steps.map(stepOf),
    requestId,
    cause: d.cause === null ? null : causeOf(d.cause, `${d.tenantId}/${d.userId}`),
  };
}

/** A send of the engine as the oracle names it, by the decision to send it. */
export function nameOfSend(send: SendCommand, decisions: readonly Decision[]): string {
  const { sendId, hop } = send;
  const story = sendId.slice(0, sendId.lastIndexOf('#'));
  const decisionId = hop === 0 ? `${story}#final` : `${story}#h${hop}.final`;
  const decision = decisions.find((d) => d.decisionId === decisionId);
  if (decision === undefined) throw new Error(`nobody decided ${sendId}`);
  return sendName(canonical(decision), hop);
}

/** Of the facts, the scores of channels alone. */
function stepOf({ gate, verdict, facts }: DecisionStep): OracleStep {
  if (gate !== 'channel') return { gate, verdict };
  const { confidence: _, ...rest } = facts;
  const scores = Object.entries(rest).flatMap(([channel, score]) =>
    typeof score === 'number' ? [[channel, Math.round(score * 10_000)] as const] : [],
  );
  return scores.length === 0 ? { gate, verdict } : { gate, verdict, scores: Object.fromEntries(scores) };
}

export function oracleDecisionLine(d: OracleDecision): string {
  return lineOf({ ...d, cause: d.cause?.replace(/:$/, '') ?? null });
}

function lineOf(d: OracleDecision): string {
  const gates = d.steps.map(({ gate, verdict, scores = {} }) => `${gate}:${verdict}${scoreText(scores)}`).join(' ');
  const who = [d.tenantId, d.userId, d.campaignId, d.requestId, d.source, d.cause];
  const made = [d.channel, d.dueAt, d.costMicros, d.definitionVersion, d.hop, d.fallbacks];
  return JSON.stringify([...who, d.requestedAt, d.decidedAt, d.outcome, d.reason, gates, ...made]);
}

function scoreText(scores: Readonly<Record<string, number>>): string {
  return sorted(Object.entries(scores).map(([channel, score]) => ` ${channel}=${score}`)).join('');
}

/** "event:KEY:ID@TIME", "session:KEY@START" or "inactive:7d:KEY@TIME" as the oracle writes it. */
function causeOf(cause: string, key: string): string {
  const at = cause.indexOf(`:${key}`);
  const kind = cause.slice(0, at);
  const rest = cause.slice(at + key.length + 1);
  if (kind === 'event') return `event:${rest.slice(1, rest.lastIndexOf('@'))}`;
  return kind === 'session' ? `session:${rest.slice(1)}` : `signal:${kind}`;
}

export function sendLine(s: SendCommand | OracleSend): string {
  const outside = s.requestId === null || s.requestId.includes('|') ? null : s.requestId;
  const who = [s.tenantId, s.userId, s.campaignId, outside];
  return JSON.stringify([...who, s.hop, s.channel, s.address, s.costMicros, s.dueAt, s.expiresAt]);
}

/** The engine's ledger of a campaign, with the days asked for; those without money are left out. */
export function engineLedger(pipeline: Pipeline, key: string, days: Iterable<string>): string {
  const tasks = pipeline.tasks.filter((task) => task.topology.name === 'pace');
  const ledgers = tasks.flatMap((task) => task.inspect(key, budgetLedger) ?? []);
  const [ledger] = ledgers;
  if (ledger === undefined) return ledgerLine(0, {}, {});
  const reservedOn = (day: string): number =>
    tasks.reduce((sum, task) => sum + (task.inspect(key, budgetDay, day)?.reserved ?? 0), 0);
  const byDay = Object.fromEntries([...days].map((day) => [day, reservedOn(day)]));
  return ledgerLine(ledger.reserved, ledger.channels, byDay);
}

export function oracleLedger(ledger: Ledger | undefined): string {
  if (ledger === undefined) return ledgerLine(0, {}, {});
  return ledgerLine(ledger.reserved, Object.fromEntries(ledger.channels), Object.fromEntries(ledger.days));
}

function ledgerLine(
  reserved: number,
  channels: Readonly<Record<string, number>>,
  days: Readonly<Record<string, number>>,
): string {
  const spent = (amounts: Readonly<Record<string, number>>): string[] =>
    sorted(Object.entries(amounts).flatMap(([name, micros]) => (micros === 0 ? [] : [`${name}=${micros}`])));
  return JSON.stringify([reserved, spent(channels), spent(days)]);
}
