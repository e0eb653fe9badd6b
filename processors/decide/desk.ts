// One user's messages while a record or timer is processed: what is looked up, and what is changed.
import type { Campaign } from '../../schemas/campaign.ts';
import { consentLedger, engagement, messages, metrics, profile, windows } from '../../schemas/cells.ts';
import type { Definitions, InForce } from '../../schemas/definitions.ts';
import { asKnownAfter } from '../../schemas/learned.ts';
import { zoneOrUtc } from '../../schemas/local-time.ts';
import type { RequestInProgress, UserMessages, WaitingInput } from '../../schemas/state-types.ts';
import type { Request } from '../../schemas/streams.ts';
import { tenantOf } from '../../schemas/topics.ts';
import type { Context } from '../processor.ts';
import type { Case } from './gate.ts';
import { hopOf, storyOf } from './ids.ts';

const NONE: readonly never[] = [];

/** A user to whom nothing was sent yet. */
export const NO_MESSAGES: UserMessages = {
  requests: NONE,
  awaiting: null,
  waiting: NONE,
  sent: NONE,
  open: NONE,
  held: NONE,
  heldUntil: null,
  round: -1,
};

/** Keeps what it changes. */
export class Desk {
  readonly definitions: Definitions;
  readonly context: Context;
  readonly tenantId: string;
  readonly userId: string;
  /** Whether receipts may come. */
  readonly answered: boolean;
  #messages: UserMessages;

  constructor(definitions: Definitions, context: Context, answered: boolean) {
    this.definitions = definitions;
    this.context = context;
    this.answered = answered;
    const { key } = context;
    this.tenantId = tenantOf(key);
    this.userId = key.slice(this.tenantId.length + 1);
    this.#messages = context.get(messages) ?? NO_MESSAGES;
  }

  get messages(): UserMessages {
    return this.#messages;
  }

  update(change: Partial<UserMessages>): void {
    const { requests, awaiting, waiting, sent, open, held, heldUntil, round } = this.#messages;
    // Field by field: several times a decision, and two spreads take ten times as long.
    this.#messages = {
      requests: change.requests ?? requests,
      awaiting: change.awaiting === undefined ? awaiting : change.awaiting,
      waiting: change.waiting ?? waiting,
      sent: change.sent ?? sent,
      open: change.open ?? open,
      held: change.held ?? held,
      heldUntil: change.heldUntil === undefined ? heldUntil : change.heldUntil,
      round: change.round ?? round,
    };
    this.context.set(messages, this.#messages);
  }

  /** Lets an input wait until the verdict is there. */
  wait(input: Partial<WaitingInput>): void {
    const { streamTime, time, round } = this.context;
    const waiting: WaitingInput = {
      streamTime,
      time,
      window: false,
      follows: round === this.#messages.round,
      due: null,
      request: null,
      receipt: null,
      ...input,
    };
    this.update({ waiting: [...this.#messages.waiting, waiting], round });
  }

  /** Notes that what was decided as it came now awaits a verdict, if it does. */
  came(): void {
    if (this.#messages.awaiting !== null) this.update({ round: this.context.round });
  }

  /** The definition a request is decided by: that in force at its time. */
  definitionFor({
    campaignId,
    requestedAt,
  }: Pick<Request, 'campaignId' | 'requestedAt'>): InForce<Campaign> | undefined {
    return this.definitions.campaign(this.tenantId, campaignId, requestedAt);
  }

  /**
   * The definition that a message in progress was decided by. Of versions that the log keeps no more, the oldest that it does;
   * undefined where none of the campaign is left.
   */
  definitionOf(progress: Pick<Request, 'campaignId' | 'requestedAt'>): Campaign | undefined {
    const { tenantId, definitions } = this;
    return (this.definitionFor(progress) ?? definitions.versions(tenantId, progress.campaignId).at(-1))?.definition;
  }

  /** The campaign's status at an instant, which a version newer than the request's may have changed. */
  statusAt({ campaignId }: Pick<Request, 'campaignId'>, campaign: Campaign, now: number): Campaign['status'] {
    return (this.definitions.campaign(this.tenantId, campaignId, now)?.definition ?? campaign).status;
  }

  /** How much of what is learned of the user is pending: a request that has to wait knows no more than came before it. */
  get learned(): number {
    return this.context.get(engagement)?.pending.length ?? 0;
  }

  /** `arrivedAt`: stream time when the request came; `learned`: how much was pending then, where it had to wait. */
  caseOf(
    request: Request,
    campaign: Campaign,
    now: number,
    arrivedAt = this.context.streamTime,
    learned?: number,
  ): Case {
    const known = this.context.get(profile);
    const { zone, known: zoneKnown } = zoneOrUtc(known?.timezone);
    return {
      request,
      campaign,
      policy: this.definitions.policy(this.tenantId, now),
      now,
      profile: known,
      consents: this.context.get(consentLedger),
      metrics: this.context.get(metrics),
      windows: this.context.get(windows),
      messages: this.#messages,
      engagement: asKnownAfter(this.context.get(engagement), learned),
      zone,
      zoneKnown,
      consented: [],
      ranked: [],
      earliestAt: now,
      content: null,
      watermark: arrivedAt - this.context.lateness,
    };
  }

  storyOf(progress: RequestInProgress): string {
    return progress.source === 'trigger' ? progress.requestId : storyOf(this.requestOf(progress));
  }

  /** What a hop's timer and verdict are known by. */
  hopOf(progress: RequestInProgress): string {
    return hopOf(this.storyOf(progress), progress.hop);
  }

  /** The request in progress of that hop. */
  find(hop: string): RequestInProgress | undefined {
    for (const progress of this.#messages.requests) if (this.hopOf(progress) === hop) return progress;
    return undefined;
  }

  /** The requests in progress but this one. */
  without(progress: RequestInProgress): readonly RequestInProgress[] {
    const { requests } = this.#messages;
    if (requests.length === 0) return requests;
    const hop = this.hopOf(progress);
    if (requests.length === 1) return this.hopOf(requests[0] as RequestInProgress) === hop ? NONE : requests;
    return requests.filter((r) => this.hopOf(r) !== hop);
  }

  requestOf({ requestId, campaignId, source, cause, requestedAt, data, notBefore }: RequestInProgress): Request {
    const { tenantId, userId } = this;
    return { requestId, campaignId, cause, requestedAt, data, source, notBefore, tenantId, userId };
  }

  /** Where the request's timers stand among those of one instant. */
  orderOf({ campaignId, requestedAt }: Pick<Request, 'campaignId' | 'requestedAt'>): {
    readonly requestedAt: number;
    readonly priority: number;
    readonly campaignId: string;
  } {
    const priority = this.definitionFor({ campaignId, requestedAt })?.definition.priority ?? 0;
    return { requestedAt, priority, campaignId };
  }
}
