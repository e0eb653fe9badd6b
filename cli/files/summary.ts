// What a run came to, counted: by kind, reason and day, and spend by campaign.
import { decisions, outcomes, sends, sessions, signals, type Topic } from '../../schemas/topics.ts';
import type { Decision, Outcome, SendCommand, Session, Signal } from '../../schemas/types.ts';

export interface InputCounts {
  read: number;
  processed: number;
  late: number;
  duplicate: number;
  deadLetters: number;
  notReached: number;
}

export interface Summary {
  readonly inputs: Record<string, InputCounts>;
  readonly sessions: number;
  readonly signals: Readonly<Record<string, number>>;
  readonly decisions: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
  /** By kind; absent where there are none. */
  readonly outcomes?: Readonly<Record<string, number>>;
  readonly campaigns: Readonly<Record<string, CampaignSummary>>;
  readonly days: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface CampaignSummary {
  requests: number;
  sent: number;
  /** Micro-units of the policy's currency. */
  spendMicros: number;
  readonly reasons: Record<string, number>;
  /** Absent where there are none. */
  conversions?: number;
  /** Sum of the conversions' values; absent where none has one. */
  value?: number;
  holdoutConversions?: number;
}

/** Kind of an outcome that was told before and is none. */
const WITHDRAWN = 'withdrawn';

/** Counts outputs as they come. Days are UTC. */
export class Tally {
  readonly inputs: Record<string, InputCounts> = {};
  #sessions = 0;
  readonly #signals = new Map<string, number>();
  readonly #decisions = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #outcomes = new Map<string, number>();
  /** The newest of each outcome; undefined: none is told again. */
  readonly #told: Map<string, Outcome> | undefined;
  readonly #campaigns = new Map<string, CampaignSummary>();
  readonly #days = new Map<string, Map<string, number>>();
  #day = { from: 1, date: '' };

  /** `receipts`: whether messages may fail, so that outcomes are told again. */
  constructor({ receipts }: { readonly receipts: boolean }) {
    this.#told = receipts ? new Map() : undefined;
  }

  input(topic: string): InputCounts {
    this.inputs[topic] ??= { read: 0, processed: 0, late: 0, duplicate: 0, deadLetters: 0, notReached: 0 };
    return this.inputs[topic];
  }

  output(topic: Topic<unknown>, value: unknown): void {
    if (topic === sessions) {
      this.#sessions++;
      this.#onDay((value as Session).endedAt, 'sessions');
    } else if (topic === signals) {
      const { kind, facts, firedAt } = value as Signal;
      count(this.#signals, kind === 'inactive' ? `inactive ${facts.threshold}` : kind);
      this.#onDay(firedAt, 'signals');
    } else if (topic === decisions) this.#decision(value as Decision);
    else if (topic === sends) {
      const { campaignId, costMicros } = value as SendCommand;
      const campaign = this.#campaign(campaignId);
      campaign.sent++;
      campaign.spendMicros += costMicros;
    } else if (topic === outcomes) {
      const outcome = value as Outcome;
      if (this.#told === undefined) this.#outcome(outcome);
      else this.#told.set(outcome.outcomeId, outcome);
    }
  }

  /** To be asked once, at the end. */
  summary(): Summary {
    for (const outcome of this.#told?.values() ?? []) if (outcome.kind !== WITHDRAWN) this.#outcome(outcome);
    return {
      inputs: this.inputs,
      sessions: this.#sessions,
      signals: sorted(this.#signals),
      decisions: sorted(this.#decisions),
      reasons: sorted(this.#reasons),
      ...(this.#outcomes.size === 0 ? {} : { outcomes: sorted(this.#outcomes) }),
      campaigns: sorted(this.#campaigns),
      days: Object.fromEntries(Object.entries(sorted(this.#days)).map(([day, counts]) => [day, sorted(counts)])),
    };
  }

  #decision({ outcome, reason, campaignId, decidedAt, hop }: Decision): void {
    count(this.#decisions, outcome);
    this.#onDay(decidedAt, outcome);
    const campaign = this.#campaign(campaignId);
    // Further hops belong to the request of the first.
    if (outcome !== 'scheduled' && hop === 0) campaign.requests++;
    if (reason === null) return;
    count(this.#reasons, reason);
    campaign.reasons[reason] = (campaign.reasons[reason] ?? 0) + 1;
  }

  #outcome({ kind, campaignId, value, occurredAt }: Outcome): void {
    count(this.#outcomes, kind);
    this.#onDay(occurredAt, kind);
    const campaign = this.#campaign(campaignId);
    if (kind !== 'conversion') campaign.holdoutConversions = (campaign.holdoutConversions ?? 0) + 1;
    else {
      campaign.conversions = (campaign.conversions ?? 0) + 1;
      if (value !== null) campaign.value = (campaign.value ?? 0) + value;
    }
  }

  #campaign(id: string): CampaignSummary {
    let campaign = this.#campaigns.get(id);
    if (campaign === undefined) {
      campaign = { requests: 0, sent: 0, spendMicros: 0, reasons: {} };
      this.#campaigns.set(id, campaign);
    }
    return campaign;
  }

  #onDay(time: number, what: string): void {
    const from = time - (time % 86_400_000);
    if (from !== this.#day.from) this.#day = { from, date: new Date(from).toISOString().slice(0, 10) };
    let counts = this.#days.get(this.#day.date);
    if (counts === undefined) {
      counts = new Map();
      this.#days.set(this.#day.date, counts);
    }
    count(counts, what);
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sorted<T>(map: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}
