// The load: users, what they agreed to, messages asked for from outside, and events without an end, all from one seed. In
// order of time, so that the results are those of a simulation, but for repeated events and for some that come days late.
import { Random } from '../../../cli/demo/random.ts';
import { DAY_MS } from '../../../schemas/durations.ts';
import { jsonForm } from '../../../schemas/json-form.ts';
import { consents, events, profiles, sendRequests, type Topic } from '../../../schemas/topics.ts';
import type { ConsentChange, SendRequest, UserEvent, UserProfile } from '../../../schemas/types.ts';

const MINUTE = 60_000;
export const FROM = Date.UTC(2026, 0, 5);
const REQUESTS = 200;
const ZONES = ['Africa/Nairobi', 'Asia/Kolkata', 'Europe/Berlin', 'America/New_York'];
const SESSION_EVERY = DAY_MS / 300;
/** How far behind late events are: no session is open for so long, and no time waits for them. */
const LATE_BY = 2 * DAY_MS;

export interface LoadOptions {
  readonly users: number;
  /** Events of so many days are there before the first instance starts, and all requests lie within them. */
  readonly earlyDays: number;
  /** Some events come days late. */
  readonly late: boolean;
  /** The first event of each user is a signup. */
  readonly signups: boolean;
}

export class Load {
  readonly profiles: readonly UserProfile[];
  readonly consents: readonly ConsentChange[];
  readonly requests: readonly SendRequest[];
  /** Events to publish before the first start. */
  readonly early: readonly UserEvent[];
  readonly #options: LoadOptions;
  readonly #random: Random;
  /** Users that have signed up. */
  readonly #known = new Set<string>();
  /** Of sessions that have begun, in order of time. */
  #pending: UserEvent[] = [];
  #sessionAt = FROM;
  #made = 0;

  constructor(seed: number, options: LoadOptions) {
    const { users, earlyDays } = options;
    this.#options = options;
    this.#random = new Random(seed);
    this.profiles = eachOf(users, (userId) => this.#profile(userId));
    this.consents = eachOf(users, (userId) => this.#consent(userId)).filter(() => this.#random.chance(0.95));
    this.requests = this.#requests();
    const early: UserEvent[] = [];
    while ((early.at(-1)?.occurredAt ?? 0) < FROM + earlyDays * DAY_MS) early.push(...this.next(1));
    this.early = early;
  }

  /** The next events, in the order in which to publish them. */
  next(count: number): UserEvent[] {
    const taken: UserEvent[] = [];
    while (taken.length < count) {
      while ((this.#pending[0]?.occurredAt ?? Number.POSITIVE_INFINITY) > this.#sessionAt) this.#beginSession();
      const event = this.#signedUp(this.#pending.shift() as UserEvent);
      taken.push(event);
      if (this.#random.chance(0.02)) taken.push(event);
      if (this.#options.late && event.occurredAt > FROM + LATE_BY && this.#random.chance(0.01))
        taken.push(this.#event(this.#user(), event.occurredAt - LATE_BY));
    }
    return taken;
  }

  #beginSession(): void {
    const userId = this.#user();
    let at = this.#sessionAt;
    for (let left = this.#random.geometric(5); left > 0; left--) {
      const event = this.#event(userId, at);
      const behind = this.#pending.findIndex(({ occurredAt }) => occurredAt > at);
      this.#pending.splice(behind < 0 ? this.#pending.length : behind, 0, event);
      at += Math.ceil(this.#random.exponential(3 * MINUTE));
    }
    this.#sessionAt += Math.ceil(this.#random.exponential(SESSION_EVERY));
  }

  #signedUp(event: UserEvent): UserEvent {
    if (!this.#options.signups || this.#known.has(event.userId)) return event;
    this.#known.add(event.userId);
    return { ...event, type: 'signup' };
  }

  #event(userId: string, occurredAt: number): UserEvent {
    const type = this.#random.pick(['view', 'view', 'view', 'add_to_cart', 'purchase']);
    return jsonForm(events).read({ eventId: `e-${this.#made++}`, userId, occurredAt, type });
  }

  #user(): string {
    return `user-${this.#random.below(this.#options.users)}`;
  }

  #profile(userId: string): UserProfile {
    const phone = `+2547${userId.slice(5).padStart(8, '0')}`;
    const contacts = { email: `${userId}@example.org`, sms: phone, whatsapp: phone };
    const timezone = this.#random.pick(ZONES);
    return jsonForm(profiles).read({ userId, timezone, contacts, updatedAt: FROM - DAY_MS });
  }

  /** Known from the beginning: a later change would count as soon as it was published, and in a simulation when its time comes. */
  #consent(userId: string): ConsentChange {
    const granted = this.#random.chance(0.9);
    return jsonForm(consents).read({ userId, purpose: 'marketing', granted, changedAt: FROM - DAY_MS });
  }

  #requests(): SendRequest[] {
    const within = 0.9 * this.#options.earlyDays * DAY_MS;
    const times = Array.from({ length: REQUESTS }, () => FROM + this.#random.below(within)).sort((a, b) => a - b);
    return times.map((requestedAt, i) => {
      const request = { requestId: `r-${i}`, userId: this.#user(), campaignId: 'newsletter', source: 'api' };
      return jsonForm(sendRequests).read({ ...request, requestedAt });
    });
  }
}

function eachOf<T>(users: number, make: (userId: string) => T): T[] {
  return Array.from({ length: users }, (_, i) => make(`user-${i}`));
}

/** The values as lines of NDJSON. */
export function ndjson<T>(topic: Topic<T>, values: readonly T[]): string {
  const form = jsonForm(topic);
  return values.map((value) => `${form.write(value)}\n`).join('');
}
