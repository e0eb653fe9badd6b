// Joins a user's messages, and what the holdout kept from being one, with the events that campaigns take for conversions.
// Both sides are kept for as long as the other may come late, so it does not matter which comes first: a message that waited
// for its budget's verdict comes after events that followed it, and that it failed is told later still.
import type { Conversion } from '../schemas/campaign/conversion.ts';
import { exposures, measuredEvents, messages } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { DAY_MS } from '../schemas/durations.ts';
import { compareBytes } from '../schemas/order.ts';
import type { Exposure, MeasuredEvent } from '../schemas/state-types.ts';
import { acceptedEvents } from '../schemas/streams.ts';
import { decisions, keyInId, outcomes, receipts, sends } from '../schemas/topics.ts';
import type { UserEvent } from '../schemas/types.ts';
import { type Context, on, type Processor, type Timer, timers } from './processor.ts';

/** How late, in ms of stream time, an event may come and still be joined as if it had come in time; as late as any may, if that is longer. */
const JOINED_WITHIN = 7 * DAY_MS;
const HOUR = 3_600_000;

const NO_EXPOSURES: readonly Exposure[] = [];
const NO_EVENTS: readonly MeasuredEvent[] = [];
/** The timers' ids: of the exposures, of an hour's events. */
const EXPOSURES = 'x';

export function measureOutcomes(definitions: Definitions): Processor {
  const wanted = new WantedEvents(definitions);
  const conversionOf = (exposure: Exposure, context: Context): Conversion | null =>
    definitions.campaign(tenantOf(context), exposure.campaignId, exposure.at)?.definition.conversion ?? null;
  return {
    name: 'measure-outcomes',
    emits: [outcomes],
    reads: [messages],
    writes: [exposures, measuredEvents],
    on: [
      on(acceptedEvents, (event, context) => {
        const properties = wanted.of(event.tenantId, event.type);
        if (properties !== undefined) keep(event, properties, context);
      }),
      on(sends, ({ sendId, campaignId, dueAt }, context) =>
        expose({ id: sendId, campaignId, at: dueAt, holdout: false }, conversionOf, context),
      ),
      on(decisions, ({ outcome, requestId, campaignId, decidedAt }, context) => {
        if (outcome !== 'holdout') return;
        expose({ id: requestId, campaignId, at: decidedAt, holdout: true }, conversionOf, context);
      }),
      on(receipts, ({ sendId, status, channel }, context) => {
        if (status !== 'failed') return;
        const sent = context.get(messages)?.sent.find((m) => m.sendId === sendId);
        // What answers on another channel answers another message.
        if (sent === undefined || sent.channel === channel) withdraw(sendId, conversionOf, context);
      }),
    ],
    timers: [
      { kind: timers.outcome, fire: (timer, context) => settle(timer, conversionOf, context) },
      { kind: timers.forget, fire: forget },
    ],
  };
}

type ConversionOf = (exposure: Exposure, context: Context) => Conversion | null;

/** The types of events that some version of some campaign takes for a conversion, and the properties it takes for its value. */
class WantedEvents {
  readonly #definitions: Definitions;
  #revision = -1;
  #byTenant = new Map<string, ReadonlyMap<string, readonly string[]>>();

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /** Undefined: nobody wants events of the type. */
  of(tenantId: string, type: string): readonly string[] | undefined {
    if (this.#revision !== this.#definitions.revision) {
      this.#revision = this.#definitions.revision;
      this.#byTenant = new Map();
    }
    let types = this.#byTenant.get(tenantId);
    if (types === undefined) {
      types = this.#typesOf(tenantId);
      this.#byTenant.set(tenantId, types);
    }
    return types.get(type);
  }

  #typesOf(tenantId: string): ReadonlyMap<string, readonly string[]> {
    const types = new Map<string, string[]>();
    for (const id of this.#definitions.campaignIds(tenantId)) {
      for (const { definition } of this.#definitions.versions(tenantId, id)) {
        if (definition.conversion === null) continue;
        const { event, value } = definition.conversion;
        const properties = types.get(event) ?? [];
        types.set(event, properties);
        if (value !== null && !properties.includes(value)) properties.push(value);
      }
    }
    return types;
  }
}

/** Keeps the event until every message before it must have come: then its outcomes are told. */
function keep(event: UserEvent, properties: readonly string[], context: Context): void {
  const { eventId, type, occurredAt } = event;
  if (occurredAt < context.streamTime - keptFor(context)) return;
  const hour = hourOf(occurredAt);
  const kept = eventsOf(hour, context);
  const values = Object.fromEntries(
    properties.flatMap((name) => {
      const value = Object.hasOwn(event.properties, name) ? event.properties[name] : undefined;
      return typeof value === 'number' ? [[name, value]] : [];
    }),
  );
  const next = { eventId, type, occurredAt, values, settled: false };
  context.set(measuredEvents, { events: [...kept, next] }, String(hour));
  if (kept.length === 0) context.setTimer(timers.forget, (hour + 1) * HOUR + keptFor(context), String(hour));
  context.setTimer(timers.outcome, occurredAt + context.lateness, `${occurredAt} ${eventId}`);
}

/** Tells what an event is the outcome of: for each campaign, of the latest message before it. */
function settle(timer: Timer, conversionOf: ConversionOf, context: Context): void {
  const space = timer.id.indexOf(' ');
  const occurredAt = Number(timer.id.slice(0, space));
  const eventId = timer.id.slice(space + 1);
  const hour = hourOf(occurredAt);
  const kept = eventsOf(hour, context);
  const event = kept.find((one) => one.occurredAt === occurredAt && one.eventId === eventId);
  if (event === undefined || event.settled) return;
  context.set(
    measuredEvents,
    { events: kept.map((one) => (one === event ? { ...one, settled: true } : one)) },
    String(hour),
  );
  const latest = new Map<string, Exposure>();
  for (const exposure of exposuresOf(context)) {
    if (!isOutcome(event, exposure, conversionOf(exposure, context))) continue;
    const arm = `${exposure.campaignId} ${exposure.holdout}`;
    const other = latest.get(arm);
    if (other === undefined || isLater(exposure, other)) latest.set(arm, exposure);
  }
  const found = latest.size < 2 ? [...latest.values()] : [...latest.values()].sort(inOrder);
  for (const exposure of found) tell(event, exposure, conversionOf(exposure, context), context);
}

/** Keeps a message or what was held out, and tells the outcomes of events that were settled before it came. */
function expose(bare: Omit<Exposure, 'until'>, conversionOf: ConversionOf, context: Context): void {
  const conversion = conversionOf({ ...bare, until: bare.at }, context);
  if (conversion === null) return;
  const exposure: Exposure = { ...bare, until: bare.at + conversion.withinMs };
  const others = exposuresOf(context);
  context.set(exposures, { all: [...others, exposure] });
  context.setTimer(timers.forget, exposure.until + keptFor(context), EXPOSURES);
  const rivals = others.filter((o) => o.campaignId === exposure.campaignId && o.holdout === exposure.holdout);
  for (const event of settledWithin(exposure, context)) {
    if (!isOutcome(event, exposure, conversion)) continue;
    const isBeaten = rivals.some((o) => isLater(o, exposure) && isOutcome(event, o, conversionOf(o, context)));
    if (!isBeaten) tell(event, exposure, conversion, context);
  }
}

/** Forgets a message that failed for good: what it was told to have earned is another's, or nobody's. */
function withdraw(sendId: string, conversionOf: ConversionOf, context: Context): void {
  const all = exposuresOf(context);
  const failed = all.find(({ id, holdout }) => !holdout && id === sendId);
  if (failed === undefined) return;
  const others = all.filter((o) => o !== failed);
  context.set(exposures, others.length === 0 ? undefined : { all: others });
  const conversion = conversionOf(failed, context);
  const rivals = others.filter((o) => o.campaignId === failed.campaignId && !o.holdout);
  for (const event of settledWithin(failed, context)) {
    if (!isOutcome(event, failed, conversion)) continue;
    let latest: Exposure | undefined;
    for (const rival of rivals) {
      if (!isOutcome(event, rival, conversionOf(rival, context))) continue;
      if (latest === undefined || isLater(rival, latest)) latest = rival;
    }
    if (latest === undefined) tell(event, failed, null, context, 'withdrawn');
    else if (!isLater(latest, failed)) tell(event, latest, conversionOf(latest, context), context);
  }
}

/** The events whose outcomes were told, from the hour of the message to that of its last conversion. */
function* settledWithin({ at, until }: Exposure, context: Context): Generator<MeasuredEvent> {
  for (let hour = hourOf(at); hour <= hourOf(Math.min(until, context.streamTime)); hour++) {
    for (const event of eventsOf(hour, context)) if (event.settled) yield event;
  }
}

function isOutcome(event: MeasuredEvent, { at, until }: Exposure, conversion: Conversion | null): boolean {
  return event.type === conversion?.event && event.occurredAt > at && event.occurredAt <= until;
}

function isLater(a: Exposure, b: Exposure): boolean {
  return a.at > b.at || (a.at === b.at && compareBytes(a.id, b.id) > 0);
}

function inOrder(a: Exposure, b: Exposure): number {
  return compareBytes(a.campaignId, b.campaignId) || Number(a.holdout) - Number(b.holdout);
}

function tell(
  event: MeasuredEvent,
  { id, campaignId, holdout }: Exposure,
  conversion: Conversion | null,
  context: Context,
  told: 'outcome' | 'withdrawn' = 'outcome',
): void {
  const { eventId, type, occurredAt, values } = event;
  const tenantId = tenantOf(context);
  const arm = holdout ? 'holdout-conversion' : 'conversion';
  const property = conversion?.value ?? null;
  context.emit(outcomes, {
    outcomeId: `${arm}:${keyInId(context.key)}/${campaignId}:${eventId}@${occurredAt}`,
    sendId: holdout ? null : id,
    requestId: holdout ? id : null,
    tenantId,
    userId: context.key.slice(tenantId.length + 1),
    campaignId,
    kind: told === 'withdrawn' ? told : arm,
    event: type,
    value: property === null || !Object.hasOwn(values, property) ? null : (values[property] ?? null),
    occurredAt,
  });
}

/** Not while the user awaits a verdict: messages of long ago may come of it, and of what waits behind it. */
function forget(timer: Timer, context: Context): void {
  if (typeof context.get(messages)?.awaiting === 'string') {
    context.setTimer(timers.forget, timer.at + DAY_MS, timer.id);
    return;
  }
  if (timer.id !== EXPOSURES) {
    context.set(measuredEvents, undefined, timer.id);
    return;
  }
  const all = exposuresOf(context).filter(({ until }) => until + keptFor(context) > timer.at);
  context.set(exposures, all.length === 0 ? undefined : { all });
}

/** ms of stream time for which both sides are kept: until outcomes are told, however late events may come. */
function keptFor({ lateness }: Context): number {
  return Math.max(JOINED_WITHIN, lateness + HOUR);
}

function exposuresOf(context: Context): readonly Exposure[] {
  return context.get(exposures)?.all ?? NO_EXPOSURES;
}

function eventsOf(hour: number, context: Context): readonly MeasuredEvent[] {
  return context.get(measuredEvents, String(hour))?.events ?? NO_EVENTS;
}

function hourOf(time: number): number {
  return Math.floor(time / HOUR);
}

function tenantOf({ key }: Context): string {
  return key.slice(0, key.indexOf('/'));
}
