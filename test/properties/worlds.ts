// Random campaigns, policies, users and their records.
import fc from 'fast-check';
import type { ConsentChange, SendRequest, UserEvent, UserProfile } from '../../schemas/types.ts';
import { DAY, HOUR } from '../oracle/common.ts';
import type { Budget, Campaign, CapRule, Condition, DecisionInput, Leaf, Policy, Trigger } from '../oracle/model.ts';

export const MINUTE = 60_000;
const STEP = 10 * MINUTE;

/** Midnights (UTC) shortly before clocks change somewhere: New York, Cairo at its midnight, Berlin, New York back. */
const BASES = [Date.UTC(2026, 2, 7), Date.UTC(2026, 3, 23), Date.UTC(2026, 9, 24), Date.UTC(2026, 9, 31)];
const ZONES = [
  ...['America/New_York', 'Africa/Cairo', 'Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Nairobi', 'Asia/Kolkata'],
  ...['Nowhere/Town', null],
];
const TENANTS = ['default', 'other'];
const USERS = ['u1', 'u2', 'ü3'];
const CHANNELS = ['sms', 'email', 'whatsapp', 'push'];
const COSTS = { sms: 10, whatsapp: 5, email: 1 };
/** One of them is a property that every object has. */
const TYPES = ['view', 'buy', 'constructor'];
const CAMPAIGNS = ['c1', 'c2', 'c3', '4c'];
const QUIET = ['21:00-08:00', '09:00-12:30', '00:00-06:00', '01:30-02:30', '12:00-11:50'];

const maybe = <T>(value: fc.Arbitrary<T>, freq = 2): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq });
/** Leaves out what is undefined. */
const given = <T extends object>(parts: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const value = fc.constantFrom<(boolean | number | string)[]>(0, 1, 2, 3, 10, true, '', 'b', 'ü', 'KE', 'UG');
const values = fc.dictionary(fc.constantFrom('price', 'plan', 'country'), fc.oneof(value, fc.constant(null)), {
  maxKeys: 3,
});

const field: fc.Arbitrary<Leaf> = fc.constantFrom<Leaf[]>(
  ...['price', 'plan', 'constructor'].map((property) => ({ property })),
  ...['durationMs', 'eventCount', 'eventTypes.buy', 'silentMs', 'threshold', 'plan'].map((fact) => ({ fact })),
  ...['country', 'plan', 'locale', 'constructor'].map((attribute) => ({ attribute })),
  ...['events', 'sessions', 'events.buy', 'daysSinceFirstSeen', 'daysSinceLastSeen'].map((metric) => ({ metric })),
);
const order = fc.constantFrom<(number | string)[]>(0, 1, 2, 3, HOUR, 'b', 'ü', 'KE', '6h');
const comparison: fc.Arbitrary<Leaf> = fc.oneof(
  value.map((eq) => ({ eq })),
  value.map((ne) => ({ ne })),
  fc.array(value, { minLength: 1, maxLength: 3 }).map((members) => ({ in: members })),
  order.map((gt) => ({ gt })),
  order.map((gte) => ({ gte })),
  order.map((lt) => ({ lt })),
  order.map((lte) => ({ lte })),
  fc.boolean().map((exists) => ({ exists })),
);
const leaf: fc.Arbitrary<Condition> = fc
  .tuple(field, comparison)
  .map(([asked, compared]) => ({ ...asked, ...compared }));
const condition: fc.Arbitrary<Condition> = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('condition'), { minLength: 1, maxLength: 2 }).map((all) => ({ all })),
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    tie('condition').map((not) => ({ not })),
  ),
})).condition;

function triggers(thresholds: readonly number[]): fc.Arbitrary<Trigger> {
  const signal = fc.constantFrom('inactive' as const, 'returned' as const);
  const asked: fc.Arbitrary<Trigger> = fc.oneof(
    fc.constantFrom(...TYPES).map((event) => ({ event })),
    fc.constant({ session: 'closed' as const }),
    fc.tuple(signal, maybe(fc.constantFrom(...thresholds))).map(([kind, afterMs]) => given({ signal: kind, afterMs })),
  );
  const withWhere = fc
    .tuple(asked, maybe(condition, 1))
    .map(([trigger, where]): Trigger => given({ ...trigger, where }));
  return fc.oneof({ weight: 3, arbitrary: withWhere }, { weight: 1, arbitrary: fc.constant({ api: true as const }) });
}

/** `binds` false: limits that nothing reaches, or next to none. */
function budgets(base: number, channels: readonly string[], binds: boolean): fc.Arbitrary<Budget> {
  if (!binds) {
    const plenty = { total: 1_000_000_000, daily: 900_000_000 };
    return fc.constantFrom<Budget[]>(
      { pacing: 'asap', ...plenty },
      { pacing: 'even', ...plenty, from: base - 30 * DAY, to: base + 60 * DAY },
    );
  }
  const moment = fc.integer({ min: -144, max: 1000 }).map((steps) => base + steps * STEP);
  const parts = fc.record({
    total: maybe(fc.integer({ min: 5, max: 150 })),
    daily: maybe(fc.integer({ min: 5, max: 40 }), 1),
    perChannel: maybe(fc.dictionary(fc.constantFrom(...channels), fc.integer({ min: 0, max: 40 })), 1),
    window: maybe(fc.tuple(moment, fc.integer({ min: 1, max: 700 }))),
    asap: fc.boolean(),
  });
  return parts.map(({ total, daily, perChannel, window, asap }): Budget => {
    const [from, to] = window === undefined ? [undefined, undefined] : [window[0], window[0] + window[1] * STEP];
    const even = !asap && total !== undefined && from !== undefined;
    const day = daily !== undefined && total !== undefined ? Math.min(daily, total) : daily;
    const limits = given({ total, daily: day, perChannel, from, to });
    const isLimited =
      Object.keys(limits).some((key) => key !== 'perChannel') || Object.keys(perChannel ?? {}).length > 0;
    return { pacing: even ? 'even' : 'asap', ...(isLimited ? limits : { total: 30 }) };
  });
}

function campaigns(base: number, policy: Policy, binds: boolean): fc.Arbitrary<Campaign[]> {
  const one = (tenantId: string, id: string): fc.Arbitrary<Campaign[]> =>
    fc.shuffledSubarray(CHANNELS, { minLength: 1 }).chain((channels) => {
      const parts = fc.record({
        class: fc.constantFrom('marketing' as const, 'marketing' as const, 'transactional' as const),
        purpose: maybe(fc.constant('news'), 1),
        priority: fc.constantFrom(0, 50, 50, 100),
        trigger: triggers(policy.thresholds),
        audience: maybe(condition, 1),
        dedupe: fc
          .tuple(fc.constantFrom(1000, HOUR, 6 * HOUR, DAY), maybe(fc.constantFrom('k1', 'k2'), 1))
          .map(([windowMs, key]) => given({ windowMs, key })),
        quietHours: maybe(fc.constantFrom(...QUIET), 1),
        expiresAfterMs: fc.constantFrom(HOUR, 8 * HOUR, 2 * DAY, 3 * DAY),
        budget: maybe(budgets(base, channels, binds)),
        timezone: fc.constantFrom('UTC', 'Africa/Cairo', 'America/New_York'),
        holdout: maybe(fc.constant(0.3), 1),
      });
      const next = fc.record({
        at: fc.nat(400),
        status: fc.constantFrom('paused' as const, 'ended' as const, 'draft' as const, 'active' as const),
        quietHours: maybe(fc.constantFrom(...QUIET)),
        priority: fc.constantFrom(0, 100),
      });
      return fc.tuple(parts, maybe(next, 1)).map(([made, later]): Campaign[] => {
        const ids = { tenantId, id, channels };
        const first: Campaign = { ...ids, version: 1, effectiveFrom: 0, status: 'active', ...given(made) };
        if (later === undefined) return [first];
        const { at, ...change } = later;
        return [first, { ...first, version: 2, effectiveFrom: base + at * STEP, ...given(change) }];
      });
    });
  const every = fc.tuple(...CAMPAIGNS.map((id) => one('default', id)), one('other', 'c1'));
  return every.chain((made) => fc.subarray(made, { minLength: 1 })).map((some) => some.flat());
}

const caps: fc.Arbitrary<CapRule> = fc
  .record({
    max: fc.integer({ min: 0, max: 3 }),
    windowMs: fc.constantFrom(HOUR, 6 * HOUR, DAY, 2 * DAY),
    channel: maybe(fc.constantFrom(...CHANNELS), 1),
    class: maybe(fc.constant('marketing'), 1),
    calendar: maybe(fc.constant(true), 1),
  })
  .map((rule) => given({ ...rule, windowMs: rule.calendar ? Math.max(rule.windowMs, DAY) : rule.windowMs }));

const policies: fc.Arbitrary<Policy> = fc
  .record({
    gapMs: fc.constantFrom(10 * MINUTE, 30 * MINUTE, 3 * HOUR),
    thresholds: fc
      .uniqueArray(fc.constantFrom(HOUR, 2 * HOUR, 6 * HOUR, DAY), { minLength: 1, maxLength: 3 })
      .map((list) => list.sort((a, b) => a - b)),
    caps: fc.array(caps, { maxLength: 3 }),
    quietHours: maybe(fc.constantFrom(...QUIET), 1),
    holdout: maybe(fc.constant(0.2), 1),
    disabledChannels: maybe(fc.subarray(CHANNELS, { maxLength: 2 }), 1),
    notificationFrequency: maybe(fc.constant({ high: 2, low: 0.5 }), 1),
  })
  .map((policy) => given({ ...policy, costs: COSTS }));

interface Row {
  readonly tenant: number;
  readonly user: number;
  readonly step: number;
  readonly off: number;
  readonly delay: number;
}

/** `rare`: one in so many is of another tenant. */
const who = fc.record({
  tenant: fc.constantFrom(0, 0, 0, 1),
  user: fc.nat(USERS.length - 1),
});
const when = (span: number): fc.Arbitrary<Omit<Row, 'tenant' | 'user'>> =>
  fc.record({
    step: fc.nat(span),
    off: fc.constantFrom(0, 0, 0, 0, -1, 1),
    delay: fc.nat(100),
  });
const rows = <T>(span: number, rest: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<(Row & T)[]> =>
  fc.array(
    fc.tuple(who, when(span), rest).map(([a, b, c]) => ({ ...a, ...b, ...c })),
    { maxLength, size: 'max' },
  );

export interface WorldOptions {
  /** Budgets are tight. */
  readonly binds: boolean;
  /** Files are out of order, by no more than the lateness; true adds events that are later still. */
  readonly disorder: 'none' | 'within' | 'late';
  /** Profiles and consents stand before everything else. */
  readonly fixedTables?: boolean;
  readonly endless?: boolean;
}

/** A simulation's input. */
export function worlds(options: WorldOptions): fc.Arbitrary<DecisionInput> {
  const { binds } = options;
  const settings = fc.tuple(fc.constantFrom(...BASES), policies, fc.constantFrom(60, 200, 500), fc.nat(3));
  return settings.chain(([base, policy, span, late]) => {
    const lateness = [0, STEP, HOUR, 8 * HOUR][late] as number;
    const ids = fc.nat(40);
    return fc
      .record({
        campaigns: campaigns(base, policy, binds),
        events: rows(span, fc.record({ id: ids, type: fc.nat(2), properties: values }), 25),
        requests: rows(span, fc.record({ id: ids, campaign: fc.nat(9), data: values, batch: fc.boolean() }), 15),
        profiles: rows(
          span,
          fc.record({
            zone: fc.nat(ZONES.length - 1),
            contacts: fc.subarray(CHANNELS),
            attributes: values,
            wish: fc.nat(3),
          }),
          4,
        ),
        consents: rows(
          span,
          fc.record({ purpose: fc.nat(3), channel: fc.nat(5), granted: fc.constantFrom(true, true, false) }),
          6,
        ),
        known: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
        zones: fc.array(fc.nat(ZONES.length - 1), { minLength: 6, maxLength: 6 }),
        until: options.endless ? fc.constant(undefined) : maybe(fc.nat(600), 1),
      })
      .map((made): DecisionInput => {
        const { disorder, fixedTables = false } = options;
        const time = ({ step, off }: Row): number => base + step * STEP + off;
        const table = (row: Row): number => (fixedTables ? base - STEP : time(row));
        const arrival =
          (allowed: number) =>
          (row: Row): number =>
            time(row) + Math.floor((allowed * row.delay) / 100);
        const inOrder = <T extends Row>(list: readonly T[], allowed: number): T[] =>
          list.toSorted((a, b) => arrival(allowed)(a) - arrival(allowed)(b));
        const bound = disorder === 'none' ? 0 : lateness;
        const ids = ({ tenant, user }: Row) => ({ tenantId: TENANTS[tenant] as string, userId: USERS[user] as string });
        const everyone = [0, 1].flatMap((tenant) =>
          USERS.map((_, user) => ({ tenant, user, step: -6, off: 0, delay: 0 })),
        );
        const profileOf = (row: Row, zone: number, rest: Partial<UserProfile>): UserProfile => ({
          ...{ ...ids(row), timezone: ZONES[zone] ?? null, locale: 'sw-KE', channelPreferences: [] },
          ...{ customerType: null, device: null, notificationFrequency: null, attributes: { country: 'KE' } },
          ...{ contacts: contactsOf(CHANNELS, row.user), updatedAt: time(row) },
          ...rest,
        });
        const consentOf = (row: Row, rest: Partial<ConsentChange>): ConsentChange => ({
          ...{ ...ids(row), purpose: 'marketing', channel: null, granted: true, version: null, source: null },
          changedAt: time(row),
          ...rest,
        });
        return given({
          ...{ campaigns: made.campaigns, policy, lateness },
          until: made.until === undefined ? undefined : base + made.until * STEP,
          events: inOrder(made.events, disorder === 'late' ? lateness + 6 * HOUR : bound).map(
            (row): UserEvent => ({
              ...{ ...ids(row), eventId: `e${row.id}`, sessionId: null, occurredAt: time(row) },
              ...{ type: TYPES[row.type] as string, properties: row.properties },
            }),
          ),
          sendRequests: inOrder(made.requests, bound).map(
            (row): SendRequest => ({
              ...{ ...ids(row), requestId: `r${row.id}`, campaignId: CAMPAIGNS[row.campaign % 5] ?? 'c1' },
              ...{ source: row.batch ? 'batch' : 'api', requestedAt: time(row), data: row.data },
            }),
          ),
          profiles: [
            ...everyone.map((row, i) => profileOf(row, made.zones[i] as number, {})),
            ...inOrder(made.profiles, bound).map((row) =>
              profileOf(row, row.zone, {
                ...{ contacts: contactsOf(row.contacts, row.user + 10), attributes: row.attributes },
                notificationFrequency: ([null, 'high', 'medium', 'low'] as const)[row.wish] ?? null,
                updatedAt: table(row),
              }),
            ),
          ],
          consents: [
            ...everyone.flatMap((row, i) =>
              made.known[i] ? [consentOf(row, { purpose: 'all' })] : [consentOf(row, {})],
            ),
            ...inOrder(made.consents, bound).map((row) =>
              consentOf(row, {
                purpose: ['marketing', 'news', 'all', 'transactional'][row.purpose] as string,
                channel: CHANNELS[row.channel] ?? null,
                granted: row.granted,
                changedAt: table(row),
              }),
            ),
          ],
        });
      });
  });
}

function contactsOf(channels: readonly string[], n: number): Record<string, string> {
  return Object.fromEntries(channels.map((channel) => [channel, `${channel}-${n}`]));
}
