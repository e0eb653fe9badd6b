// Takes requests for messages: publishes them, and waits for what is decided. An id that comes again within an hour is the same
// request: it is answered with the same decision, and published once.
import { createHash } from 'node:crypto';
import type { Log } from '../runtime/log.ts';
import type { Serde } from '../runtime/serde.ts';
import { decisions, keyOf, sendRequests } from '../schemas/topics.ts';
import type { Decision, SendRequest } from '../schemas/types.ts';
import {
  type AwaitedRequest,
  type DecisionWatcher,
  type Expected,
  isOn,
  SAME_REQUEST_WITHIN,
} from './decision-watcher.ts';
import type { GroupAppender } from './group-appender.ts';
import { type ScanOptions, scanBack } from './scan-back.ts';

/** Requests whose ids the asker chose, of which this instance knows that it published them. Of others the log is asked. */
const KNOWN = 10_000;

interface Known {
  readonly asked: AwaitedRequest & { readonly requestedAt: number };
  /** Of what was asked: the request itself may hold much. */
  readonly hash: string;
  /** Resolves once it is published; rejects when it can't be. */
  readonly published: Promise<unknown>;
}

/** The id was used for a request for something else. */
export class RequestIdReused extends Error {
  override readonly name = 'RequestIdReused';
}

export interface SendDeskOptions {
  readonly log: Log;
  readonly serde: Serde;
  readonly watcher: DecisionWatcher;
  readonly appender: GroupAppender;
}

export class SendDesk {
  readonly #options: SendDeskOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: SendDeskOptions) {
    this.#options = options;
  }

  /**
   * The first decision on the request; undefined when there is none after `waitMs`. `named`: the asker chose the id, so it may be
   * one that was asked before. Throws `RequestIdReused`, and what keeps the request from being published.
   */
  async send(request: SendRequest, named: boolean, waitMs: number): Promise<Decision | undefined> {
    if (!named) return this.#publish(request, waitMs);
    const before = this.#knownBefore(request);
    if (before === undefined) {
      const publishing = Promise.withResolvers<unknown>();
      publishing.promise.catch(() => {});
      const { tenantId, userId, requestId, requestedAt } = request;
      const asked = { tenantId, userId, requestId, requestedAt };
      const id = this.#remember({ asked, hash: hashOf(request), published: publishing.promise });
      try {
        const decision = await this.#publish(request, waitMs, publishing.resolve);
        // It may have been asked through another instance, or before this one started: then nothing was decided anew.
        if (decision !== undefined || waitMs === 0) return sameAs(request, decision);
        return sameAs(request, await this.#lookUp(request));
      } catch (error) {
        publishing.reject(error);
        if (!(error instanceof RequestIdReused)) this.#known.delete(id);
        throw error;
      }
    }
    if (before.hash !== hashOf(request)) throw reused(request);
    await before.published;
    return this.newest(before.asked, waitMs);
  }

  /** The newest decision on a request; waits so long (ms) for one where there is none. */
  async newest(asked: AwaitedRequest, waitMs: number): Promise<Decision | undefined> {
    const expected = waitMs > 0 ? await this.#options.watcher.expect(asked) : undefined;
    try {
      return (await this.#lookUp(asked)) ?? (await expected?.within(waitMs));
    } finally {
      expected?.cancel();
    }
  }

  /** Publishes requests that are not published yet, in one step. */
  publish(requests: readonly SendRequest[]): Promise<void> {
    const { log, serde, appender } = this.#options;
    const partitions = log.partitions(sendRequests.topic);
    return appender.append(requests.map((request) => serde.encode(sendRequests, request, partitions)));
  }

  async #publish(
    request: SendRequest,
    waitMs: number,
    published?: (done: undefined) => void,
  ): Promise<Decision | undefined> {
    const expected: Expected | undefined = waitMs > 0 ? await this.#options.watcher.expect(request) : undefined;
    try {
      await this.publish([request]);
      published?.(undefined);
      return await expected?.within(waitMs);
    } finally {
      expected?.cancel();
    }
  }

  async #lookUp(asked: AwaitedRequest): Promise<Decision | undefined> {
    const { log, serde } = this.#options;
    const wanted = (decision: Decision): boolean => isOn(decision, asked);
    const key = keyOf(asked.tenantId, asked.userId);
    const since = asked.requestedAt === undefined ? undefined : asked.requestedAt - SAME_REQUEST_WITHIN;
    const scan: ScanOptions<Decision> = { log, serde, topic: decisions, key, limit: 1, wanted, since };
    return (await scanBack(scan)).found[0]?.value;
  }

  #knownBefore(request: SendRequest): Known | undefined {
    const known = this.#known.get(nameOf(request));
    if (known === undefined) return undefined;
    return Math.abs(known.asked.requestedAt - request.requestedAt) <= SAME_REQUEST_WITHIN ? known : undefined;
  }

  #remember(known: Known): string {
    const id = nameOf(known.asked);
    this.#known.delete(id);
    this.#known.set(id, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return id;
  }
}

function nameOf({ tenantId, userId, requestId }: AwaitedRequest): string {
  return JSON.stringify([tenantId, userId, requestId]);
}

function hashOf({ campaignId, notBefore, data }: SendRequest): string {
  const values = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([campaignId, notBefore, values]))
    .digest('base64url');
}

function sameAs(request: SendRequest, decision: Decision | undefined): Decision | undefined {
  if (decision !== undefined && decision.campaignId !== request.campaignId) throw reused(request);
  return decision;
}

function reused({ requestId }: SendRequest): RequestIdReused {
  return new RequestIdReused(`the id "${requestId}" was used for another request within the hour: take a new one`);
}
