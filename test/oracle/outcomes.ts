// Conversions in one pass over everything that happened, as docs/semantics.md defines them.
import type { Decision, Outcome, Receipt, SendCommand, UserEvent } from '../../schemas/types.ts';
import { HOUR } from './common.ts';

export interface OracleConversion {
  readonly event: string;
  readonly within: number;
  readonly value: string | null;
}

export interface Happened {
  readonly sends: readonly SendCommand[];
  readonly decisions: readonly Decision[];
  readonly receipts: readonly Receipt[];
  /** In the order in which they came. */
  readonly events: readonly UserEvent[];
}

type Told = Pick<Outcome, 'campaignId' | 'kind' | 'event' | 'value' | 'occurredAt' | 'sendId' | 'requestId'> & {
  readonly user: string;
  readonly eventId: string;
};

interface Touch {
  readonly user: string;
  readonly campaignId: string;
  readonly at: number;
  readonly id: string;
}

/** `conversionOf`: what a campaign said at a time. */
export function outcomesOf(
  { sends, decisions, receipts, events }: Happened,
  conversionOf: (campaignId: string, at: number) => OracleConversion | undefined,
): Told[] {
  const userOf = (one: { readonly tenantId: string; readonly userId: string }): string =>
    `${one.tenantId}/${one.userId}`;
  const failed = new Set(receipts.filter((r) => r.status === 'failed').map((r) => r.sendId));
  const went = sends.filter((s) => !failed.has(s.sendId));
  const sent = went.map((s): Touch => ({ user: userOf(s), campaignId: s.campaignId, at: s.dueAt, id: s.sendId }));
  const held = decisions
    .filter((d) => d.outcome === 'holdout')
    .map((d): Touch => ({ user: userOf(d), campaignId: d.campaignId, at: d.decidedAt, id: d.requestId }));
  const told: Told[] = [];
  for (const event of once(events)) {
    const arms = [
      ['conversion', sent],
      ['holdout-conversion', held],
    ] as const;
    for (const [kind, touches] of arms) {
      const hits = touches.filter((touch) => {
        const said = conversionOf(touch.campaignId, touch.at);
        if (touch.user !== userOf(event) || said === undefined || said.event !== event.type) return false;
        return touch.at < event.occurredAt && event.occurredAt - touch.at <= said.within;
      });
      for (const [campaignId, own] of Map.groupBy(hits, (hit) => hit.campaignId)) {
        const last = own.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).at(-1) as Touch;
        const property = conversionOf(campaignId, last.at)?.value ?? null;
        const value = property === null ? null : event.properties[property];
        told.push({
          ...{ user: last.user, campaignId, kind, event: event.type, occurredAt: event.occurredAt },
          ...{ eventId: event.eventId, value: typeof value === 'number' ? value : null },
          sendId: kind === 'conversion' ? last.id : null,
          requestId: kind === 'conversion' ? null : last.id,
        });
      }
    }
  }
  return told;
}

/** Without those whose id came before, no more than an hour of event time away. */
function once(events: readonly UserEvent[]): UserEvent[] {
  const kept: UserEvent[] = [];
  for (const event of events) {
    const repeats = kept.some(
      (k) =>
        k.eventId === event.eventId &&
        k.userId === event.userId &&
        k.tenantId === event.tenantId &&
        Math.abs(k.occurredAt - event.occurredAt) <= HOUR,
    );
    if (!repeats) kept.push(event);
  }
  return kept;
}
