// The population of `beckon demo`: savers, farmers and shoppers in several zones, with daily rhythm, carts, deposits, silences
// and returns. Everybody is made up, and every address is one that reaches nobody. The same options give the same records.
import { DAY_MS } from '../../schemas/durations.ts';
import { type Zone, zoneOrUtc } from '../../schemas/local-time.ts';
import type { ConsentChange, UserEvent, UserProfile } from '../../schemas/types.ts';
import { type Kind, type Steps, sessionSteps } from './behaviour.ts';
import { Random } from './random.ts';

export interface PopulationOptions {
  /** Default 2,000, which over 30 days makes about 250,000 events. */
  readonly users?: number;
  /** Days of events; default 30. */
  readonly days?: number;
  /** Epoch ms of the first day's 00:00 UTC; default 2026-01-05. */
  readonly from?: number;
  readonly seed?: number;
  readonly tenantId?: string;
}

/** Records by topic, each in order of time. */
export interface Population {
  readonly profiles: readonly UserProfile[];
  readonly consents: readonly ConsentChange[];
  readonly events: readonly UserEvent[];
}

interface Place {
  readonly country: string;
  readonly timezone: string;
  readonly locales: readonly string[];
  readonly kinds: readonly Kind[];
  /** Of a hundred users. */
  readonly share: number;
}

const PLACES: readonly Place[] = [
  {
    country: 'KE',
    timezone: 'Africa/Nairobi',
    locales: ['sw-KE', 'en-KE'],
    kinds: ['saver', 'saver', 'farmer', 'shopper'],
    share: 35,
  },
  { country: 'UG', timezone: 'Africa/Kampala', locales: ['en-UG'], kinds: ['saver', 'farmer', 'farmer'], share: 20 },
  { country: 'NG', timezone: 'Africa/Lagos', locales: ['en-NG'], kinds: ['saver', 'shopper', 'shopper'], share: 20 },
  { country: 'IN', timezone: 'Asia/Kolkata', locales: ['hi-IN', 'en-IN'], kinds: ['shopper', 'saver'], share: 15 },
  { country: 'DE', timezone: 'Europe/Berlin', locales: ['de-DE', 'en-DE'], kinds: ['shopper'], share: 6 },
  { country: 'FR', timezone: 'Europe/Paris', locales: ['fr-FR'], kinds: ['shopper'], share: 4 },
];

/** How likely a session is to start in each hour of the user's day: little by night, most in the evening. */
const RHYTHM = [1, 1, 0, 0, 0, 1, 3, 6, 8, 6, 5, 5, 7, 8, 5, 4, 5, 6, 8, 11, 12, 9, 5, 2];

const DEFAULTS = { users: 2000, days: 30, from: Date.UTC(2026, 0, 5), seed: 1, tenantId: 'default' };

interface Person {
  readonly number: number;
  readonly userId: string;
  readonly kind: Kind;
  readonly place: Place;
  readonly zone: Zone;
  /** Days from the beginning on which there are events: before, the user was not there yet; after, gone for good. */
  readonly firstDay: number;
  readonly lastDay: number;
  /** Days without events, from and to (exclusive). */
  readonly silence: readonly [number, number];
  /** Sessions a day, in the mean. */
  readonly activity: number;
}

export function population(options: PopulationOptions = {}): Population {
  const all = { ...DEFAULTS, ...options };
  const profiles: UserProfile[] = [];
  const consents: ConsentChange[] = [];
  const events: UserEvent[] = [];
  for (let number = 1; number <= all.users; number++) {
    // Each has numbers of their own, so that a larger population begins with the smaller one.
    const random = new Random(Math.imul(all.seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
    const person = personOf(number, all.days, random);
    // Before the person's first local day begins, wherever that is.
    const daysBefore = person.firstDay > 0 ? 1 - person.firstDay : 1 + random.below(300);
    const joinedAt = all.from - daysBefore * DAY_MS;
    profiles.push(profileOf(person, all.tenantId, joinedAt, random));
    consents.push(...consentsOf(person, all, joinedAt, random));
    events.push(...eventsOf(person, all, random));
  }
  return {
    profiles: profiles.sort((a, b) => a.updatedAt - b.updatedAt),
    consents: consents.sort((a, b) => a.changedAt - b.changedAt),
    events: events.sort((a, b) => a.occurredAt - b.occurredAt),
  };
}

function personOf(number: number, days: number, random: Random): Person {
  const place = PLACES[random.weighted(PLACES.map(({ share }) => share))] as Place;
  const firstDay = random.chance(0.15) ? random.below(Math.ceil(days * 0.6)) : 0;
  const lastDay = random.chance(0.12) ? firstDay + random.below(days - firstDay) : days;
  const silenceFrom = random.chance(0.45) ? firstDay + random.below(days) : days;
  return {
    number,
    userId: `user-${String(number).padStart(5, '0')}`,
    kind: random.pick(place.kinds),
    place,
    zone: zoneOrUtc(place.timezone).zone,
    firstDay,
    lastDay,
    silence: [silenceFrom, silenceFrom + 3 + random.below(14)],
    activity: 0.15 + random.exponential(0.7),
  };
}

function profileOf(
  { number, userId, kind, place, firstDay }: Person,
  tenantId: string,
  updatedAt: number,
  random: Random,
): UserProfile {
  const phone = `+1${String(number).padStart(10, '0')}`;
  const device = random.chance(kind === 'farmer' ? 0.5 : 0.1)
    ? 'feature-phone'
    : random.chance(0.8)
      ? 'android'
      : 'ios';
  const smart = device !== 'feature-phone';
  const contacts = {
    sms: phone,
    ...(smart && random.chance(0.85) ? { whatsapp: phone } : {}),
    ...(smart && random.chance(0.7) ? { push: `push-${number}` } : {}),
    ...(random.chance(kind === 'farmer' ? 0.2 : 0.75) ? { email: `user${number}@example.com` } : {}),
  };
  const frequency = random.next();
  return {
    tenantId,
    userId,
    timezone: place.timezone,
    locale: random.pick(place.locales),
    contacts,
    channelPreferences: smart && 'whatsapp' in contacts ? ['whatsapp', 'sms'] : ['sms'],
    customerType: firstDay > 0 ? 'new' : 'existing',
    device,
    notificationFrequency: frequency < 0.1 ? 'low' : frequency < 0.2 ? 'high' : null,
    attributes: {
      country: place.country,
      kind,
      ...(kind === 'shopper' ? {} : { plan: random.pick(['weekly', 'weekly', 'monthly', 'flexible']) }),
    },
    groups: [],
    updatedAt,
  };
}

/** Most agree to everything, some to a few channels, some never; of those who agreed some change their mind midway. */
function consentsOf(
  person: Person,
  { tenantId, from, days }: typeof DEFAULTS,
  joinedAt: number,
  random: Random,
): readonly ConsentChange[] {
  const drawn = random.next();
  if (drawn < 0.1) return [];
  const change = { tenantId, userId: person.userId, version: '2026-01', source: 'signup-form' };
  const channels: readonly (string | null)[] =
    drawn < 0.25 ? [random.pick(['sms', 'whatsapp', 'email']), 'push'] : [null];
  const purposes = person.kind === 'shopper' ? ['marketing'] : ['marketing', 'savings'];
  const granted = purposes.flatMap((purpose) =>
    channels.map((channel) => ({ ...change, purpose, channel, granted: true, changedAt: joinedAt })),
  );
  if (!random.chance(0.1)) return granted;
  const changedAt = Math.max(joinedAt + 1, from + Math.floor(random.next() * days * DAY_MS));
  const channel = random.chance(0.5) ? null : 'sms';
  const revoked = { ...change, source: 'settings', purpose: 'marketing', channel, granted: false, changedAt };
  const back = random.chance(0.2) ? [{ ...revoked, granted: true, changedAt: changedAt + 2 * DAY_MS }] : [];
  return [...granted, revoked, ...back];
}

function eventsOf(person: Person, { tenantId, from, days }: typeof DEFAULTS, random: Random): readonly UserEvent[] {
  const { userId, zone, activity, firstDay, lastDay, silence, number } = person;
  const events: UserEvent[] = [];
  let sessions = 0;
  let at = 0;
  const add = (sessionId: string | null, steps: Steps): void => {
    for (const { afterMs, type, properties } of steps) {
      at += afterMs;
      events.push({
        eventId: `e${number}-${events.length + 1}`,
        tenantId,
        userId,
        sessionId,
        occurredAt: at,
        type,
        properties,
      });
    }
  };
  const midday = random.below(7);
  for (let day = firstDay; day < Math.min(lastDay, days); day++) {
    const isSilent = day >= silence[0] && day < silence[1];
    const starts = isSilent ? [] : startsOn(from + day * DAY_MS, activity, zone, random);
    for (const start of starts) {
      // A session begun before the last one ended follows it.
      at = Math.max(at + 60_000, start);
      add(`s${number}-${++sessions}`, sessionSteps(person.kind, random));
    }
    // The savings office books what is due once a week, whether the user was there or not.
    if (person.kind !== 'shopper' && day % 7 === midday) {
      const noon = from + day * DAY_MS + 12 * 3_600_000;
      at = Math.max(at + 1000, noon - zone.offsetAt(noon));
      const missed = isSilent || random.chance(0.25);
      const amount = 50 * (1 + random.below(20));
      add(null, [{ afterMs: 0, type: missed ? 'savings_deposit_missed' : 'savings_deposit', properties: { amount } }]);
    }
  }
  return events;
}

/** Instants at which sessions start on a local day, in order. */
function startsOn(midnight: number, activity: number, zone: Zone, random: Random): readonly number[] {
  const starts: number[] = [];
  for (let wait = random.exponential(1 / activity); wait < 1; wait += random.exponential(1 / activity)) {
    const local = midnight + (random.weighted(RHYTHM) + random.next()) * 3_600_000;
    starts.push(Math.floor(local - zone.offsetAt(local)));
  }
  return starts.sort((a, b) => a - b);
}
