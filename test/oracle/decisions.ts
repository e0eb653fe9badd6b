// Every session, signal, decision and send of a simulation, from its files, one record and one timer after the other.
import type { UserEvent } from '../../schemas/types.ts';
import { durationText, userKey } from './common.ts';
import { holds, type Scope } from './conditions.ts';
import { Decider } from './decider.ts';
import { inOrder } from './inputs.ts';
import type { Campaign, DecisionInput, DecisionOutput, Trigger, Value } from './model.ts';
import { hourOf } from './moments.ts';
import type { OracleSession } from './sessions.ts';
import type { OracleSignal } from './signals.ts';
import { compareCampaigns, compareTimers, type Timer, User } from './user.ts';
import { zoneOf } from './zones.ts';

/** Replays the files in virtual time. */
export function decisionsOf(input: DecisionInput): DecisionOutput {
  return new Simulation(input).run();
}

class Simulation {
  readonly #input: DecisionInput;
  readonly #decider: Decider;
  readonly #users = new Map<string, User>();
  readonly #sessions: OracleSession[] = [];
  readonly #signals: OracleSignal[] = [];
  #streamTime = Number.NEGATIVE_INFINITY;
  readonly #counts = { processed: 0, late: 0, duplicate: 0, duplicateRequests: 0, notReached: 0 };

  constructor(input: DecisionInput) {
    this.#input = input;
    this.#decider = new Decider(input.campaigns, input.policy);
  }

  run(): DecisionOutput {
    const until = this.#input.until ?? Number.POSITIVE_INFINITY;
    const records = inOrder(this.#input);
    const stop = records.findIndex((record) => record.time >= until);
    const reached = stop < 0 ? records : records.slice(0, stop);
    this.#counts.notReached = records.length - reached.length;

    for (const record of reached) {
      const moves = record.kind === 'event' || record.kind === 'request';
      this.#fireBefore(Math.max(this.#streamTime, record.kind === 'receipt' ? record.time + 1 : record.time));
      const begun = this.#streamTime >= 0;
      if (moves || (record.kind === 'receipt' && begun)) this.#streamTime = Math.max(this.#streamTime, record.time);
      const streamTime = this.#streamTime;
      const user = this.#user(record.value);
      if (record.kind === 'profile') user.profile = record.value;
      else if (record.kind === 'consent') user.consents.push(record.value);
      else if (record.kind === 'receipt') {
        this.#decider.receive(user, record.value, streamTime, this.#input.lateness);
        const { send, status, occurredAt, tenantId, channel } = record.value;
        const hour = hourOf(occurredAt, zoneOf(user.profile?.timezone));
        if (this.#decider.learns(tenantId, occurredAt)) user.learned.receipt(send, status, occurredAt, hour, channel);
      } else if (record.kind === 'event') this.#event(user, record.value, streamTime);
      else if (user.requestIds.repeats(record.value.requestId, record.time, streamTime))
        this.#counts.duplicateRequests++;
      else {
        const { requestId, campaignId, source, requestedAt, notBefore, data } = record.value;
        const wish = notBefore === null ? {} : { notBefore };
        const request = { requestId, campaignId, source, cause: null, requestedAt, ...wish };
        const scope = scopeOf(user, requestedAt, { properties: data, facts: data });
        this.#decider.decide(user, request, scope, streamTime - this.#input.lateness);
      }
      user.next = 'unknown';
    }
    this.#fireBefore(until);
    const { decisions, sends, ledgers } = this.#decider;
    return { sessions: this.#sessions, signals: this.#signals, decisions, sends, ledgers, counts: this.#counts };
  }

  #user(who: { readonly tenantId: string; readonly userId: string }): User {
    const { lateness, policy } = this.#input;
    const key = userKey(who);
    const user =
      this.#users.get(key) ?? new User(who, { gapMs: policy.gapMs, thresholds: policy.thresholds, lateness });
    this.#users.set(key, user);
    return user;
  }

  #event(user: User, event: UserEvent, streamTime: number): void {
    const arrival = user.timeline.arrive(event, streamTime);
    this.#counts[arrival]++;
    if (arrival === 'duplicate') return;
    const { metrics } = user;
    metrics.events++;
    metrics.firstSeenAt = Math.min(metrics.firstSeenAt, event.occurredAt);
    metrics.lastSeenAt = Math.max(metrics.lastSeenAt, event.occurredAt);
    metrics.eventTypes.set(event.type, (metrics.eventTypes.get(event.type) ?? 0) + 1);
    if (arrival === 'late') return;
    const matches = (trigger: Trigger): boolean => 'event' in trigger && trigger.event === event.type;
    const scope = scopeOf(user, event.occurredAt, { properties: event.properties });
    this.#trigger(user, matches, scope, `event:${event.eventId}`);
  }

  /** Fires every timer with an instant before `limit`, those that are set meanwhile, or were set too late, too. */
  #fireBefore(limit: number): void {
    for (;;) {
      let first: Timer | undefined;
      for (const user of this.#users.values()) {
        const timer = user.nextTimer();
        if (timer && (!first || compareTimers(timer, first) < 0)) first = timer;
      }
      if (!first || first.instant >= limit) return;
      this.#fire(first);
      first.user.next = 'unknown';
    }
  }

  #fire(timer: Timer): void {
    const { user, instant } = timer;
    this.#streamTime = Math.max(this.#streamTime, instant);
    if (timer.kind === 'timeout') {
      this.#decider.timeOut(user, timer.sent, instant);
      return;
    }
    if (timer.kind === 'hold') {
      this.#decider.endHold(user, instant, this.#streamTime - this.#input.lateness);
      return;
    }
    if (timer.kind === 'due') {
      this.#decider.send(user, timer.message);
      return;
    }
    const { window } = timer;
    user.timeline.fire(window);
    if (window.kind === 'session') {
      const { session } = window;
      this.#sessions.push(session);
      user.metrics.sessions++;
      const scope = scopeOf(user, instant, { facts: sessionFacts(session) });
      this.#trigger(user, (trigger) => 'session' in trigger, scope, `session:${session.startedAt}`);
      if (this.#decider.learns(user.tenantId, session.startedAt)) {
        user.learned.session(session.startedAt, hourOf(session.startedAt, zoneOf(user.profile?.timezone)));
      }
    } else {
      const { signal } = window;
      this.#signals.push(signal);
      const matches = (trigger: Trigger): boolean => 'signal' in trigger && signalMatches(trigger, signal);
      const detail = signal.kind === 'inactive' ? signal.facts.threshold : '';
      this.#trigger(user, matches, scopeOf(user, instant, { facts: signal.facts }), `signal:${signal.kind}:${detail}`);
    }
  }

  #trigger(user: User, matches: (trigger: Trigger) => boolean, scope: Scope, cause: string): void {
    const ids = new Set(this.#input.campaigns.filter((one) => one.tenantId === user.tenantId).map((one) => one.id));
    const triggered = [...ids]
      .map((id) => this.#decider.inForce(user.tenantId, id, scope.now))
      .filter((campaign): campaign is Campaign => campaign?.status === 'active')
      .filter(({ trigger, audience }) => matches(trigger) && holds(trigger.where, scope) && holds(audience, scope))
      .sort(compareCampaigns);
    for (const { id } of triggered) {
      const request = { requestId: null, campaignId: id, source: 'trigger', cause, requestedAt: scope.now } as const;
      this.#decider.decide(user, request, scope);
    }
  }
}

function scopeOf(user: User, now: number, about: Partial<Pick<Scope, 'properties' | 'facts'>>): Scope {
  return { properties: {}, facts: {}, ...about, profile: user.profile, metrics: user.metrics, now };
}

/** A session's numbers by name, and its counts as `eventTypes.TYPE`; a type that did not occur has no fact. */
function sessionFacts(session: OracleSession): Record<string, Value> {
  const { startedAt, endedAt, durationMs, eventCount } = session;
  const types = Object.entries(session.eventTypes).map(([type, count]) => [`eventTypes.${type}`, count] as const);
  return { startedAt, endedAt, durationMs, eventCount, ...Object.fromEntries(types) };
}

function signalMatches(trigger: Extract<Trigger, { readonly signal: string }>, signal: OracleSignal): boolean {
  if (trigger.signal !== signal.kind) return false;
  if (trigger.afterMs === undefined) return true;
  if (signal.kind === 'inactive') return signal.facts.threshold === durationText(trigger.afterMs);
  return signal.facts.silentMs >= trigger.afterMs;
}
