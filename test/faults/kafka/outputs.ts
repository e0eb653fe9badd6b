// What readers of committed records see on the output topics, read on as the run goes, and what may never be seen there.
import { setTimeout as delay } from 'node:timers/promises';
import { zoneOrUtc } from '../../../schemas/local-time.ts';
import {
  candidates,
  decisions,
  outcomes,
  receipts,
  sends,
  sessions,
  signals,
  type Topic,
  verdicts,
} from '../../../schemas/topics.ts';
import type {
  BudgetVerdict,
  Candidate,
  Decision,
  Receipt,
  SendCommand,
  Session,
  Signal,
} from '../../../schemas/types.ts';
import type { Told } from '../money.ts';
import { type Ground, PARTITIONS } from './ground.ts';

const READ = 4000;
const DAY_TEXT = 10;
/** A burst is 1 % of the total, and one message on the dearest channel at least. */
const BURST_PART = 100;

/** Topics that tasks write, with what names a record: each is there once. Verdicts before the candidates that release them. */
const EXACT: readonly (readonly [Topic<unknown>, (value: never) => string])[] = [
  [sessions, (value: Session) => value.sessionId],
  [signals, (value: Signal) => value.signalId],
  [decisions, (value: Decision) => value.decisionId],
  [sends, (value: SendCommand) => value.sendId],
  [verdicts, (value: BudgetVerdict) => `${value.campaignId} ${value.requestId} ${value.hop}`],
  [candidates, (value: Candidate) => `${value.campaignId} ${value.requestId} ${value.hop} ${value.kind}`],
];

interface Seen {
  readonly topic: Topic<unknown>;
  readonly idOf: ((value: never) => string) | undefined;
  readonly positions: number[];
  /** Records by partition. */
  readonly counts: number[];
  readonly values: unknown[];
  readonly ids: Set<string>;
}

export class Outputs {
  readonly #ground: Ground;
  readonly #seen: readonly Seen[];
  readonly #twice: string[] = [];

  constructor(ground: Ground) {
    this.#ground = ground;
    const zeros = (): number[] => Array.from({ length: PARTITIONS }, () => 0);
    this.#seen = [...EXACT, [receipts, undefined] as const, [outcomes, undefined] as const].map(([topic, idOf]) => {
      return { topic: topic as Topic<unknown>, idOf, positions: zeros(), counts: zeros(), values: [], ids: new Set() };
    });
  }

  all<T>(topic: Topic<T>): readonly T[] {
    return (this.#seen.find((seen) => seen.topic === topic)?.values ?? []) as readonly T[];
  }

  /** Each once, in order of time; of one time those of earlier hops first. */
  get receipts(): readonly Receipt[] {
    const once = [...new Map(this.all(receipts).map((receipt) => [receipt.receiptId, receipt])).values()];
    return once.sort((a, b) => a.occurredAt - b.occurredAt || a.hop - b.hop);
  }

  /** What was told of money. */
  get told(): Told {
    const { receipts: once } = this;
    return {
      candidates: this.all(candidates),
      verdicts: this.all(verdicts),
      decisions: this.all(decisions),
      receipts: once,
    };
  }

  /** Reads on to the end as it is now. */
  async read(): Promise<void> {
    for (const seen of this.#seen) {
      for (let partition = 0; partition < PARTITIONS; partition++) await this.#read(seen, partition);
    }
  }

  /** Records that were read, by topic and partition. */
  get counts(): readonly { readonly topic: string; readonly partition: number; readonly records: number }[] {
    return this.#seen.flatMap(({ topic, counts }) =>
      counts.map((records, partition) => ({ topic: topic.topic, partition, records })),
    );
  }

  /** What is wrong, whatever is still to come. */
  problems(): readonly string[] {
    return [...new Set(this.#twice), ...this.#capProblems(), ...this.#budgetProblems()];
  }

  /** What is wrong with a run that has ended: requests without their final decision, sends without decision or receipt. */
  endProblems(requestIds: readonly string[]): readonly string[] {
    const finals = new Set<string>();
    const open = new Set<string>(requestIds);
    const sent = new Set<string>();
    for (const { decisionId, requestId, outcome } of this.all(decisions)) {
      if (outcome === 'scheduled') continue;
      finals.add(storyOf(decisionId));
      open.delete(requestId);
      if (outcome === 'sent') sent.add(storyOf(decisionId));
    }
    for (const { decisionId } of this.all(decisions)) if (!finals.has(storyOf(decisionId))) open.add(decisionId);
    const received = new Set(this.all(receipts).map(({ sendId }: Receipt) => sendId));
    const unanswered = this.all(sends).filter(({ sendId }) => !received.has(sendId));
    return [
      ...(open.size === 0 ? [] : [`${open.size} requests have no final decision, such as ${[...open][0]}`]),
      ...(unanswered.length === 0
        ? []
        : [`${unanswered.length} sends have no receipt, such as ${unanswered[0]?.sendId}`]),
      ...(sent.size === this.all(sends).length
        ? []
        : [`${sent.size} decisions say sent, and there are ${this.all(sends).length} sends`]),
    ];
  }

  async #read({ topic, idOf, positions, counts, values, ids }: Seen, partition: number): Promise<void> {
    const { log, serde } = this.#ground.cluster;
    const input = { topic: topic.topic, partition };
    for (;;) {
      const records = await log.read(input, positions[partition] as number, READ);
      const last = records.at(-1);
      if (last === undefined) return;
      positions[partition] = last.offset + 1;
      counts[partition] = (counts[partition] as number) + records.length;
      await serde.learn(records);
      for (const record of records) {
        const decoded = serde.decode(topic, record);
        if (!('value' in decoded)) {
          this.#twice.push(`${topic.name}: a record can not be read: ${decoded.message}`);
          continue;
        }
        values.push(decoded.value);
        const id = idOf?.(decoded.value as never);
        if (id === undefined) continue;
        if (ids.has(id)) this.#twice.push(`${topic.name}: ${id} is there twice`);
        ids.add(id);
      }
      // The instances' turn.
      await delay(0);
    }
  }

  #capProblems(): readonly string[] {
    const marketing = new Set(this.#ground.scene.campaigns.filter((c) => c.class === 'marketing').map((c) => c.id));
    const counted = this.all(sends).filter(({ campaignId }) => marketing.has(campaignId));
    const problems: string[] = [];
    for (const [user, own] of Map.groupBy(counted, ({ userId }) => userId)) {
      const times = own.map(({ dueAt }) => dueAt).sort((a, b) => a - b);
      for (const { max, windowMs } of this.#ground.scene.policy.caps) {
        // One more than the maximum, within a window that is open at its beginning.
        const over = times.findIndex((at, i) => at - (times[i - max] ?? Number.NEGATIVE_INFINITY) < windowMs);
        if (over >= 0) problems.push(`${user} got more than ${max} messages within ${windowMs} ms`);
      }
    }
    return problems;
  }

  #budgetProblems(): readonly string[] {
    const released = new Set(
      this.all(candidates)
        .filter(({ kind }) => kind === 'release')
        .map(({ requestId, hop }) => `${requestId} ${hop}`),
    );
    return this.#ground.scene.campaigns.flatMap(({ id, budget, timezone }) => {
      if (budget === null) return [];
      const held = this.all(verdicts)
        .filter((v) => v.campaignId === id && v.outcome === 'reserved' && !released.has(`${v.requestId} ${v.hop}`))
        .map(({ slotAt, costMicros }) => ({ at: slotAt as number, micros: costMicros as number }))
        .sort((a, b) => a.at - b.at);
      const { totalMicros, dailyMicros, fromAt, toAt } = budget;
      const { zone } = zoneOrUtc(timezone);
      const days = new Map<string, number>();
      const problems = new Set<string>();
      let spent = 0;
      for (const { at, micros } of held) {
        spent += micros;
        const day = new Date(at + zone.offsetAt(at)).toISOString().slice(0, DAY_TEXT);
        days.set(day, (days.get(day) ?? 0) + micros);
        if (dailyMicros !== null && (days.get(day) as number) > dailyMicros)
          problems.add(`${id} is over its day ${day}`);
        if (totalMicros === null || fromAt === null || toAt === null) continue;
        const ideal = Number((BigInt(totalMicros) * BigInt(at - fromAt)) / BigInt(toAt - fromAt));
        const burst = Math.max(Math.floor(totalMicros / BURST_PART), micros);
        if (spent > totalMicros) problems.add(`${id} is over its total`);
        if (spent > ideal + burst + 1) problems.add(`${id} is above its curve at ${new Date(at).toISOString()}`);
        if (at < fromAt || at >= toAt) problems.add(`${id} has a slot outside its time`);
      }
      return [...problems];
    });
  }
}

/** What a hop's decisions have in common. */
function storyOf(decisionId: string): string {
  return decisionId.replace(/(final|scheduled)$/, '');
}
