// What an instance left behind once it has stopped: its topics, its dead letters and its outbox, in a form that can be
// compared with that of another run.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLog } from '../../cli/instance.ts';
import type { Log, LogRecord } from '../../runtime/log.ts';
import { type Serde, timeMark } from '../../runtime/serde.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { allTopics, DEAD_LETTERS, events, sendRequests, type Topic } from '../../schemas/topics.ts';
import type { BudgetVerdict, Candidate, Decision, Receipt, SendCommand } from '../../schemas/types.ts';
import type { Told } from './money.ts';

export interface Placed {
  readonly partition: number;
  readonly offset: number;
  readonly value: unknown;
}

export interface Outputs {
  /** Decoded records of every topic, by its name. */
  readonly records: ReadonlyMap<string, readonly Placed[]>;
  readonly deadLetters: readonly string[];
  /** The messages that went out, one line of JSON each. */
  readonly outbox: readonly string[];
  /** Records of the stream inputs, by partition; time marks aside. */
  readonly published: readonly number[];
}

/** Topics written by tasks: each output is there once, and the same in every run. */
export const EXACT = ['sessions', 'signals', 'decisions', 'sends', 'candidates', 'verdicts'] as const;

/** `posted`: the messages, where they did not go to the outbox. */
export async function readOutputs(dir: string, posted?: readonly string[]): Promise<Outputs> {
  const { log, serde } = await openLog(dir);
  try {
    const records = new Map<string, readonly Placed[]>();
    const published: number[] = [];
    for (const topic of allTopics) {
      const all = await rawRecords(log, topic.topic);
      if (topic === events || topic === sendRequests)
        for (const { partition } of all) published[partition] = (published[partition] ?? 0) + 1;
      records.set(topic.name, await decoded(serde, topic, all));
    }
    const letters = await rawRecords(log, DEAD_LETTERS);
    const outbox = posted ?? outboxOf(dir);
    return { records, deadLetters: letters.map(({ record }) => letterLine(record)).sort(), outbox, published };
  } finally {
    await log.close();
  }
}

function outboxOf(dir: string): string[] {
  const outbox = readFileSync(join(dir, 'outbox', 'messages.ndjson'), 'utf8').split('\n');
  if (outbox.pop() !== '') throw new Error('the outbox ends in the middle of a line');
  return outbox;
}

type Raw = { readonly partition: number; readonly record: LogRecord };

async function rawRecords(log: Log, topic: string): Promise<Raw[]> {
  const all: Raw[] = [];
  for (let partition = 0; partition < log.partitions(topic); partition++) {
    for (let at = 0; ; ) {
      const records = await log.read({ topic, partition }, at, 2000);
      const last = records[records.length - 1];
      if (last === undefined) break;
      at = last.offset + 1;
      for (const record of records) if (timeMark(record) === undefined) all.push({ partition, record });
    }
  }
  return all;
}

async function decoded(serde: Serde, topic: Topic<unknown>, all: readonly Raw[]): Promise<Placed[]> {
  await serde.learn(all.map(({ record }) => record));
  return all.flatMap(({ partition, record }) => {
    const result = serde.decode(topic, record);
    return 'value' in result ? [{ partition, offset: record.offset, value: result.value }] : [];
  });
}

function letterLine({ key, value, headers }: LogRecord): string {
  const { topic, partition, offset, code } = headers;
  return `${topic}/${partition}/${offset} ${code} ${key?.toString('base64')} ${value?.toString('base64')}`;
}

/** Everything but the times of things, as sorted lines by name: equal for equal runs. */
export function comparable(outputs: Outputs): Readonly<Record<string, readonly string[]>> {
  const lines = (name: string): string[] => {
    const form = jsonForm(allTopics.find((t) => t.name === name) as Topic<unknown>);
    return (outputs.records.get(name) ?? []).map(({ value }) => form.write(withoutLedger(name, value))).sort();
  };
  return {
    ...Object.fromEntries(EXACT.map((name) => [name, lines(name)])),
    // A sink's own records may be there more than once.
    receipts: [...new Set(lines('receipts'))],
    outbox: outputs.outbox.toSorted(),
    deadLetters: outputs.deadLetters,
  };
}

/**
 * How much of a budget was reserved before a request depends on which user's candidate came first, which partitions that run
 * side by side settle differently each time. `ledgerProblems` looks at it instead.
 */
function withoutLedger(name: string, value: unknown): unknown {
  const strip = ({ reservedMicros: _, ...facts }: BudgetVerdict['facts']): BudgetVerdict['facts'] => facts;
  if (name === 'verdicts') return { ...(value as BudgetVerdict), facts: strip((value as BudgetVerdict).facts) };
  if (name !== 'decisions') return value;
  const decision = value as Decision;
  return {
    ...decision,
    steps: decision.steps.map((s) => (s.gate === 'budget' ? { ...s, facts: strip(s.facts) } : s)),
  };
}

/** What a run told of money. */
export function toldOf({ records }: Outputs): Told {
  const all = <T>(name: string): readonly T[] => (records.get(name) ?? []).map(({ value }) => value as T);
  const receipts = [...new Map(all<Receipt>('receipts').map((r) => [r.receiptId, r])).values()];
  return { candidates: all('candidates'), verdicts: all('verdicts'), decisions: all('decisions'), receipts };
}

/** What is wrong within one run, whatever another one gave. */
export function problemsOf(outputs: Outputs): string[] {
  const all = <T>(name: string): readonly T[] => (outputs.records.get(name) ?? []).map(({ value }) => value as T);
  const sends = all<SendCommand>('sends');
  const keys = outputs.outbox.map((line) => (JSON.parse(line) as SendCommand).idempotencyKey);
  return [
    ...EXACT.flatMap((name) => twice(name, all<Ids>(name).map(idOf))),
    ...twice('outbox', keys),
    ...differing(
      'outbox against sends',
      keys,
      sends.map((s) => s.idempotencyKey),
    ),
    ...differing(
      'receipts against sends',
      [...new Set(all<Receipt>('receipts').map((r) => r.sendId))],
      sends.map((s) => s.sendId),
    ),
    ...ledgerProblems(all('verdicts'), all('candidates')),
  ];
}

type Ids = Readonly<Record<string, unknown>>;

function idOf(value: Ids): string {
  const { sessionId, signalId, decisionId, sendId, requestId, kind, hop } = value;
  return String(sessionId ?? signalId ?? decisionId ?? sendId ?? `${requestId} ${hop} ${kind ?? ''}`);
}

/** Where nothing was released, every reservation finds exactly those before it: none is lost or counted twice. */
function ledgerProblems(verdicts: readonly BudgetVerdict[], candidates: readonly Candidate[]): string[] {
  const campaigns = new Set(verdicts.map((v) => v.campaignId));
  const released = new Set(candidates.filter((c) => c.kind === 'release').map((c) => c.campaignId));
  return [...campaigns].flatMap((campaignId) => {
    if (released.has(campaignId)) return [];
    const found = verdicts.filter((v) => v.campaignId === campaignId && v.outcome === 'reserved');
    const reserved = found.map((v) => Number(v.facts.reservedMicros)).sort((a, b) => a - b);
    const cost = found[0]?.costMicros ?? 0;
    return reserved.every((micros, i) => micros === i * cost) ? [] : [`the ledger of ${campaignId} jumps`];
  });
}

function twice(what: string, ids: readonly string[]): string[] {
  const seen = new Set<string>();
  const double = ids.filter((id) => seen.size === seen.add(id).size);
  return double.length === 0 ? [] : [`${what}: ${double.length} twice, such as ${double[0]}`];
}

/** What one list has more often than the other, in a sentence or two. */
export function differing(what: string, found: readonly string[], wanted: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of wanted) left.set(line, (left.get(line) ?? 0) + 1);
  const extra = found.filter((line) => {
    const n = left.get(line) ?? 0;
    left.set(line, n - 1);
    return n <= 0;
  });
  const missing = [...left].filter(([, n]) => n > 0).map(([line]) => line);
  return [
    ...(missing.length === 0 ? [] : [`${what}: ${missing.length} missing, such as ${missing[0]}`]),
    ...(extra.length === 0 ? [] : [`${what}: ${extra.length} too many, such as ${extra[0]}`]),
  ];
}
