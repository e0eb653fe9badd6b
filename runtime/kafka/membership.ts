// Membership in a consumer group, by Kafka's classic group protocol: who is there, and who runs which tasks. It joins as
// soon as the group changes and keeps what it runs meanwhile: until the new assignment is known nothing is given up, and what
// is then started elsewhere fences its owner here.
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { Broker } from 'kafkajs/src/broker/index.js';
import type Cluster from 'kafkajs/src/cluster/index.js';
import type { Logger } from 'pino';
import { loggable } from '../errors.ts';
import type { AssignmentListener } from '../log.ts';
import { assign, type Member } from './assigner.ts';
import { coordinatorOf, errorType } from './client.ts';
import { refusal } from './refusals.ts';

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;
const PROTOCOL = 'beckon-sticky';
const VERSION = 1;
/** Waits (ms) before a group that doesn't answer is joined again: the first, and the longest, as each is twice the one before. */
const FIRST_WAIT = 200;
const LONGEST_WAIT = 5000;
/** How long (ms) a group may not answer before somebody should know. */
const WARN_AFTER = 10_000;
/** What keeps a member out for good. Once it was in, what it runs is worth trying again for. */
const REFUSALS = [
  'GROUP_AUTHORIZATION_FAILED',
  'INVALID_SESSION_TIMEOUT',
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_GROUP_ID',
  'GROUP_MAX_SIZE_REACHED',
];
const REBALANCE_TIMEOUT = 30_000;
/** Heartbeats within a session. */
const BEATS = 4;

export interface MembershipOptions {
  readonly cluster: Cluster;
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Tasks of the group: partitions of its widest topic. */
  readonly tasks: number;
  /** ms without a heartbeat after which a member is taken for dead. */
  readonly sessionTimeout: number;
  readonly listener: AssignmentListener;
  /** By task, when the state on the local disk was last written. */
  readonly states: () => ReadonlyMap<number, number>;
  readonly logger: Logger | undefined;
}

interface Claim {
  readonly owned: readonly number[];
  readonly generation: number;
  readonly states: readonly (readonly [number, number])[];
}

export class GroupMember {
  readonly #options: MembershipOptions;
  readonly #leaving = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #left: Promise<void> | undefined;
  #memberId = '';
  #generation = -1;
  #owned: readonly number[] = [];
  #coordinator: Broker | undefined;
  #telling: Promise<void> = Promise.resolve();
  #joinedOnce = false;
  /** Of the faults since the group last answered: how many in a row, when the first was, and whether it was told. */
  #faults = { tries: 0, since: 0, told: false };
  /** Who waits for the group's word, and what cuts the wait for the next heartbeat short. */
  #asking: (() => void)[] = [];
  #nudge = new AbortController();

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the first assignment is known and its listener was called. Rejects when the group can't be joined, or
   * `leave` is called before; it has left then.
   */
  async join(): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#running = this.#run((error) => (error === undefined ? resolve() : reject(error)));
      });
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  /** See `Membership.confirmed`. */
  confirmed(): Promise<void> {
    return new Promise((resolve) => {
      this.#asking.push(resolve);
      this.#nudge.abort();
    });
  }

  /** Leaves the group, so that others take over at once, also while it still joins. The listener is not called again. */
  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #leave(): Promise<void> {
    this.#leaving.abort();
    await this.#running;
    await this.#telling;
    for (const answer of this.#asking.splice(0)) answer();
    const { groupId, cluster } = this.#options;
    if (this.#memberId !== '')
      await this.#coordinator?.leaveGroup({ groupId, memberId: this.#memberId }).catch(() => {});
    await cluster.disconnect();
  }

  async #run(joined: (error?: unknown) => void): Promise<void> {
    const { cluster, topics, groupId } = this.#options;
    const { signal } = this.#leaving;
    try {
      await cluster.connect();
      await cluster.addMultipleTargetTopics(topics);
    } catch (error) {
      return joined(error);
    }
    while (!signal.aborted) {
      try {
        const asking = this.#asking.splice(0);
        const owned = await this.#join().catch((error: unknown) => {
          this.#asking.unshift(...asking);
          throw error;
        });
        this.#owned = owned;
        this.#answered();
        this.#tell(owned, joined, asking);
        if (signal.aborted) return;
        this.#joinedOnce = true;
        await this.#beat();
      } catch (error) {
        const type = errorType(error);
        if (REFUSALS.includes(type ?? '') && !this.#joinedOnce) {
          const asked = { right: 'Read', topics, consumerGroup: groupId } as const;
          return joined(refusal(error, `the group ${groupId} can't be joined`, asked) ?? error);
        }
        if (type === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
        if (type === 'REBALANCE_IN_PROGRESS' || type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION') continue;
        // The coordinator moved or is away.
        this.#coordinator = undefined;
        await delay(this.#failed(error), undefined, { signal }).catch(() => {});
        await cluster.refreshMetadata().catch(() => {});
      }
    }
    await this.#telling;
    joined(new Error(`the group ${groupId} was left before it was joined`));
  }

  /** How long (ms) to wait before the group is joined again. */
  #failed(error: unknown): number {
    const { groupId: group, logger } = this.#options;
    const faults = this.#faults;
    if (faults.tries === 0) faults.since = performance.now();
    const wait = Math.min(FIRST_WAIT * 2 ** faults.tries++, LONGEST_WAIT);
    const about = { error: loggable(error), group, wait };
    if (faults.told || performance.now() - faults.since <= WARN_AFTER) {
      logger?.debug(about, 'the group is joined again');
      return wait;
    }
    faults.told = true;
    logger?.warn(
      about,
      `the group has not answered for more than ${WARN_AFTER / 1000} s and is tried until it does: see that its brokers are up and its user has the right Read on it`,
    );
    return wait;
  }

  #answered(): void {
    const { groupId: group, logger } = this.#options;
    if (this.#faults.told) logger?.info({ group }, 'the group answers again');
    this.#faults = { tries: 0, since: 0, told: false };
  }

  async #join(): Promise<readonly number[]> {
    const { cluster, groupId, topics, sessionTimeout, states } = this.#options;
    this.#coordinator ??= await coordinatorOf(cluster, { groupId });
    const claim: Claim = { owned: this.#owned, generation: this.#generation, states: [...states()] };
    const userData = Buffer.from(JSON.stringify(claim));
    const metadata = MemberMetadata.encode({ version: VERSION, topics: [...topics], userData });
    const joined = await this.#coordinator.joinGroup({
      groupId,
      sessionTimeout,
      rebalanceTimeout: REBALANCE_TIMEOUT,
      memberId: this.#memberId,
      groupProtocols: [{ name: PROTOCOL, metadata }],
    });
    this.#memberId = joined.memberId;
    const { generationId, memberId, leaderId, members } = joined;
    const groupAssignment = memberId === leaderId ? this.#assignAll(members) : [];
    const synced = await this.#coordinator.syncGroup({ groupId, generationId, memberId, groupAssignment });
    this.#generation = generationId;
    const assignment = MemberAssignment.decode(synced.memberAssignment)?.assignment ?? {};
    return [...new Set(Object.values(assignment).flat())].sort((a, b) => a - b);
  }

  #assignAll(
    members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[],
  ): { memberId: string; memberAssignment: Buffer }[] {
    const { tasks, topics } = this.#options;
    const assigned = assign(members.map(readMember), tasks);
    return [...assigned].map(([memberId, owned]) => {
      const assignment = Object.fromEntries(topics.map((topic) => [topic, owned]));
      return {
        memberId,
        memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData: Buffer.alloc(0) }),
      };
    });
  }

  /** Heartbeats until the group changes, which comes as an error. */
  async #beat(): Promise<void> {
    const { groupId, sessionTimeout } = this.#options;
    const { signal } = this.#leaving;
    for (;;) {
      if (this.#asking.length === 0) {
        this.#nudge = new AbortController();
        const either = AbortSignal.any([signal, this.#nudge.signal]);
        await delay(sessionTimeout / BEATS / 2, undefined, { signal: either }).catch(() => {});
      }
      if (signal.aborted) return;
      const asking = this.#asking.splice(0);
      const request = { groupId, groupGenerationId: this.#generation, memberId: this.#memberId };
      try {
        await this.#coordinator?.heartbeat(request);
      } catch (error) {
        this.#asking.unshift(...asking);
        throw error;
      }
      // Not before the listener was told what it is that still holds.
      void this.#telling.then(() => {
        for (const answer of asking) answer();
      });
    }
  }

  /** Calls the listener, one assignment after the other; heartbeats go on meanwhile. */
  #tell(owned: readonly number[], joined: (error?: unknown) => void, asking: readonly (() => void)[]): void {
    const { listener, groupId, logger } = this.#options;
    this.#telling = this.#telling
      .then(async () => {
        if (!this.#leaving.signal.aborted) await listener.assigned(owned);
        joined();
        for (const answer of asking) answer();
      })
      .catch((error: unknown) => {
        logger?.error({ error: loggable(error), group: groupId }, 'an assignment could not be taken');
        joined(error);
        for (const answer of asking) answer();
      });
  }
}

function readMember({
  memberId,
  memberMetadata,
}: {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}): Member {
  const { userData } = MemberMetadata.decode(memberMetadata) ?? {};
  let claim: Claim = { owned: [], generation: -1, states: [] };
  try {
    claim = JSON.parse(String(userData)) as Claim;
  } catch {
    // A member of another version claims nothing.
  }
  return { id: memberId, owned: claim.owned, generation: claim.generation, states: new Map(claim.states) };
}
