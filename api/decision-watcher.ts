// Follows the decisions as they are committed, by whatever instance, and hands them to those who wait for them.
import type { Logger } from 'pino';
import { loggable } from '../runtime/errors.ts';
import type { Log, LogRecord } from '../runtime/log.ts';
import type { Serde } from '../runtime/serde.ts';
import { isOnRepeat } from '../schemas/request-ids.ts';
import { decisions, keyOf } from '../schemas/topics.ts';
import type { Decision } from '../schemas/types.ts';

const FETCH = 1024;
/** ms after the last one who waited that it still follows: on a cluster, to begin costs a question to every broker. */
const LINGER = 5000;
const RETRY = 500;
/** More than so many can't wait at once; the others are told to ask later. */
export const MAX_WAITING = 50_000;
/** A decision on a request of the same id, made so many ms apart, is on another request: ids may come again. */
export const SAME_REQUEST_WITHIN = 3_600_000;

export interface AwaitedRequest {
  readonly tenantId: string;
  readonly userId: string;
  readonly requestId: string;
  /** Epoch ms; undefined: whenever it was. */
  readonly requestedAt?: number | undefined;
}

/** Somebody who waits. The first decision that comes, scheduled or final, ends it. */
export interface Expected {
  /** Resolves to the decision, or after `ms` to undefined. Whoever asks no more cancels. */
  within(ms: number): Promise<Decision | undefined>;
  cancel(): void;
}

interface Waiter {
  readonly asked: AwaitedRequest;
  decision: Decision | undefined;
  closed: boolean;
  tell: (() => void) | undefined;
}

export interface DecisionWatcherOptions {
  readonly log: Log;
  readonly serde: Serde;
  readonly logger: Logger;
  /** The most that wait at once. */
  readonly most?: number;
}

/** Reads the log only while somebody waits, and decodes the decisions of users alone for whom somebody does. */
export class DecisionWatcher {
  readonly #options: DecisionWatcherOptions;
  /** By the user's key. */
  readonly #waiters = new Map<string, Waiter[]>();
  #count = 0;
  #following: Following | undefined;
  #closed = false;

  constructor(options: DecisionWatcherOptions) {
    this.#options = options;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#count;
  }

  /**
   * Once it resolves, no decision on the request that is committed from then on is missed: ask before you publish. Undefined
   * when too many wait, or none can any more.
   */
  async expect(asked: AwaitedRequest): Promise<Expected | undefined> {
    if (this.#closed || this.#count >= (this.#options.most ?? MAX_WAITING)) return undefined;
    const waiter: Waiter = { asked, decision: undefined, closed: false, tell: undefined };
    this.#add(waiter);
    try {
      await this.#follow();
    } catch (error) {
      this.#remove(waiter);
      throw error;
    }
    const end = (): void => this.#remove(waiter);
    return {
      async within(ms) {
        if (waiter.decision === undefined && !waiter.closed && ms > 0) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, ms);
            waiter.tell = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
        end();
        return waiter.decision;
      },
      cancel: end,
    };
  }

  /** Everybody who waits is told that nothing came. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiters of this.#waiters.values()) {
      for (const waiter of waiters) {
        waiter.closed = true;
        waiter.tell?.();
      }
    }
    await this.#following?.stop();
  }

  #add(waiter: Waiter): void {
    const key = keyOf(waiter.asked.tenantId, waiter.asked.userId);
    const waiters = this.#waiters.get(key);
    if (waiters === undefined) this.#waiters.set(key, [waiter]);
    else waiters.push(waiter);
    this.#count++;
  }

  #remove(waiter: Waiter): void {
    const key = keyOf(waiter.asked.tenantId, waiter.asked.userId);
    const waiters = this.#waiters.get(key);
    const at = waiters?.indexOf(waiter) ?? -1;
    if (waiters === undefined || at < 0) return;
    waiters.splice(at, 1);
    if (waiters.length === 0) this.#waiters.delete(key);
    this.#count--;
  }

  #follow(): Promise<void> {
    if (this.#following === undefined || this.#following.ended) {
      const { log, serde, logger } = this.#options;
      this.#following = new Following(log, serde, logger, {
        wanted: () => this.#count > 0,
        interesting: (record) => record.key !== null && this.#waiters.has(record.key.toString('utf8')),
        decided: (decision) => this.#hand(decision),
      });
    }
    return this.#following.begun;
  }

  #hand(decision: Decision): void {
    for (const waiter of this.#waiters.get(keyOf(decision.tenantId, decision.userId)) ?? []) {
      if (waiter.decision !== undefined || !isOn(decision, waiter.asked)) continue;
      waiter.decision = decision;
      waiter.tell?.();
    }
  }
}

/**
 * Whether a decision of the same user is on the request that is asked about, and not on one that had its id long before, nor on
 * one that came again after it was decided.
 */
export function isOn(
  decision: Pick<Decision, 'decisionId' | 'campaignId' | 'requestId' | 'requestedAt'>,
  asked: Pick<AwaitedRequest, 'requestId' | 'requestedAt'>,
): boolean {
  const { requestId, requestedAt } = decision;
  if (requestId !== asked.requestId || isOnRepeat(decision)) return false;
  return asked.requestedAt === undefined || Math.abs(requestedAt - asked.requestedAt) <= SAME_REQUEST_WITHIN;
}

interface Listener {
  readonly wanted: () => boolean;
  readonly interesting: (record: LogRecord) => boolean;
  readonly decided: (decision: Decision) => void;
}

/** Reads every partition from its end on, until nobody has wanted it for a while. */
class Following {
  /** Resolves once it is known from where it reads. */
  readonly begun: Promise<void>;
  readonly #log: Log;
  readonly #serde: Serde;
  readonly #logger: Logger;
  readonly #listener: Listener;
  readonly #wakes = new Set<() => void>();
  #stopping = false;
  #ended: Promise<unknown> | undefined;
  #idleSince: number | undefined;

  constructor(log: Log, serde: Serde, logger: Logger, listener: Listener) {
    this.#log = log;
    this.#serde = serde;
    this.#logger = logger;
    this.#listener = listener;
    this.begun = this.#begin();
  }

  /** It reads no more: another one is needed. */
  get ended(): boolean {
    return this.#stopping;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeAll();
    await this.begun.catch(() => {});
    await this.#ended;
  }

  async #begin(): Promise<void> {
    const partitions = Array.from({ length: this.#log.partitions(decisions.topic) }, (_, partition) => partition);
    let ends: readonly number[];
    try {
      ends = await Promise.all(partitions.map((partition) => this.#end(partition)));
    } catch (error) {
      this.#stopping = true;
      throw error;
    }
    const unsubscribe = this.#log.onAppend(decisions.topic, () => this.#wakeAll());
    this.#ended = Promise.all(partitions.map((partition) => this.#read(partition, ends[partition] as number))).then(
      unsubscribe,
    );
  }

  #end(partition: number): Promise<number> {
    return this.#log.endOffset({ topic: decisions.topic, partition });
  }

  async #read(partition: number, from: number): Promise<void> {
    for (let at = from; !this.#stopping; ) {
      const appended = this.#appended();
      try {
        const records = await this.#log.read({ topic: decisions.topic, partition }, at, FETCH);
        at = (records[records.length - 1]?.offset ?? at - 1) + 1;
        await this.#tell(records);
        if (records.length > 0) continue;
      } catch (error) {
        if (this.#stopping) return;
        this.#logger.warn({ partition, error: loggable(error) }, 'decisions can not be followed; it is tried again');
        await new Promise((resolve) => setTimeout(resolve, RETRY));
        at = await this.#end(partition).catch(() => at);
        continue;
      }
      this.#rest();
      await appended;
    }
  }

  async #tell(records: readonly LogRecord[]): Promise<void> {
    const interesting = records.filter(this.#listener.interesting);
    if (interesting.length === 0) return;
    await this.#serde.learn(interesting);
    for (const record of interesting) {
      const decoded = this.#serde.decode(decisions, record);
      if ('value' in decoded) this.#listener.decided(decoded.value as Decision);
    }
  }

  /** Ends it when nobody has wanted it for a while. */
  #rest(): void {
    if (this.#listener.wanted()) {
      this.#idleSince = undefined;
      return;
    }
    this.#idleSince ??= performance.now();
    if (performance.now() - this.#idleSince < LINGER) return;
    this.#stopping = true;
    this.#wakeAll();
  }

  /** Resolves when something was appended from now on, or it is time to look whether anybody still waits. */
  #appended(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => wake(), LINGER);
      timer.unref();
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakes.delete(wake);
        resolve();
      };
      this.#wakes.add(wake);
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}
