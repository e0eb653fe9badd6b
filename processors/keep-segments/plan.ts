// What definitions ask to be kept of users: segments, and the longest window of each thing that is counted.
import { type Comparison, type Condition, comparisonsOf } from '../../schemas/condition.ts';
import type { Definitions } from '../../schemas/definitions.ts';
import { DAY_MS } from '../../schemas/durations.ts';
import { fingerprint } from '../../schemas/fingerprint.ts';
import { windowOf } from '../../schemas/metric-names.ts';
import { compareBytes } from '../../schemas/order.ts';
import type { UserFacts } from '../../schemas/user-facts.ts';

/** The segments of a version of the policy, in force from `from` on. */
export interface SegmentsInForce {
  readonly from: number;
  /** In byte order of names. */
  readonly names: readonly string[];
  readonly segments: Readonly<Record<string, Condition>>;
  readonly clocks: readonly Clock[];
}

/** A metric whose value changes by time alone, and the values at which some comparison with it changes. */
interface Clock {
  readonly metric: string;
  readonly marks: readonly number[];
}

export interface Plan {
  /** Newest first; empty where no version has a segment. */
  readonly versions: readonly SegmentsInForce[];
  /** ms of the longest window in which each thing is counted. */
  readonly windows: ReadonlyMap<string, number>;
  /** The longest window of a type of events; undefined: nobody counts them. */
  readonly windowOfType: ReadonlyMap<string, number>;
}

export interface Planner {
  /** Undefined: nothing is to be kept. */
  planOf(tenantId: string): Plan | undefined;
  /** Stands for all segments; undefined: there are none. */
  revision(): number | undefined;
}

export function planner(definitions: Definitions): Planner {
  let known = -1;
  let revision: number | undefined;
  const byTenant = new Map<string, Plan | undefined>();
  const refresh = (): void => {
    if (known === definitions.revision) return;
    known = definitions.revision;
    byTenant.clear();
    const all = definitions.tenants().flatMap((tenantId) => {
      const versions = versionsOf(definitions, tenantId);
      return versions.length === 0 ? [] : [[tenantId, versions.map(({ from, segments }) => [from, segments])]];
    });
    revision = all.length === 0 ? undefined : fingerprint(all);
  };
  return {
    planOf: (tenantId) => {
      refresh();
      let plan = byTenant.get(tenantId);
      if (plan === undefined && !byTenant.has(tenantId)) {
        plan = planFrom(definitions, tenantId);
        byTenant.set(tenantId, plan);
      }
      return plan;
    },
    revision: () => {
      refresh();
      return revision;
    },
  };
}

function planFrom(definitions: Definitions, tenantId: string): Plan | undefined {
  const versions = versionsOf(definitions, tenantId);
  const conditions = [
    ...versions.flatMap(({ segments }) => Object.values(segments)),
    ...definitions.campaignIds(tenantId).flatMap((id) =>
      definitions.versions(tenantId, id).flatMap(({ definition: { audience, trigger } }) => {
        const where = 'where' in trigger ? trigger.where : null;
        return [audience, where].filter((condition) => condition !== null);
      }),
    ),
  ];
  const windows = new Map<string, number>();
  for (const { metric } of conditions.flatMap(comparisonsOf)) {
    const windowed = metric === undefined ? undefined : windowOf(metric);
    if (windowed === undefined) continue;
    windows.set(windowed.counted, Math.max(windows.get(windowed.counted) ?? 0, windowed.windowMs));
  }
  if (versions.length === 0 && windows.size === 0) return undefined;
  const ofTypes = [...windows].filter(([counted]) => counted.startsWith('events.'));
  const windowOfType = new Map(ofTypes.map(([counted, ms]) => [counted.slice('events.'.length), ms]));
  return { versions, windows, windowOfType };
}

function versionsOf(definitions: Definitions, tenantId: string): readonly SegmentsInForce[] {
  const versions = definitions.policyVersions(tenantId).map(({ effectiveFrom: from, definition: { segments } }) => ({
    from,
    segments,
    names: Object.keys(segments).sort(compareBytes),
    clocks: clocksOf(Object.values(segments).flatMap(comparisonsOf)),
  }));
  return versions.some(({ names }) => names.length > 0) ? versions : [];
}

const DAYS_SINCE = ['daysSinceFirstSeen', 'daysSinceLastSeen'];

function clocksOf(comparisons: readonly Comparison[]): readonly Clock[] {
  return comparisons.flatMap((comparison): readonly Clock[] => {
    const { metric } = comparison;
    if (metric === undefined || !(DAYS_SINCE.includes(metric) || windowOf(metric) !== undefined)) return [];
    const marks = marksOf(comparison);
    return marks.length === 0 ? [] : [{ metric, marks }];
  });
}

/** The whole numbers k such that the comparison may hold for k - 1 and not for k, or the other way round. */
function marksOf({ eq, ne, in: list, gt, gte, lt, lte }: Comparison): readonly number[] {
  const equals = [eq, ne, ...(list ?? [])].filter((value) => typeof value === 'number');
  const marks = [
    ...equals.flatMap((value) => (Number.isInteger(value) ? [value, value + 1] : [])),
    ...[gt, lte].flatMap((value) => (typeof value === 'number' ? [Math.floor(value) + 1] : [])),
    ...[gte, lt].flatMap((value) => (typeof value === 'number' ? [Math.ceil(value)] : [])),
  ];
  return [...new Set(marks)].filter((mark) => mark > 0);
}

/** The first instant after `at` at which a segment may change though nothing comes; undefined: there is none. */
export function nextChange(plan: Plan, at: number, facts: UserFacts): number | undefined {
  let next = Number.POSITIVE_INFINITY;
  for (const { from } of plan.versions) if (from > at && from < next) next = from;
  for (const clock of inForce(plan, at)?.clocks ?? []) next = Math.min(next, changeOf(clock, at, facts));
  return next === Number.POSITIVE_INFINITY ? undefined : next;
}

/** The segments in force at an instant. */
export function inForce({ versions }: Plan, at: number): SegmentsInForce | undefined {
  return versions.find(({ from }) => from <= at);
}

function changeOf({ metric, marks }: Clock, at: number, { metrics, windows }: UserFacts): number {
  let next = Number.POSITIVE_INFINITY;
  if (metrics === undefined) return next;
  const windowed = windowOf(metric);
  if (windowed === undefined) {
    const since = metric === 'daysSinceFirstSeen' ? metrics.firstSeenAt : metrics.lastSeenAt;
    for (const mark of marks) {
      const change = since + mark * DAY_MS;
      if (change > at && change < next) next = change;
    }
    return next;
  }
  const times = windows?.times[windows.names.indexOf(windowed.counted)] ?? [];
  for (const mark of marks) {
    // The count falls below the mark when the mark-newest leaves. Later than `at` is none of them.
    const leaves = times[times.length - mark];
    if (leaves !== undefined && leaves + windowed.windowMs > at) next = Math.min(next, leaves + windowed.windowMs);
  }
  return next;
}
