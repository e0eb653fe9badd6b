// What pace keeps of a campaign, as a list of its messages: every sum is counted afresh from it.
import type { Candidate } from '../../schemas/types.ts';
import { emptyLedger, reserve, type Slot } from './budget.ts';
import { DAY } from './common.ts';
import type { Budget, Ledger } from './model.ts';
import { localDay, zoneOf } from './zones.ts';

export interface Message {
  readonly channel: string;
  /** Reserved for it. */
  readonly cost: number;
  readonly slotAt: number;
  actual?: number;
  sent?: boolean;
}

export interface Sums {
  readonly reserved: number;
  readonly spent: number;
  readonly overrun: number;
  readonly messages: number;
  readonly spentMessages: number;
  readonly channels: Readonly<Record<string, number>>;
  readonly spentChannels: Readonly<Record<string, number>>;
  readonly days: Readonly<Record<string, readonly [reserved: number, spent: number]>>;
}

/** One campaign of pace. */
export class PaceOracle {
  /** By request and hop; those given back are not there. */
  readonly live = new Map<string, Message>();
  readonly #refused = new Map<string, { readonly slot: Slot; readonly at: number }>();
  readonly #budget: Budget;
  readonly #dearest: number;
  readonly #zone: string;
  #time = 0;

  constructor(budget: Budget, dearest: number, zone: string) {
    this.#budget = budget;
    this.#dearest = dearest;
    this.#zone = zone;
  }

  /** The answer to a reserve; undefined to everything else. */
  take(c: Candidate): Slot | undefined {
    this.#time = Math.max(this.#time, c.requestedAt);
    const id = `${c.requestId}#${c.hop}`;
    const message = this.live.get(id);
    if (c.kind === 'reserve') return this.#reserve(c, id, message);
    if (message === undefined) return undefined;
    if (c.kind === 'release') this.live.delete(id);
    else if (c.kind === 'spent') message.sent = true;
    else if (c.costMicros !== null) message.actual ??= c.costMicros;
    return undefined;
  }

  sums(): Sums {
    const all = [...this.live.values()];
    const total = (of: readonly Message[], what: (m: Message) => number): number =>
      of.reduce((sum, m) => sum + what(m), 0);
    const sent = all.filter((m) => m.sent === true);
    const by = (of: readonly Message[], what: (m: Message) => number): Record<string, number> =>
      Object.fromEntries(
        [...Map.groupBy(of, (m) => m.channel)]
          .map(([channel, own]) => [channel, total(own, what)] as const)
          .filter(([, micros]) => micros !== 0),
      );
    const days = [...Map.groupBy(all, (m) => localDay(m.slotAt, zoneOf(this.#zone)))].map(
      ([day, own]) =>
        [
          day,
          [
            total(own, held),
            total(
              own.filter((m) => m.sent),
              paid,
            ),
          ],
        ] as const,
    );
    return {
      ...{ reserved: total(all, held), spent: total(sent, paid), overrun: total(all, (m) => paid(m) - held(m)) },
      ...{ messages: all.length, spentMessages: sent.length },
      ...{ channels: by(all, held), spentChannels: by(sent, paid) },
      days: Object.fromEntries(days),
    };
  }

  #reserve(c: Candidate, id: string, message: Message | undefined): Slot {
    if (message !== undefined) {
      // The answer of before, at the cost that is still counted.
      return { reserved: true, channel: message.channel, cost: held(message), slotAt: message.slotAt };
    }
    const refused = this.#refused.get(id);
    if (refused !== undefined && this.#time <= refused.at + DAY) return refused.slot;
    const slot = reserve(this.#budget, this.#ledger(), {
      channels: c.channels.map(({ channel, maxCostMicros }) => ({ channel, cost: maxCostMicros })),
      ...{ dearest: this.#dearest, earliestAt: c.earliestAt, expiresAt: c.expiresAt, campaignZone: this.#zone },
      quietHours: c.sendingWindow?.quietHours ?? null,
      holidays: c.sendingWindow?.holidays ?? [],
      userZone: c.sendingWindow?.timezone ?? null,
    });
    if (slot.reserved) this.live.set(id, { channel: slot.channel, cost: slot.cost, slotAt: slot.slotAt });
    else this.#refused.set(id, { slot, at: c.requestedAt });
    return slot;
  }

  #ledger(): Ledger {
    const ledger = emptyLedger();
    for (const m of this.live.values()) {
      const day = localDay(m.slotAt, zoneOf(this.#zone));
      ledger.reserved += held(m);
      ledger.channels.set(m.channel, (ledger.channels.get(m.channel) ?? 0) + held(m));
      ledger.days.set(day, (ledger.days.get(day) ?? 0) + held(m));
    }
    return ledger;
  }
}

/** What is still counted for a message: never more than was reserved. */
export function held({ cost, actual = cost }: Message): number {
  return Math.min(cost, actual);
}

/** What a message cost. */
function paid({ cost, actual }: Message): number {
  return actual ?? cost;
}
