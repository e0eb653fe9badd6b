// The instances that share the work, each in a slot of its own: a folder, a proxy, and the process that lives there at present.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../../cli/demo/random.ts';
import { topicNamed } from '../../../schemas/topics.ts';
import { type Ground, PARTITIONS, SLOTS } from './ground.ts';
import { type Aim, Instance } from './instance.ts';

const READY_WITHIN = 60_000;
const STOPS_WITHIN = 40_000;
const LOOK = 150;
const GROUPS = ['engage', 'pace', 'deliver'];
/** Everything passes from group to group: rest counts when it is seen so often in a row. */
const QUIET_LOOKS = 3;

export interface TaskCounts {
  readonly task: string;
  readonly processed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly deadLetters: number;
}

interface Positions {
  readonly task: string;
  /** The next offset, by topic. */
  readonly positions: Readonly<Record<string, number>>;
}

interface Status {
  readonly quiet: boolean;
  readonly tasks: readonly (TaskCounts & Positions & { readonly streamTime: string | null })[];
  readonly sinks: readonly Positions[];
}

/** RocksDB's last words where it has no error for what it finds. */
const GIVES_UP = /rocksdb.*Assertion/;

/** What tasks must have taken before they are at rest. */
export interface Taken {
  /** Records of the stream inputs, by partition. */
  readonly published: readonly number[];
  /** Epoch ms to where time was moved. */
  readonly time?: number;
}

export class Slot {
  readonly number: number;
  readonly dir: string;
  instance: Instance | undefined;
  /** Its stores were damaged: RocksDB may end the process over one, once. */
  damaged = false;
  /** Instances that were started here. */
  lives = 0;

  constructor(number: number, dir: string) {
    this.number = number;
    this.dir = dir;
  }

  get alive(): boolean {
    return this.instance !== undefined && !this.instance.over;
  }
}

export class Fleet {
  readonly slots: readonly Slot[];
  readonly #ground: Ground;
  /** What ended instances logged. */
  #logs: string[] = [];

  constructor(ground: Ground, folder: string) {
    this.#ground = ground;
    this.slots = Array.from({ length: SLOTS }, (_, i) => new Slot(i, join(folder, `instance-${i}`)));
    for (const { dir } of this.slots) mkdirSync(dir, { recursive: true });
  }

  get alive(): readonly Slot[] {
    return this.slots.filter((slot) => slot.alive);
  }

  /** Everything that instances have logged, those that run too. */
  get logs(): readonly string[] {
    return [...this.#logs, ...this.alive.map(({ instance }) => instance?.log ?? '')];
  }

  start(slot: Slot, aim?: Aim): Instance {
    const environment = this.#ground.environment(slot.number);
    const delivery = this.#ground.scene.endpoint === undefined ? 'file' : 'webhook';
    const instance = new Instance({ dir: slot.dir, environment, aim, delivery });
    slot.instance = instance;
    const file = `${slot.dir}.${++slot.lives}.log`;
    void instance.ended.then(() => {
      this.#logs.push(instance.log);
      // For whoever looks into a round that failed.
      writeFileSync(file, instance.log);
    });
    return instance;
  }

  /** A slot in which nothing runs, of the first `size`; one that runs is stopped for it. */
  async vacant(size: number, random: Random): Promise<Slot> {
    const slots = this.slots.slice(0, size);
    const free = slots.filter((slot) => !slot.alive);
    if (free.length > 0) return random.pick(free);
    const slot = random.pick(slots);
    await this.stop(slot);
    return slot;
  }

  /** Brings the number of instances that run to `size`; `but`: without that slot. Resolves when those are ready. */
  async fill(size: number, but?: Slot): Promise<void> {
    await Promise.all(this.slots.slice(size).map((slot) => this.stop(slot)));
    const wanted = this.slots.slice(0, size).filter((slot) => slot !== but);
    for (const slot of wanted) if (!slot.alive) this.start(slot);
    await Promise.all(wanted.map((slot) => this.ready(slot)));
  }

  /** Throws when the instance ends before it is ready, or takes too long. */
  async ready(slot: Slot): Promise<void> {
    const { instance } = slot;
    if (instance === undefined) return;
    const late = delay(READY_WITHIN, 'late' as const, { ref: false });
    const url = await Promise.race([instance.ready, late]);
    if (url === undefined || url === 'late') {
      const what = url === 'late' ? 'does not become ready' : 'ended before it was ready';
      throw new Error(`the instance of slot ${slot.number} ${what}: ${instance.log.slice(-3000)}`);
    }
  }

  /** SIGTERM. Throws unless the instance ends well, and in time. */
  async stop(slot: Slot): Promise<void> {
    const { instance } = slot;
    if (instance === undefined || instance.over) return;
    instance.kill('SIGTERM');
    if (!(await instance.endsWithin(STOPS_WITHIN))) {
      instance.kill('SIGKILL');
      throw new Error(`SIGTERM does not end the instance of slot ${slot.number}: ${instance.log.slice(-3000)}`);
    }
    const { code, signal } = await instance.ended;
    if (code !== 0)
      throw new Error(
        `SIGTERM ended the instance of slot ${slot.number} with ${code ?? signal}: ${instance.log.slice(-3000)}`,
      );
  }

  /** Throws when an instance has ended that nobody ended. Starts one again that ended over a store that was damaged. */
  mustLive(slots: readonly Slot[]): void {
    for (const slot of slots) {
      if (slot.alive || !slot.damaged || !GIVES_UP.test(slot.instance?.log ?? '')) continue;
      // As whoever runs instances starts them again: now it must find its way.
      slot.damaged = false;
      this.start(slot);
    }
    const dead = slots.find((slot) => !slot.alive);
    if (dead === undefined) return;
    throw new Error(`the instance of slot ${dead.number} ended on its own: ${dead.instance?.log.slice(-3000)}`);
  }

  /**
   * Waits until every task is at rest in exactly one instance, with nothing left to read, and engage has counted as many
   * records as were published, by partition. Resolves to what is wrong when that takes longer than `ms`.
   */
  async settle(taken: Taken, ms: number): Promise<readonly string[]> {
    const until = performance.now() + ms;
    let problems: readonly string[] = [];
    for (let seen = 0; performance.now() < until; await delay(LOOK)) {
      this.mustLive(this.alive);
      problems = await this.#unsettled(taken);
      seen = problems.length === 0 ? seen + 1 : 0;
      if (seen === QUIET_LOOKS) return [];
    }
    return problems;
  }

  /** The address of the instance that runs the task of a key. Throws when none does. */
  async ownerOf(group: string, id: string): Promise<string> {
    for (const { instance } of this.alive) {
      const url = await instance?.ready;
      const { ok } = await fetch(`${url}/v1/state?topology=${group}&id=${id}`);
      if (ok && url !== undefined) return url;
    }
    throw new Error(`no instance has the state that ${group} keeps of ${id}`);
  }

  async endAll(): Promise<void> {
    await Promise.all(
      this.alive.map(async ({ instance }) => {
        instance?.kill('SIGKILL');
        await instance?.ended;
      }),
    );
  }

  async #unsettled({ published, time }: Taken): Promise<readonly string[]> {
    const statuses: Status[] = [];
    for (const { instance, number } of this.alive) {
      const url = await instance?.ready;
      try {
        statuses.push(
          (await (await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(LOOK * 20) })).json()) as Status,
        );
      } catch (error) {
        return [`the instance of slot ${number} does not say how it is: ${(error as Error).message}`];
      }
    }
    const problems = statuses.every(({ quiet }) => quiet) ? [] : ['an instance is not at rest'];
    const names = statuses.flatMap(({ tasks, sinks }) => [...tasks, ...sinks].map(({ task }) => task));
    for (const group of GROUPS) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const owners = names.filter((name) => name === `${group}.${partition}`).length;
        if (owners !== 1) problems.push(`${group}.${partition} has ${owners} owners`);
      }
    }
    const counts = new Map(statuses.flatMap(({ tasks }) => tasks.map((task) => [task.task, task])));
    published.forEach((wanted, partition) => {
      const { processed = 0, late = 0, duplicate = 0, deadLetters = 0 } = counts.get(`engage.${partition}`) ?? {};
      const sum = processed + late + duplicate + deadLetters;
      if (sum !== wanted) problems.push(`engage.${partition} counts ${sum} records of ${wanted}`);
      const { streamTime = null } = counts.get(`engage.${partition}`) ?? {};
      if (time !== undefined && Date.parse(streamTime ?? '') < time)
        problems.push(`engage.${partition} stands at ${streamTime}`);
    });
    if (problems.length === 0)
      problems.push(...(await this.#unread(statuses.flatMap(({ tasks, sinks }) => [...tasks, ...sinks]))));
    if (problems.length > 0) problems.push(`status: ${JSON.stringify(statuses)}`);
    return problems;
  }

  /** What can be read and was not, as far as the harness sees it. */
  async #unread(tasks: readonly Positions[]): Promise<readonly string[]> {
    const { log } = this.#ground.cluster;
    const problems: string[] = [];
    for (const { task, positions } of tasks) {
      const partition = Number(task.slice(task.lastIndexOf('.') + 1));
      for (const [name, offset] of Object.entries(positions)) {
        const [record] = await log.read({ topic: topicNamed(name)?.topic ?? name, partition }, offset, 1);
        if (record !== undefined) problems.push(`${task} has not taken offset ${record.offset} of ${name}`);
      }
    }
    return problems;
  }
}
