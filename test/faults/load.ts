// The bounded load of the fault suite: a few hundred users over three weeks, the same for the same seed.
import { Random } from '../../cli/demo/random.ts';

export interface FaultLoad {
  /** Lines of JSON by topic, published before the first start. */
  readonly before: Readonly<Record<'profiles' | 'consents' | 'send-requests' | 'events', readonly string[]>>;
  /** Events published one piece after the other, from the first start on. */
  readonly pieces: readonly (readonly string[])[];
  /** Everything that time can bring has happened by then. */
  readonly end: string;
}

interface GeneratedEvent {
  readonly eventId: string;
  readonly userId: string;
  readonly occurredAt: number;
  readonly type: string;
}

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const FROM = Date.UTC(2026, 0, 5);
const SPAN = 21 * DAY;
const ZONES = ['Africa/Nairobi', 'Asia/Kolkata', 'Europe/Berlin', 'America/New_York'];
/** Further than the policy lets time jump: a dead letter. */
const JUMP = 500 * DAY;

export function faultLoad(seed: number, events: number, users: number, pieceSize: number): FaultLoad {
  const random = new Random(seed);
  const arrived = disordered(random, inOrder(random, events, users));
  const early = Math.floor(arrived.length * 0.4);
  const requestsUntil = arrived[Math.floor(early * 0.9)]?.occurredAt ?? FROM;
  const pieces: string[][] = [];
  for (let at = early; at < arrived.length; at += pieceSize)
    pieces.push(arrived.slice(at, at + pieceSize).map((e) => JSON.stringify(e)));
  return {
    before: {
      profiles: everyUser(users, (userId) => profile(random, userId)),
      consents: everyUser(users, (userId) => consent(random, userId)).filter(() => random.chance(0.95)),
      'send-requests': requests(random, users, requestsUntil),
      events: arrived.slice(0, early).map((e) => JSON.stringify(e)),
    },
    pieces,
    end: '2026-04-20T00:00:00Z',
  };
}

function inOrder(random: Random, count: number, users: number): GeneratedEvent[] {
  const events: GeneratedEvent[] = [];
  while (events.length < count) {
    const userId = `user-${random.below(users)}`;
    let occurredAt = FROM + random.below(SPAN);
    for (let left = random.geometric(5); left > 0 && events.length < count; left--) {
      const type = random.pick(['view', 'view', 'view', 'add_to_cart', 'purchase']);
      events.push({ eventId: `e-${events.length}`, userId, occurredAt, type });
      occurredAt += Math.ceil(random.exponential(3 * MINUTE));
    }
  }
  return events.sort((a, b) => a.occurredAt - b.occurredAt);
}

/** As events arrive: some a little out of order, some late, some twice, and two from the far future. */
function disordered(random: Random, events: readonly GeneratedEvent[]): GeneratedEvent[] {
  const arrived: GeneratedEvent[] = [];
  const delayed: { readonly event: GeneratedEvent; readonly after: number }[] = [];
  events.forEach((event, i) => {
    if (random.chance(0.02)) delayed.push({ event, after: i + 20 + random.below(60) });
    else arrived.push(event);
    if (random.chance(0.02)) arrived.push(event);
    const before = arrived[arrived.length - 2];
    if (before !== undefined && random.chance(0.1))
      arrived.splice(arrived.length - 2, 1, ...arrived.splice(-1), before);
    for (const late of delayed.filter((d) => d.after === i)) arrived.push(late.event);
  });
  for (const part of [0.6, 0.8]) {
    const event = arrived[Math.floor(arrived.length * part)] as GeneratedEvent;
    const ahead = { ...event, eventId: `${event.eventId}-ahead`, occurredAt: event.occurredAt + JUMP };
    arrived.splice(Math.floor(arrived.length * part), 0, ahead);
  }
  return arrived;
}

function everyUser(users: number, line: (userId: string) => object): string[] {
  return Array.from({ length: users }, (_, i) => JSON.stringify(line(`user-${i}`)));
}

function profile(random: Random, userId: string): object {
  const contacts = { email: `${userId}@example.org`, sms: `+2547${userId.slice(5).padStart(8, '0')}` };
  const whatsapp = random.chance(0.5) ? { whatsapp: contacts.sms } : {};
  return {
    userId,
    timezone: random.pick(ZONES),
    contacts: { ...contacts, ...whatsapp },
    updatedAt: FROM - DAY,
  };
}

function consent(random: Random, userId: string): object {
  const granted = random.chance(0.9);
  return { userId, purpose: 'marketing', granted, changedAt: granted ? FROM - DAY : FROM + random.below(SPAN) };
}

function requests(random: Random, users: number, until: number): string[] {
  const times = Array.from({ length: users }, () => FROM + random.below(until - FROM)).sort((a, b) => a - b);
  return times.map((requestedAt, i) =>
    JSON.stringify({
      requestId: `r-${i}`,
      userId: `user-${random.below(users)}`,
      campaignId: 'newsletter',
      source: 'api',
      requestedAt,
    }),
  );
}
