// Random campaigns and policies, small enough to meet each other and every boundary.
import fc from 'fast-check';
import { DAY, HOUR } from '../oracle/common.ts';
import type {
  Budget,
  Campaign,
  CapRule,
  ChannelModel,
  Condition,
  Leaf,
  Policy,
  ScoreModel,
  Trigger,
} from '../oracle/model.ts';

const MINUTE = 60_000;
/** The grid on which times lie, so that they meet. */
export const STEP = 10 * MINUTE;

export const CHANNELS = ['sms', 'email', 'whatsapp', 'push'];
/** Kinds of users and devices, some in no table; one is a property that every object has. */
export const CUSTOMER_TYPES = ['new', 'existing', 'business', 'constructor'];
export const DEVICES = ['android', 'feature-phone', 'desktop', 'toaster'];
const COSTS = { sms: 10, whatsapp: 5, email: 1 };
/** One of them is a property that every object has. */
export const TYPES = ['view', 'buy', 'constructor'];
const CAMPAIGNS = ['c1', 'c2', 'c3', '4c'];
const QUIET = ['21:00-08:00', '09:00-12:30', '00:00-06:00', '01:30-02:30', '12:00-11:50'];

/** The value in so many of ten cases, else undefined. */
export const maybe = <T>(value: fc.Arbitrary<T>, often = 5): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 10 - often, arbitrary: fc.constant(undefined) }, { weight: often, arbitrary: value });
/** Leaves out what is undefined. */
export const given = <T extends object>(parts: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const value = fc.constantFrom<(boolean | number | string)[]>(0, 1, 2, 3, 10, true, '', 'b', 'ü', 'KE', 'UG');
export const values = fc.dictionary(fc.constantFrom('price', 'plan', 'country'), fc.oneof(value, fc.constant(null)), {
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
    .tuple(asked, maybe(condition, 2))
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
      { pacing: 'curve', ...plenty, from: base - 30 * DAY, curve: [{ at: base - 30 * DAY, share: 1 }] },
    );
  }
  const moment = fc.integer({ min: -100, max: 150 }).map((steps) => base + steps * STEP);
  const parts = fc.record({
    total: maybe(fc.integer({ min: 5, max: 60 }), 7),
    daily: maybe(fc.integer({ min: 5, max: 30 }), 4),
    perChannel: maybe(fc.dictionary(fc.constantFrom(...channels), fc.integer({ min: 0, max: 40 })), 2),
    window: maybe(fc.tuple(moment, fc.integer({ min: 20, max: 700 }))),
    asap: fc.constantFrom(true, false, false),
    bends: maybe(fc.array(fc.tuple(fc.nat(100), fc.nat(1000)), { minLength: 1, maxLength: 4 })),
  });
  return parts.map(({ total, daily, perChannel, window, asap, bends }): Budget => {
    const [from, to] = window === undefined ? [undefined, undefined] : [window[0], window[0] + window[1] * STEP];
    const even = !asap && total !== undefined && from !== undefined;
    const day = daily !== undefined && total !== undefined ? Math.min(daily, total) : daily;
    const limits = given({ total, daily: day, perChannel, from, to });
    const isLimited =
      Object.keys(limits).some((key) => key !== 'perChannel') || Object.keys(perChannel ?? {}).length > 0;
    if (even && bends !== undefined) return { pacing: 'curve', ...limits, curve: curveOf(bends, from, to) };
    return { pacing: even ? 'even' : 'asap', ...(isLimited ? limits : { total: 30 }) };
  });
}

/** Points from percentages of the time and thousandths of the total. */
function curveOf(bends: readonly (readonly [number, number])[], from: number, to = from): NonNullable<Budget['curve']> {
  const shares = bends.map(([, share]) => share / 1000).sort((a, b) => a - b);
  const times = [...new Set(bends.map(([time]) => from + Math.floor(((to - from) * time) / 100)))];
  return times.sort((a, b) => a - b).map((at, i) => ({ at, share: shares[i] ?? 1 }));
}

const bestHours = fc.uniqueArray(fc.nat(23), { minLength: 1, maxLength: 3 });

function sendTimes(base: number): fc.Arbitrary<Exclude<Campaign['sendTime'], undefined>> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('best' as const) },
    { weight: 2, arbitrary: fc.constantFrom(0, 90, 150, 540, 1430).map((localMinutes) => ({ localMinutes })) },
    { weight: 1, arbitrary: fc.nat(300).map((step) => ({ at: base + step * STEP })) },
  );
}

/** Versions of several campaigns of two tenants; `base`: when everything begins. */
export function campaigns(base: number, policy: Policy, binds: boolean): fc.Arbitrary<Campaign[]> {
  const one = (tenantId: string, id: string): fc.Arbitrary<Campaign[]> =>
    fc.shuffledSubarray(CHANNELS, { minLength: 1 }).chain((channels) => {
      const parts = fc.record({
        class: fc.constantFrom('marketing' as const, 'marketing' as const, 'transactional' as const),
        purpose: maybe(fc.constant('news'), 2),
        priority: fc.constantFrom(0, 50, 50, 100),
        trigger: triggers(policy.thresholds),
        audience: maybe(condition, 2),
        dedupe: fc
          .tuple(fc.constantFrom(1000, HOUR, 6 * HOUR, DAY), maybe(fc.constantFrom('k1', 'k2'), 2))
          .map(([windowMs, key]) => given({ windowMs, key })),
        quietHours: maybe(fc.constantFrom(...QUIET), 2),
        expiresAfterMs: fc.constantFrom(HOUR, 8 * HOUR, 2 * DAY, 3 * DAY),
        budget: maybe(budgets(base, channels, binds)),
        timezone: fc.constantFrom('UTC', 'Africa/Cairo', 'America/New_York'),
        holdout: maybe(fc.constant(0.3), 2),
        sendTime: maybe(sendTimes(base), 4),
        bestHours: maybe(bestHours, 3),
        ignoresHolidays: maybe(fc.constant(true), 2),
        urgency: maybe(fc.constantFrom('low' as const, 'normal' as const, 'high' as const)),
        priors: maybe(fc.dictionary(fc.constantFrom(...channels), shares, { maxKeys: 2 }), 3),
      });
      const next = fc.record({
        at: fc.nat(400),
        status: fc.constantFrom('paused' as const, 'ended' as const, 'draft' as const, 'active' as const),
        quietHours: maybe(fc.constantFrom(...QUIET)),
        priority: fc.constantFrom(0, 100),
      });
      return fc.tuple(parts, maybe(next, 2)).map(([made, later]): Campaign[] => {
        const ids = { tenantId, id, channels };
        const first: Campaign = { ...ids, version: 1, effectiveFrom: 0, status: 'active', ...given(made) };
        if (later === undefined) return [first];
        const { at, ...change } = later;
        return [first, { ...first, version: 2, effectiveFrom: base + at * STEP, ...given(change) }];
      });
    });
  const every = fc.tuple(...CAMPAIGNS.map((id) => one('default', id)), one('other', 'c1'));
  return every.chain((made) => fc.subarray(made, { minLength: 2 })).map((some) => some.flat());
}

const caps: fc.Arbitrary<CapRule> = fc
  .record({
    max: fc.constantFrom(0, 1, 1, 1, 2, 2, 2, 3, 3, 4),
    windowMs: fc.constantFrom(STEP, HOUR, 6 * HOUR, DAY, 2 * DAY),
    channel: maybe(fc.constantFrom(...CHANNELS), 2),
    class: maybe(fc.constant('marketing'), 2),
    calendar: maybe(fc.constant(true), 2),
  })
  .map((rule) => given({ ...rule, windowMs: rule.calendar ? Math.max(rule.windowMs, DAY) : rule.windowMs }));

/** Shares of which many are equal, and some lie in the middle of two roundings. */
const shares = fc.constantFrom(0, 0.2, 0.3, 0.5, 0.33335, 0.8, 1);
/** About the days on which everything happens. */
const HOLIDAYS = ['03-07', '2026-03-08', '04-24', '2025-04-24', '10-25', '2026-10-26', '11-01', '02-29'];

const channelModels: fc.Arbitrary<Record<string, ChannelModel>> = fc.dictionary(
  fc.constantFrom(...CHANNELS),
  fc.record({
    ...{ prior: shares, immediacy: shares },
    ...{ bestHours: fc.option(bestHours), bestHoursOfNew: fc.option(bestHours) },
  }),
  { maxKeys: 4 },
);

const tables = (kinds: readonly string[]): fc.Arbitrary<ScoreModel['devices']> =>
  fc.dictionary(fc.constantFrom(...kinds), fc.dictionary(fc.constantFrom(...CHANNELS), shares));
const scores: fc.Arbitrary<ScoreModel> = fc.record({
  weights: fc
    .array(fc.nat(100), { minLength: 4, maxLength: 4 })
    .map((cuts) => [0, ...cuts.sort((a, b) => a - b), 100])
    .map((cuts) => cuts.slice(1).map((cut, i) => cut - (cuts[i] ?? 0)))
    .map(([customerType = 0, engagement = 0, device = 0, urgency = 0, timeOfDay = 0]) => ({
      ...{ customerType, engagement, device, urgency, timeOfDay },
    })),
  customerTypes: tables(CUSTOMER_TYPES),
  devices: tables(DEVICES),
});

export const policies: fc.Arbitrary<Policy> = fc
  .record({
    gapMs: fc.constantFrom(10 * MINUTE, 30 * MINUTE, 3 * HOUR),
    thresholds: fc
      .uniqueArray(fc.constantFrom(HOUR, 2 * HOUR, 6 * HOUR, DAY), { minLength: 1, maxLength: 3 })
      .map((list) => list.sort((a, b) => a - b)),
    caps: fc.array(caps, { maxLength: 3 }),
    quietHours: maybe(fc.constantFrom(...QUIET), 2),
    holdout: maybe(fc.constant(0.1), 2),
    disabledChannels: maybe(fc.subarray(CHANNELS, { maxLength: 2 }), 2),
    holdMs: maybe(fc.constantFrom(1000, STEP, 3 * HOUR), 1),
    receiptWithin: maybe(fc.dictionary(fc.constantFrom(...CHANNELS), fc.constantFrom(1000, STEP, HOUR, 6 * HOUR)), 3),
    notificationFrequency: maybe(fc.constant({ high: 2, low: 0.5 }), 2),
    holidays: maybe(fc.subarray(HOLIDAYS), 3),
    channels: maybe(channelModels, 6),
    scores: maybe(scores, 6),
  })
  .map((policy) => given({ ...policy, costs: COSTS }));
