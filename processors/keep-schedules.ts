// Keeps each user's next moment of the campaigns that ask by a schedule, and says when it has come.
//
// A user has at most one timer for schedules that recur and one for the others, armed for the earliest moment of all
// campaigns. When it fires, the campaigns whose moment it is are found again; so whatever changed meanwhile, it asks for what
// holds then, and a timer whose instant is not the armed one finds nothing to do.
import type { Timetable } from '../schemas/campaign/timetable.ts';
import { metrics, profile, scheduled } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { fingerprint } from '../schemas/fingerprint.ts';
import { zoneOrUtc } from '../schemas/local-time.ts';
import { type Calendar, nextOccurrence, type Occurrence } from '../schemas/occurrences.ts';
import type { ScheduledOccurrences } from '../schemas/state-types.ts';
import { acceptedEvents, occurrences } from '../schemas/streams.ts';
import { profiles } from '../schemas/topics.ts';
import type { UserProfile } from '../schemas/types.ts';
import { attributeOf } from '../schemas/user-facts.ts';
import { type Context, on, type Processor, type Timer, timers } from './processor.ts';

/** A version of a campaign that asks by a schedule, while it is in force: from <= t < until. */
interface Plan {
  readonly campaignId: string;
  readonly from: number;
  readonly until: number;
  readonly timetable: Timetable;
  readonly recurs: boolean;
}

/** Id of the timer of a user who was known before time began: its moments are those from then on. */
const START = 'start';
const NO_PLANS: readonly Plan[] = [];
const NOTHING: ScheduledOccurrences = { occasionAt: null, recurrenceAt: null, campaigns: [], lastLocal: [] };

export function keepSchedules(definitions: Definitions): Processor {
  const { plansOf, revision } = planner(definitions);
  return {
    name: 'keep-schedules',
    emits: [occurrences],
    reads: [profile, metrics],
    writes: [scheduled],
    on: [
      on(profiles, ({ tenantId }, context) => arm(plansOf(tenantId), context)),
      on(acceptedEvents, ({ tenantId }, context) => {
        const plans = plansOf(tenantId);
        if (plans.length > 0 && context.get(scheduled) === undefined) arm(plans, context);
      }),
    ],
    timers: [timers.occasion, timers.recurrence].map((kind) => ({
      kind,
      fire: (timer, context) => fire(timer, context, plansOf(tenantOf(context.key))),
    })),
    // A campaign that is new or changed reaches users of whom nothing has come for months.
    sweep: {
      revision,
      visit: (context) => {
        const isKnown = context.get(profile) !== undefined || context.get(metrics) !== undefined;
        if (isKnown) arm(plansOf(tenantOf(context.key)), context);
      },
    },
  };
}

function planner(definitions: Definitions): {
  plansOf(tenantId: string): readonly Plan[];
  revision(): number | undefined;
} {
  let known = -1;
  let byTenant = new Map<string, readonly Plan[]>();
  let revision: number | undefined;
  const refresh = (): void => {
    if (known === definitions.revision) return;
    known = definitions.revision;
    byTenant = new Map(definitions.tenants().map((tenantId) => [tenantId, plansFrom(definitions, tenantId)]));
    const all = [...byTenant].filter(([, plans]) => plans.length > 0);
    revision = all.length === 0 ? undefined : fingerprint(all);
  };
  return {
    plansOf: (tenantId) => {
      refresh();
      return byTenant.get(tenantId) ?? NO_PLANS;
    },
    revision: () => {
      refresh();
      return revision;
    },
  };
}

function plansFrom(definitions: Definitions, tenantId: string): readonly Plan[] {
  return definitions.campaignIds(tenantId).flatMap((campaignId) => {
    let until = Number.POSITIVE_INFINITY;
    return definitions
      .versions(tenantId, campaignId)
      .flatMap(({ effectiveFrom: from, definition }): readonly Plan[] => {
        const end = until;
        until = Math.min(until, from);
        const { trigger, status } = definition;
        if (status !== 'active' || trigger.kind !== 'schedule' || from >= end) return [];
        const { timetable } = trigger;
        const recurs = timetable.kind === 'weekly' || timetable.kind === 'monthly';
        return [{ campaignId, from, until: end, timetable, recurs }];
      });
  });
}

/** Arms the timers for what comes next as of now, where they are not. */
function arm(plans: readonly Plan[], context: Context): void {
  const known = context.get(scheduled);
  if (plans.length === 0 && known === undefined) return;
  const state = known ?? NOTHING;
  if (context.streamTime < 0) {
    if (state.occasionAt === 0) return;
    context.setTimer(timers.occasion, 0, START);
    context.set(scheduled, { ...state, occasionAt: 0 });
    return;
  }
  const from = nowFor(context);
  const next = armed(plans, state, from, context);
  // A profile may be ahead of stream time, by all that was missed while nothing ran: what was armed before it is still to come.
  const pending = (at: number | null): number | null => (at !== null && at < from ? at : null);
  const occasionAt = pending(state.occasionAt) ?? next.occasionAt;
  const recurrenceAt = pending(state.recurrenceAt) ?? next.recurrenceAt;
  keep(state, { ...next, occasionAt, recurrenceAt }, context);
}

/** Stream time, or that of the profile where it is later: files in order give the same however users are spread over tasks. */
function nowFor(context: Context): number {
  return Math.max(context.streamTime, context.get(profile)?.updatedAt ?? 0);
}

/** The state with the moments of both kinds that are the next at or after `from`. */
function armed(
  plans: readonly Plan[],
  state: ScheduledOccurrences,
  from: number,
  context: Context,
): ScheduledOccurrences {
  const calendar = calendarOf(context.get(profile));
  let occasionAt: number | null = null;
  let recurrenceAt: number | null = null;
  for (const plan of plans) {
    const at = nextOf(plan, state, from, calendar)?.at;
    if (at === undefined) continue;
    if (plan.recurs) recurrenceAt = Math.min(recurrenceAt ?? at, at);
    else occasionAt = Math.min(occasionAt ?? at, at);
  }
  return { ...state, occasionAt, recurrenceAt };
}

function keep(before: ScheduledOccurrences, next: ScheduledOccurrences, context: Context): void {
  const { occasionAt, recurrenceAt } = next;
  if (occasionAt !== null && occasionAt !== before.occasionAt) context.setTimer(timers.occasion, occasionAt);
  if (recurrenceAt !== null && recurrenceAt !== before.recurrenceAt) context.setTimer(timers.recurrence, recurrenceAt);
  context.set(scheduled, next);
}

function nextOf(plan: Plan, state: ScheduledOccurrences, from: number, calendar: Calendar): Occurrence | undefined {
  if (from >= plan.until) return undefined;
  const last = state.lastLocal[state.campaigns.indexOf(plan.campaignId)] ?? Number.NEGATIVE_INFINITY;
  const next = nextOccurrence(plan.timetable, Math.max(from, plan.from), last, calendar);
  return next !== undefined && next.at < plan.until ? next : undefined;
}

function calendarOf(known: UserProfile | undefined): Calendar {
  return { zone: zoneOrUtc(known?.timezone).zone, attribute: (name) => attributeOf(known, name) };
}

function fire({ kind, at, id }: Timer, context: Context, plans: readonly Plan[]): void {
  const state = context.get(scheduled);
  const recurs = kind === timers.recurrence;
  if (state === undefined || (recurs ? state.recurrenceAt : state.occasionAt) !== at) return;
  if (id === START) {
    keep({ ...state, occasionAt: null }, armed(plans, state, nowFor(context), context), context);
    return;
  }
  const calendar = calendarOf(context.get(profile));
  const last = new Map(state.campaigns.map((campaignId, i) => [campaignId, state.lastLocal[i] as number]));
  const due: string[] = [];
  for (const plan of plans) {
    if (plan.recurs !== recurs) continue;
    const next = nextOf(plan, state, at, calendar);
    if (next?.at !== at) continue;
    due.push(plan.campaignId);
    last.set(plan.campaignId, next.local);
  }
  const kept = [...last].filter(([campaignId]) => plans.some((plan) => plan.campaignId === campaignId));
  const done = { ...state, campaigns: kept.map(([campaignId]) => campaignId), lastLocal: kept.map(([, l]) => l) };
  // The other kind's moment may be this one too, and is still to come.
  const { occasionAt, recurrenceAt } = armed(plans, done, at + 1, context);
  const next = recurs ? { ...done, recurrenceAt } : { ...done, occasionAt };
  keep(state, next, context);
  if (due.length === 0) return;
  const tenantId = tenantOf(context.key);
  const userId = context.key.slice(tenantId.length + 1);
  context.emit(occurrences, { tenantId, userId, at, campaignIds: due });
}

function tenantOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
