// The gates of one request, in their order, and once more those of the moment of sending.

import { emptyLedger, release, reserve } from './budget.ts';
import { byBytes } from './common.ts';
import { holds, type Scope } from './conditions.ts';
import { breaks, hasConsent, heldOut, sameMessage, UNSUBSCRIBED } from './gates.ts';
import type {
  Campaign,
  CapRule,
  Ledger,
  OracleDecision,
  OracleReceipt,
  OracleSend,
  OracleStep,
  Policy,
} from './model.ts';
import { type Bounds, boundsOf, earliest, holidaysBetween, hourOf } from './moments.ts';
import { type Request, sendName } from './names.ts';
import { ranked, type ScoreInput, scoreOf, usualHours } from './scores.ts';
import type { Message, SentMessage, User } from './user.ts';
import { zoneOf } from './zones.ts';

const COSTS: Readonly<Record<string, number>> = { sms: 7_500, whatsapp: 5_000, email: 100 };

/** As many channels as one message may be tried on. */
const MOST_CHANNELS = 3;
const DELIVERED = ['delivered', 'opened', 'clicked', 'replied', 'unsubscribed'];

type Made = Partial<Pick<OracleDecision, 'channel' | 'dueAt' | 'costMicros' | 'fallbacks'>>;

/** The message on its next channel. */
interface Again {
  readonly hop: number;
  /** In the order of the first ranking. */
  readonly channels: readonly string[];
  readonly expiresAt: number;
  /** The gates of the channels before it. */
  readonly before: readonly OracleStep[];
}

type Ended = Pick<OracleDecision, 'outcome' | 'reason'>;

/** Decides requests one after the other and collects what comes of them. */
export class Decider {
  readonly decisions: OracleDecision[] = [];
  readonly sends: OracleSend[] = [];
  readonly ledgers = new Map<string, Ledger>();
  readonly #campaigns: readonly Campaign[];
  readonly #policy: Policy;

  constructor(campaigns: readonly Campaign[], policy: Policy) {
    this.#campaigns = campaigns;
    this.#policy = policy;
  }

  /** The newest definition in force at `time`, whatever its status. */
  inForce(tenantId: string, id: string, time: number): Campaign | undefined {
    return this.#campaigns
      .filter((one) => one.tenantId === tenantId && one.id === id && one.effectiveFrom <= time)
      .sort((a, b) => b.effectiveFrom - a.effectiveFrom || b.version - a.version)[0];
  }

  /**
   * Decides the request at `scope.now`, its time, and sends at once when that is the moment of sending too. `watermark`: when
   * it came; a trigger's request never comes late.
   */
  decide(user: User, request: Request, scope: Scope, watermark = Number.NEGATIVE_INFINITY): void {
    const campaign = this.inForce(user.tenantId, request.campaignId, request.requestedAt);
    if (this.#policy.holdMs !== undefined && campaign?.class === 'marketing') {
      user.held.push({ request, scope });
      user.heldUntil ??= request.requestedAt + this.#policy.holdMs;
    } else this.#run(user, request, campaign, { ...scope, watermark });
  }

  /** Decides what a hold has collected, as everything is at its end. */
  endHold(user: User, now: number, watermark: number): void {
    const held = user.held.map((one) => {
      const campaign = this.inForce(user.tenantId, one.request.campaignId, one.request.requestedAt);
      if (campaign === undefined) throw new Error('only requests for a known campaign are held');
      return { ...one, campaign };
    });
    user.held = [];
    user.heldUntil = undefined;
    held.sort(
      (a, b) =>
        b.campaign.priority - a.campaign.priority ||
        a.request.requestedAt - b.request.requestedAt ||
        byBytes(a.campaign.id, b.campaign.id),
    );
    for (const { request, scope, campaign } of held) {
      this.#run(user, request, campaign, { ...scope, profile: user.profile, now, watermark });
    }
  }

  #run(
    user: User,
    request: Request,
    campaign: Campaign | undefined,
    scope: Pick<Scope, 'now'> & Partial<Scope> & { readonly watermark: number },
    again?: Again,
  ): void {
    const { now } = scope;
    const hop = again?.hop ?? 0;
    const steps: OracleStep[] = [...(again?.before ?? [])];
    const result = this.#judge(user, request, campaign, scope, steps, again);
    if ('outcome' in result) {
      this.#record(user, request, campaign, { now, hop, ...result, steps });
    } else if (result.dueAt <= now) {
      this.send(user, result);
    } else {
      user.scheduled.push(result);
      const made = madeOf(result);
      this.#record(user, request, campaign, { now, hop, outcome: 'scheduled', reason: null, steps, made });
    }
  }

  /** Gates 1 to 8: the message to send, or the final outcome. Adds every gate that ran to `steps`. */
  #judge(
    user: User,
    request: Request,
    campaign: Campaign | undefined,
    scope: Pick<Scope, 'now'> & Partial<Scope> & { readonly watermark: number },
    steps: OracleStep[],
    again: Again | undefined,
  ): Message | Ended {
    const { now, watermark } = scope;
    const gate = (name: string, passes: boolean): boolean => {
      steps.push({ gate: name, verdict: passes ? 'pass' : 'block' });
      return passes;
    };

    if (!again && user.knows(request)) {
      gate('duplicate', false);
      return blocked('duplicate');
    }

    const status =
      again === undefined ? campaign?.status : this.inForce(user.tenantId, request.campaignId, now)?.status;
    if (campaign === undefined || status !== 'active') {
      gate('campaign', false);
      const known = this.#campaigns.some((one) => one.tenantId === user.tenantId && one.id === request.campaignId);
      return blocked(known ? 'campaign-inactive' : 'bad-request');
    }

    if (!again && request.source !== 'trigger' && !gate('audience', holds(campaign.audience, wholeOf(scope))))
      return blocked('audience');

    const held =
      heldOut(user.tenantId, 'global', user.userId, this.#policy.holdout ?? 0) ||
      heldOut(
        user.tenantId,
        campaign.id === 'global' ? 'campaign:global' : campaign.id,
        user.userId,
        campaign.holdout ?? 0,
      );
    if (!again && !gate('holdout', !held)) return { outcome: 'holdout', reason: 'holdout' };

    const consented = (again?.channels ?? campaign.channels).filter((channel) =>
      hasConsent(user.consents, campaign, channel, now),
    );
    if (!gate('consent', consented.length > 0)) return blocked('no-consent');

    if (!again && request.requestedAt + campaign.expiresAfterMs < watermark) {
      gate('send-time', false);
      return { outcome: 'expired', reason: 'expired' };
    }

    const self = { campaignId: campaign.id, dedupeKey: campaign.dedupe.key };
    const waiting = user.scheduled.some((message) =>
      sameMessage(self, { campaignId: message.campaign.id, dedupeKey: message.campaign.dedupe.key }),
    );
    const recent = user.sent.some(
      (message) => !message.failed && sameMessage(self, message) && now - message.sentAt < campaign.dedupe.windowMs,
    );
    if (!again && !gate('duplicate', !waiting && !recent)) return blocked('duplicate');

    // The moment of gate 7, which gates 5 and 6 judge the caps for.
    const { sendTime } = campaign;
    const asked = request.requestedAt;
    const wishes = [
      asked,
      request.notBefore ?? asked,
      typeof sendTime === 'object' && 'at' in sendTime ? sendTime.at : asked,
    ];
    const from = Math.max(now, ...wishes);
    const expiresAt = again?.expiresAt ?? Math.max(...wishes) + campaign.expiresAfterMs;
    const zone = zoneOf(user.profile?.timezone);
    // A fallback waits for no better hour.
    const { sendTime: _none, ...atOnce } = campaign;
    const timed: Campaign = again ? atOnce : campaign;
    const bounds = (channel: string): Bounds =>
      boundsOf(timed, this.#policy, zone, this.#bestHours(user, campaign, channel, now));
    const moments = new Map<string, number>();
    const momentOf = (channel: string): number => {
      const moment = moments.get(channel) ?? earliest(from, bounds(channel));
      moments.set(channel, moment);
      return moment;
    };
    const capped = (channel: string | undefined, at: number): boolean =>
      this.#capsOf(user)
        .filter((rule) => rule.channel === channel)
        .some((rule) => breaks(rule, user.sent, campaign.class, at, zone));
    const score: ScoreInput = {
      ...{ campaign, policy: this.#policy, profile: user.profile },
      answered: (channel) => user.learned.answered(channel, now),
      active: (channel) => user.learned.active(channel, now),
      hourFor: (channel) => hourOf(momentOf(channel), zone),
    };
    const reachable = consented
      .filter((channel) => addressOf(user, channel) !== undefined)
      .filter((channel) => !this.#policy.disabledChannels?.includes(channel));
    const inOrder = (channels: readonly string[]): readonly string[] => (again ? channels : ranked(channels, score));
    const [likely = consented[0] ?? ''] = inOrder(reachable);
    if (!gate('frequency-cap', !capped(undefined, momentOf(likely)))) return blocked('frequency-cap');

    const viable = inOrder(reachable.filter((channel) => !capped(channel, momentOf(channel))));
    const [best] = viable;
    if (!gate('channel', best !== undefined) || best === undefined) return blocked('no-channel');

    if (viable.length > 1 && !again) {
      const scores = Object.fromEntries(viable.map((channel) => [channel, scoreOf(channel, score)]));
      steps.push({ gate: 'channel', verdict: 'pass', ...steps.pop(), scores });
    }

    const earliestAt = momentOf(best);
    if (!gate('send-time', earliestAt <= expiresAt)) return { outcome: 'expired', reason: 'expired' };

    const offers = viable.map((channel) => ({ channel, cost: this.#cost(channel) }));
    const [first] = offers;
    if (!first) throw new Error('the channel gate passed without a channel');
    const hop = again?.hop ?? 0;
    const othersThan = (channel: string): string[] =>
      viable.filter((other) => other !== channel).slice(0, MOST_CHANNELS - 1 - hop);
    const message = { request, campaign, steps, hop, ...first, dueAt: earliestAt, expiresAt };
    if (!campaign.budget) return { ...message, fallbacks: othersThan(first.channel) };

    const slot = reserve(campaign.budget, this.#ledger(campaign), {
      channels: offers,
      dearest: Math.max(...campaign.channels.map((channel) => this.#cost(channel))),
      earliestAt,
      expiresAt,
      quietHours: bounds(best).quietHours,
      holidays: holidaysBetween(earliestAt, expiresAt, bounds(best)),
      userZone: user.profile?.timezone ?? null,
      campaignZone: campaign.timezone,
    });
    gate('budget', slot.reserved);
    if (!slot.reserved) return blocked(slot.reason);
    const fallbacks = othersThan(slot.channel);
    return { ...message, channel: slot.channel, cost: slot.cost, dueAt: slot.slotAt, fallbacks };
  }

  /** A receipt of one of the user's sends. */
  receive(user: User, receipt: OracleReceipt, streamTime: number, lateness: number): void {
    const { tenantId, userId, channel: answered, occurredAt } = receipt;
    if (receipt.status === 'unsubscribed') {
      const revocation = { purpose: 'all', channel: answered, granted: false, changedAt: occurredAt };
      user.consents.push({ tenantId, userId, ...revocation, version: null, source: UNSUBSCRIBED });
    }
    const sent = user.sent.find(({ name }) => name === receipt.send);
    if (sent === undefined || sent.failed) return;
    const { campaign, channel, dueAt } = sent.message;
    // What answers on another channel answers another message.
    if (receipt.channel !== channel) return;
    const giveBack = (cost: number): void => {
      if (campaign.budget) release(this.#ledger(campaign), { channel, cost, slotAt: dueAt }, campaign.timezone);
    };
    if (receipt.status !== 'failed') {
      if (DELIVERED.includes(receipt.status)) sent.open = false;
      const actual = receipt.costMicros ?? sent.cost;
      if (sent.corrected || actual === sent.cost) return;
      // The first cost that is another counts; what is beyond the reserved one is an overrun.
      sent.corrected = true;
      giveBack(Math.max(0, sent.cost - actual));
      sent.cost = Math.min(sent.cost, actual);
      return;
    }
    sent.failed = true;
    giveBack(sent.cost);
    if (!sent.open) return;
    const failedAt = Math.max(receipt.occurredAt, sent.sentAt);
    this.#fallBack(user, sent, failedAt < streamTime - lateness ? streamTime : failedAt);
  }

  /** Nobody said in the channel's time that the message was delivered. */
  timeOut(user: User, sent: SentMessage, now: number): void {
    this.#fallBack(user, sent, now);
  }

  #fallBack(user: User, sent: SentMessage, now: number): void {
    sent.open = false;
    const { request, campaign, steps, hop, fallbacks, expiresAt } = sent.message;
    if (now > expiresAt) return;
    const told: OracleStep[] = [
      { gate: 'send', verdict: 'pass' },
      { gate: 'delivery', verdict: 'block' },
    ];
    const again = { hop: hop + 1, channels: fallbacks, expiresAt, before: [...steps, ...told] };
    this.#run(user, request, campaign, { now, watermark: Number.NEGATIVE_INFINITY }, again);
  }

  /** The local hours that a message on the channel waits for; null: any. */
  #bestHours(user: User, campaign: Campaign, channel: string, now: number): readonly number[] | null {
    const active = user.learned.active(channel, now);
    if (active !== null) return active.flatMap((activity, hour) => (activity >= 8000 ? [hour] : []));
    return campaign.bestHours ?? usualHours(this.#policy, user.profile, channel);
  }

  /** Whether some active campaign chooses among channels or best hours. */
  learns(tenantId: string, time: number): boolean {
    return this.#campaigns
      .filter((one) => one.tenantId === tenantId)
      .map(({ id }) => this.inForce(tenantId, id, time))
      .some((one) => one?.status === 'active' && (one.channels.length > 1 || one.sendTime === 'best'));
  }

  /** Gate 9, at the message's moment. */
  send(user: User, message: Message): void {
    const { campaign, request, channel, cost, dueAt, expiresAt, hop, fallbacks } = message;
    user.scheduled = user.scheduled.filter((other) => other !== message);
    const address = addressOf(user, channel);
    const reason = this.#objection(user, message);
    const outcome = reason === null ? 'sent' : 'blocked';
    if (reason === null && address !== undefined) {
      const { tenantId, userId } = user;
      const { requestId, campaignId } = request;
      const { dedupe } = campaign;
      const within = this.#policy.receiptWithin?.[channel];
      const timeoutAt = within === undefined || dueAt + within > expiresAt ? undefined : dueAt + within;
      const followed = { name: sendName(request, hop), message, open: fallbacks.length > 0, timeoutAt };
      const counted = { campaignId, dedupeKey: dedupe.key, channel, class: campaign.class, sentAt: dueAt };
      user.sent.push({ ...counted, ...followed, failed: false, cost, corrected: false });
      const made = { channel, address, costMicros: cost, dueAt, expiresAt };
      const command = { tenantId, userId, campaignId, requestId, hop, ...made };
      this.sends.push(command);
      if (this.learns(tenantId, dueAt)) user.learned.sent(sendName(request, hop), channel, dueAt);
    } else if (campaign.budget) {
      release(this.#ledger(campaign), { channel, cost, slotAt: dueAt }, campaign.timezone);
    }
    const steps: OracleStep[] = [...message.steps, { gate: 'send', verdict: reason === null ? 'pass' : 'block' }];
    // What is not sent costs nothing.
    const made = outcome === 'sent' ? madeOf(message) : { channel, dueAt };
    this.#record(user, request, campaign, { now: dueAt, hop, outcome, reason, steps, made });
  }

  /** Why the message may not be sent after all, or null. */
  #objection(user: User, { campaign, channel, dueAt }: Message): string | null {
    if (this.inForce(user.tenantId, campaign.id, dueAt)?.status !== 'active') return 'campaign-inactive';
    if (!hasConsent(user.consents, campaign, channel, dueAt)) return 'no-consent';
    const zone = zoneOf(user.profile?.timezone);
    const capped = this.#capsOf(user)
      .filter((rule) => rule.channel === undefined || rule.channel === channel)
      .some((rule) => breaks(rule, user.sent, campaign.class, dueAt, zone));
    if (capped) return 'frequency-cap';
    return addressOf(user, channel) === undefined ? 'no-channel' : null;
  }

  /** The caps with the maximum that the user's wish makes of them. */
  #capsOf(user: User): CapRule[] {
    const wish = user.profile?.notificationFrequency;
    const factor = wish ? (this.#policy.notificationFrequency?.[wish] ?? 1) : 1;
    return this.#policy.caps.map((rule) => ({ ...rule, max: Math.floor(rule.max * factor) }));
  }

  #cost(channel: string): number {
    return this.#policy.costs?.[channel] ?? COSTS[channel] ?? 0;
  }

  #ledger(campaign: Campaign): Ledger {
    const key = `${campaign.tenantId}/${campaign.id}`;
    const ledger = this.ledgers.get(key) ?? emptyLedger();
    this.ledgers.set(key, ledger);
    return ledger;
  }

  #record(
    user: User,
    request: Request,
    campaign: Campaign | undefined,
    made: Pick<OracleDecision, 'outcome' | 'reason' | 'steps' | 'hop'> & { readonly now: number; readonly made?: Made },
  ): void {
    this.decisions.push({
      tenantId: user.tenantId,
      userId: user.userId,
      ...request,
      decidedAt: made.now,
      outcome: made.outcome,
      reason: made.reason,
      steps: [...made.steps],
      ...{ channel: null, dueAt: null, costMicros: null, hop: made.hop, fallbacks: [] },
      ...made.made,
      definitionVersion: campaign?.version ?? 0,
    });
  }
}

function blocked(reason: string): Ended {
  return { outcome: 'blocked', reason };
}

function madeOf(message: Message): Made {
  const { channel, dueAt, cost, fallbacks } = message;
  return { channel, dueAt, costMicros: cost, fallbacks };
}

function wholeOf(scope: Pick<Scope, 'now'> & Partial<Scope>): Scope {
  const { properties, facts, metrics } = scope;
  if (properties === undefined || facts === undefined || metrics === undefined)
    throw new Error('a new request knows what it is about');
  return { ...scope, properties, facts, metrics, profile: scope.profile };
}

/** The user's address on the channel; an empty one is none. */
function addressOf(user: User, channel: string): string | undefined {
  const contacts = user.profile?.contacts ?? {};
  return Object.hasOwn(contacts, channel) && contacts[channel] !== '' ? contacts[channel] : undefined;
}
