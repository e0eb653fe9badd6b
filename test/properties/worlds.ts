// Random inputs of a whole simulation: campaigns and policy, users, and their records in four files.
import fc from 'fast-check';
import type { ConsentChange, SendRequest, UserEvent, UserProfile } from '../../schemas/types.ts';
import { HOUR } from '../oracle/common.ts';
import type { DecisionInput } from '../oracle/model.ts';
import {
  CHANNELS,
  CUSTOMER_TYPES,
  campaigns,
  DEVICES,
  given,
  maybe,
  policies,
  STEP,
  TYPES,
  values,
} from './campaigns.ts';

/** Midnights (UTC) shortly before clocks change somewhere: New York, Cairo at its midnight, Berlin, New York back. */
const BASES = [Date.UTC(2026, 2, 7), Date.UTC(2026, 3, 23), Date.UTC(2026, 9, 24), Date.UTC(2026, 9, 31)];
const ZONES = [
  ...['America/New_York', 'Africa/Cairo', 'Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Nairobi', 'Asia/Kolkata'],
  ...['Nowhere/Town', null],
];
const TENANTS = ['default', 'other'];
const USERS = ['u1', 'u2', 'ü3'];
/** How much later than the lateness allows late events come. */
const BEYOND = 6 * HOUR;

export interface WorldOptions {
  /** Budgets are tight; else nothing reaches them. */
  readonly binds: boolean;
  /** Files are in order, or out of order by no more than the lateness, or with events that come later still. */
  readonly disorder: 'none' | 'within' | 'late';
  /** Profiles and consents stand before everything else. */
  readonly fixedTables?: boolean;
  /** Without an `until`. */
  readonly endless?: boolean;
}

/** Whose record it is, its time on the grid and off it by a millisecond, and how late it comes (of 100). */
interface Row {
  readonly tenant: number;
  readonly user: number;
  readonly step: number;
  readonly off: number;
  readonly delay: number;
}

/** Rows over `span` steps, most of them of one user. */
function rows<T>(span: number, rest: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<(Row & T)[]> {
  const row = fc.record({
    tenant: fc.constantFrom(0, 0, 0, 0, 1),
    user: fc.constantFrom(0, 0, 0, 1, 2),
    step: fc.nat(span),
    off: fc.constantFrom(0, 0, -1, 1),
    delay: fc.nat(100),
  });
  const both = fc.tuple(row, rest).map(([a, b]) => ({ ...a, ...b }));
  return fc.array(both, { maxLength, size: 'max' });
}

/** A simulation's input. */
export function worlds(options: WorldOptions): fc.Arbitrary<DecisionInput> {
  const lateness = fc.constantFrom(0, STEP, HOUR, 8 * HOUR);
  const settings = fc.tuple(fc.constantFrom(...BASES), policies, fc.constantFrom(30, 100, 400), lateness);
  return settings.chain(([base, policy, span, lateness]) => {
    const records = new Records(base, lateness, options);
    return fc
      .record({
        campaigns: campaigns(base, policy, options.binds),
        files: recordRows(span),
        until: options.endless ? fc.constant(undefined) : maybe(fc.nat(600), 2),
      })
      .map(({ campaigns, files, until }): DecisionInput => {
        const ids = campaigns.map(({ id }) => id);
        const end = until === undefined ? undefined : base + until * STEP;
        return given({ campaigns, policy, lateness, until: end, ...records.of(files, ids) });
      });
  });
}

type Files = ReturnType<typeof recordRows> extends fc.Arbitrary<infer F> ? F : never;

function recordRows(span: number) {
  const id = fc.nat(40);
  const zone = fc.nat(ZONES.length - 1);
  const wish = fc.constantFrom(null, 'high' as const, 'medium' as const, 'low' as const);
  const contacts = fc.subarray(CHANNELS);
  const purpose = fc.constantFrom('marketing', 'news', 'all', 'transactional');
  const channel = fc.constantFrom(...CHANNELS, null, null);
  const granted = fc.constantFrom(true, true, false);
  const source = fc.constantFrom('api' as const, 'batch' as const);
  /** Steps from a request to its notBefore. */
  const wait = fc.constantFrom(null, null, null, -3, 5, 40, 200);
  const likings = {
    channelPreferences: fc.oneof(fc.constant([]), fc.shuffledSubarray([...CHANNELS, 'telegram'])),
    customerType: fc.constantFrom(null, ...CUSTOMER_TYPES),
    device: fc.constantFrom(null, ...DEVICES, 'Feature-Phone'),
  };
  return fc.record({
    events: rows(span, fc.record({ id, type: fc.constantFrom(...TYPES), properties: values }), 25),
    requests: rows(span, fc.record({ id, campaign: fc.nat(15), data: values, source, wait }), 15),
    profiles: rows(span, fc.record({ zone, contacts, attributes: values, wish, ...likings }), 4),
    consents: rows(span, fc.record({ purpose, channel, granted }), 6),
    /** Of each user. */
    zones: fc.array(zone, { minLength: 6, maxLength: 6 }),
    likings: fc.array(fc.record(likings), { minLength: 6, maxLength: 6 }),
    purposes: fc.array(fc.constantFrom('all', 'marketing'), { minLength: 6, maxLength: 6 }),
  });
}

/** Makes records of rows. */
class Records {
  readonly #base: number;
  readonly #lateness: number;
  readonly #options: WorldOptions;

  constructor(base: number, lateness: number, options: WorldOptions) {
    this.#base = base;
    this.#lateness = lateness;
    this.#options = options;
  }

  /** `campaigns`: what requests may ask for, besides one that is not there. */
  of(
    files: Files,
    campaigns: readonly string[],
  ): Pick<DecisionInput, 'events' | 'sendRequests' | 'profiles' | 'consents'> {
    const everyone = TENANTS.flatMap((_, tenant) =>
      USERS.map((_, user): Row => ({ tenant, user, step: -6, off: 0, delay: 0 })),
    );
    const bound = this.#options.disorder === 'none' ? 0 : this.#lateness;
    return {
      events: this.#arriving(files.events, this.#options.disorder === 'late' ? bound + BEYOND : bound).map(
        ({ id, type, properties, ...row }): UserEvent => ({
          ...{ ...who(row), eventId: `e${id}`, sessionId: null, occurredAt: this.#time(row), type, properties },
        }),
      ),
      sendRequests: this.#arriving(files.requests, bound).map(
        ({ id, campaign, data, source, wait, ...row }): SendRequest => {
          const campaignId = campaign === 0 ? 'nope' : (campaigns[campaign % campaigns.length] ?? 'nope');
          const requestedAt = this.#time(row);
          return {
            ...who(row),
            requestId: `r${id}`,
            campaignId,
            source,
            requestedAt,
            data,
            notBefore: wait === null ? null : requestedAt + wait * STEP,
          };
        },
      ),
      profiles: [
        ...everyone.map((row, i) => this.#profile(row, files.zones[i] ?? 0, files.likings[i] ?? {})),
        ...this.#arriving(files.profiles, bound).map(
          ({ zone, contacts, attributes, wish, channelPreferences, customerType, device, ...row }) =>
            this.#profile(row, zone, {
              ...{ channelPreferences, customerType, device },
              ...{ contacts: contactsOf(contacts, row.user + 10), attributes, notificationFrequency: wish },
              updatedAt: this.#tableTime(row),
            }),
        ),
      ],
      consents: [
        ...everyone.map((row, i) => this.#consent(row, { purpose: files.purposes[i] ?? 'all' })),
        ...this.#arriving(files.consents, bound).map(({ purpose, channel, granted, ...row }) =>
          this.#consent(row, { purpose, channel, granted, changedAt: this.#tableTime(row) }),
        ),
      ],
    };
  }

  #time({ step, off }: Row): number {
    return this.#base + step * STEP + off;
  }

  #tableTime(row: Row): number {
    return this.#options.fixedTables ? this.#base - STEP : this.#time(row);
  }

  /** In the order in which they come, each at most `allowed` ms late. */
  #arriving<T extends Row>(list: readonly T[], allowed: number): T[] {
    const arrival = (row: T): number => this.#time(row) + Math.floor((allowed * row.delay) / 100);
    return list.toSorted((a, b) => arrival(a) - arrival(b));
  }

  #profile(row: Row, zone: number, rest: Partial<UserProfile>): UserProfile {
    return {
      ...{ ...who(row), timezone: ZONES[zone] ?? null, locale: 'sw-KE', channelPreferences: [], customerType: null },
      ...{ device: null, notificationFrequency: null, attributes: { country: 'KE' }, groups: [] },
      ...{ contacts: contactsOf(CHANNELS, row.user), updatedAt: this.#time(row) },
      ...rest,
    };
  }

  #consent(row: Row, rest: Partial<ConsentChange>): ConsentChange {
    return {
      ...{ ...who(row), purpose: 'marketing', channel: null, granted: true, version: null, source: null },
      ...{ changedAt: this.#time(row), ...rest },
    };
  }
}

function who({ tenant, user }: Row): { readonly tenantId: string; readonly userId: string } {
  return { tenantId: TENANTS[tenant] ?? 'default', userId: USERS[user] ?? 'u1' };
}

function contactsOf(channels: readonly string[], n: number): Record<string, string> {
  return Object.fromEntries(channels.map((channel) => [channel, `${channel}-${n}`]));
}
