// Requests to the brokers that coordinate groups and transactional ids, repeated until one is done or an error doesn't pass.
import type { Broker } from 'kafkajs/src/broker/index.js';
import type Cluster from 'kafkajs/src/cluster/index.js';
import { coordinatorOf, errorType, isTransient, Retries } from './client.ts';
import type { Leaders } from './leaders.ts';

export const GROUP = 0;
export const TRANSACTION = 1;
/** How long (ms) brokers that fail are asked again: enough for one to restart. */
export const PATIENCE = 20_000;

/** For one group, and one transactional id. */
export class Coordinators {
  readonly #cluster: Cluster;
  readonly #leaders: Leaders;
  readonly #known = new Map<number, Broker>();

  constructor(cluster: Cluster, leaders: Leaders) {
    this.#cluster = cluster;
    this.#leaders = leaders;
  }

  /** Asks the coordinator of a group or transactional id, until it does it, or an error doesn't pass. */
  ask<T>(
    coordinatorType: number,
    groupId: string,
    work: (broker: Broker) => Promise<T>,
    passing: (error: unknown) => boolean = isTransient,
  ): Promise<T> {
    const retries = new Retries(PATIENCE);
    const coordinator = async (): Promise<Broker> => {
      let broker = this.#known.get(coordinatorType);
      if (broker === undefined || !broker.isConnected()) {
        broker = await coordinatorOf(this.#cluster, { groupId, coordinatorType });
        this.#known.set(coordinatorType, broker);
      }
      return broker;
    };
    return this.again(retries, async () => work(await this.again(retries, coordinator)), passing);
  }

  async again<T>(
    retries: Retries,
    work: () => Promise<T>,
    passing: (error: unknown) => boolean = isTransient,
  ): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        await this.recover(error, retries, passing(error));
      }
    }
  }

  /** Waits before the next try, and looks anew at who leads and coordinates what. Throws what will not pass. */
  async recover(error: unknown, retries: Retries, passing: boolean): Promise<void> {
    await retries.after(error, passing);
    // The coordinator itself says that it is still ending the transaction before.
    if (errorType(error) === 'CONCURRENT_TRANSACTIONS') return;
    this.#known.clear();
    await this.#leaders.refresh().catch(() => {});
  }
}
