// A round: the load goes through instances that are harmed again and again; after each fault is looked at what must hold
// always, at rest that every input is accounted for, at the end that the results are those of a simulation.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../../cli/demo/random.ts';
import { allTopics, sends } from '../../../schemas/topics.ts';
import { FAILING } from '../endpoint.ts';
import { type Ledger, ledgerAt, ledgerProblems } from '../money.ts';
import { differing } from '../outputs.ts';
import type { Aims } from './aims.ts';
import { type Comparison, compare } from './compare.ts';
import { type Done, FAULTS, KILLS, type Kind, OTHERS, type Stage } from './faults.ts';
import { Feeder } from './feeder.ts';
import { Fleet, type Slot } from './fleet.ts';
import type { Ground } from './ground.ts';
import { Load } from './load.ts';
import { Outputs } from './outputs.ts';
import { MARKERS_WITHIN, type StateCheck, StateReader, storedTasks } from './state.ts';
import { within } from './within.ts';

export interface RoundOptions {
  readonly seed: number;
  /** Of instances, by `kill -9`; other faults come on top. */
  readonly kills: number;
  /** Faults of these kinds alone, as many as `kills`. */
  readonly only?: readonly Kind[] | undefined;
  readonly aims: Aims;
  /** Is told of every fault. */
  readonly onTurn: (turn: Turn) => void;
}

export interface Turn {
  readonly kind: Kind;
  /** ISO-8601, when it began. */
  readonly at: string;
  /** How long it took, with all that was looked at, ms. */
  readonly ms: number;
  /** Instances at that time. */
  readonly size: number;
  readonly slot?: number;
  readonly where: string;
  readonly kills: number;
}

export interface RoundResult {
  readonly turns: readonly Turn[];
  readonly problems: readonly string[];
  readonly comparison: Comparison | undefined;
  readonly events: number;
  /** Messages by hop. */
  readonly hops: readonly number[];
  /** Stores compared with their changelogs, and entries of those. */
  readonly states: { readonly stores: number; readonly entries: number };
  /** What instances said of tasks that they restored whole, and opened again, by reason. */
  readonly recoveries: Readonly<Record<string, number>>;
}

/** Instances by the part of the round that is over: 1, 4, 2. */
const SIZES: readonly (readonly [number, number])[] = [
  [0.3, 1],
  [0.7, 4],
  [1, 2],
];
const SETTLES_WITHIN = 120_000;
const TURN_WITHIN = 240_000;
const LOOK_WITHIN = 60_000;
/** Of kills, those at a step and those on the wire; the rest comes at any time. */
const [AIMED, WIRE] = [0.6, 0.2];
/** One fault of another kind to so many kills. */
const KILLS_AN_OTHER = 3;

export async function playRound(ground: Ground, options: RoundOptions): Promise<RoundResult> {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-faults-kafka-'));
  const round = new Round(ground, folder, options);
  const result = await round.play();
  if (result.problems.length === 0) rmSync(folder, { recursive: true, force: true });
  return result;
}

class Round {
  readonly #ground: Ground;
  readonly #folder: string;
  readonly #options: RoundOptions;
  readonly #stage: Stage;
  readonly #load: Load;
  readonly #outputs: Outputs;
  readonly #turns: Turn[] = [];
  readonly #problems: string[] = [];
  readonly #states = { stores: 0, entries: 0 };

  constructor(ground: Ground, folder: string, options: RoundOptions) {
    const { seed, aims } = options;
    this.#ground = ground;
    this.#folder = folder;
    this.#options = options;
    this.#load = new Load(seed, ground.scene.load);
    this.#outputs = new Outputs(ground);
    const [fleet, feeder] = [new Fleet(ground, folder), new Feeder(ground, this.#load)];
    this.#stage = { ground, fleet, feeder, aims, random: new Random(seed), size: 1, damaged: new Set() };
  }

  async play(): Promise<RoundResult> {
    const { fleet, feeder } = this.#stage;
    const states = await StateReader.open(this.#ground);
    let comparison: Comparison | undefined;
    try {
      await feeder.begin();
      feeder.start();
      await this.#disturb(states);
      await feeder.stop();
      if (this.#problems.length === 0) comparison = await this.#finish(states);
    } catch (error) {
      this.#problems.push((error as Error).stack ?? String(error));
    } finally {
      await feeder.stop().catch(() => {});
      await fleet.endAll();
      await states.close();
    }
    return {
      turns: this.#turns,
      problems: this.#problems.map((problem) => `${problem} (seed ${this.#options.seed}, ${this.#folder})`),
      comparison,
      events: feeder.events.length,
      hops: [0, 1, 2].map((hop) => this.#outputs.all(sends).filter((send) => send.hop === hop).length),
      states: this.#states,
      recoveries: recoveriesOf(fleet.logs),
    };
  }

  /** One fault after the other. */
  async #disturb(states: StateReader): Promise<void> {
    const plan = planOf(this.#options, this.#stage.random);
    for (const [i, kind] of plan.entries()) {
      const size = SIZES.find(([until]) => i / plan.length < until)?.[1] ?? 1;
      if (size !== this.#stage.size) await this.#settle();
      if (this.#problems.length > 0) return;
      this.#stage.size = size;
      const begun = performance.now();
      const at = new Date().toISOString();
      const done = await within(TURN_WITHIN, `the fault ${kind}`, FAULTS[kind](this.#stage));
      await this.#look(done, states);
      const { where, slot, killed } = done;
      const ms = Math.round(performance.now() - begun);
      const turn = { kind, at, ms, size, where, kills: killed.length, ...(slot === undefined ? {} : { slot }) };
      this.#turns.push(turn);
      this.#options.onTurn(turn);
      if (this.#problems.length > 0) return;
    }
    await this.#settle();
  }

  async #look({ killed }: Done, states: StateReader): Promise<void> {
    await within(LOOK_WITHIN, 'reading the outputs', this.#outputs.read());
    this.#problems.push(...this.#outputs.problems());
    for (const slot of killed) {
      // Where it was started again its stores are in use.
      if (slot.alive) continue;
      const tasks = storedTasks(slot.dir);
      if (tasks.length === 0) continue;
      const task = this.#stage.random.pick(tasks);
      this.#note(
        await within(
          LOOK_WITHIN,
          `comparing the state in ${task.folder}`,
          states.check(task, this.#stage.damaged.has(slot.dir)),
        ),
      );
    }
  }

  #note(check: StateCheck | undefined): void {
    if (check === undefined) return;
    this.#states.stores++;
    this.#states.entries += check.entries;
    this.#problems.push(...check.problems);
  }

  /** At rest: every input is accounted for. */
  async #settle(): Promise<void> {
    const { fleet, feeder, size } = this.#stage;
    await feeder.pause();
    await fleet.fill(size);
    this.#problems.push(...(await fleet.settle(feeder, SETTLES_WITHIN)));
    feeder.resume();
  }

  async #finish(states: StateReader): Promise<Comparison> {
    const { fleet, feeder, size } = this.#stage;
    const { afterwards, endpoint } = this.#ground.scene;
    const until = Math.max(...feeder.events.map(({ occurredAt }) => occurredAt)) + afterwards;
    await fleet.fill(size);
    // Failures are heard before time goes on: later they would be late.
    if (endpoint !== undefined) this.#problems.push(...(await fleet.settle(feeder, SETTLES_WITHIN)));
    await feeder.advance(until);
    this.#problems.push(...(await fleet.settle({ published: feeder.published, time: until }, SETTLES_WITHIN)));
    const ledger = endpoint === undefined ? undefined : await ledgerAt(await fleet.ownerOf('pace', FAILING), FAILING);
    await Promise.all(fleet.alive.map((slot) => fleet.stop(slot)));
    // Everybody has left: whatever is still open, nobody will end.
    const topics = allTopics.map(({ topic }) => topic);
    this.#problems.push(...(await states.unended(topics, MARKERS_WITHIN)));
    await within(LOOK_WITHIN, 'reading the outputs', this.#outputs.read());
    for (const { topic, partition, records } of this.#outputs.counts) {
      const all = await states.records(topic, partition);
      if (all !== records)
        this.#problems.push(`a reader that followed ${topic}/${partition} saw ${records} of ${all} records`);
    }
    const requests = this.#load.requests.map(({ requestId }) => requestId);
    this.#problems.push(...this.#outputs.problems(), ...this.#outputs.endProblems(requests));
    if (ledger !== undefined) this.#problems.push(...this.#deliveryProblems(ledger));
    await this.#checkStates(fleet.slots, states);
    const { events: published } = feeder;
    const run = { ground: this.#ground, load: this.#load, published, outputs: this.#outputs, until };
    const comparison = await compare(this.#folder, run);
    this.#problems.push(...comparison.problems);
    return comparison;
  }

  /** Of deliveries that fail: the money, and what the endpoint was told. */
  #deliveryProblems(ledger: Ledger): readonly string[] {
    const { endpoint } = this.#ground.scene;
    const wanted = this.#outputs.all(sends).map(({ idempotencyKey }) => idempotencyKey);
    return [
      ...ledgerProblems(FAILING, ledger, this.#outputs.told),
      ...differing('posted messages', [...(endpoint?.taken.keys() ?? [])], wanted),
      ...(endpoint?.problems ?? []),
    ];
  }

  /** All stores, those that were left behind too; of every task one is whole. */
  async #checkStates(slots: readonly Slot[], states: StateReader): Promise<void> {
    const whole = new Set<string>();
    const tasks = slots.flatMap(({ dir }) =>
      storedTasks(dir).map((task) => ({ task, damaged: this.#stage.damaged.has(dir) })),
    );
    const names = new Set<string>();
    /** Damage lies where the owner has not read yet: nothing can be said. */
    const untold = new Set<string>();
    for (const { task, damaged } of tasks) {
      const check = await states.check(task, damaged);
      this.#note(check);
      const name = `${task.group}.${task.partition}`;
      if (check?.behind === 0) whole.add(name);
      names.add(name);
      if (check === undefined && damaged) untold.add(name);
    }
    for (const task of [...names].filter((name) => !whole.has(name) && !untold.has(name)))
      this.#problems.push(`no instance has the whole state of ${task}`);
  }
}

/** Kills and other faults in an order by chance; each kind once at least. */
function planOf({ kills, only }: RoundOptions, random: Random): readonly Kind[] {
  if (only !== undefined) return Array.from({ length: kills }, () => random.pick(only));
  const others: Kind[] = [...OTHERS];
  while (others.length < kills / KILLS_AN_OTHER) others.push(random.pick(OTHERS));
  // Of the others, these kill too.
  const left = Math.max(
    KILLS.length,
    kills - others.filter((kind) => kind === 'damaged' || kind === 'registry').length,
  );
  const aimed = Math.ceil(left * AIMED);
  const wire = Math.ceil(left * WIRE);
  const plan: Kind[] = Array.from({ length: left }, (_, i) =>
    i < aimed ? 'aimed' : i < aimed + wire ? 'wire' : 'random',
  );
  plan.push(...others);
  for (let i = plan.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [plan[i], plan[j]] = [plan[j] as Kind, plan[i] as Kind];
  }
  return plan;
}

interface LogLine {
  readonly msg?: string;
  readonly wiped?: string;
}

function recoveriesOf(logs: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  for (const line of logs.join('\n').split('\n')) {
    // Of a line that a kill cut short nothing is known.
    if (!line.startsWith('{') || !line.endsWith('}')) continue;
    const { msg = '', wiped } = JSON.parse(line) as LogLine;
    if (wiped !== undefined) count(`restored whole: ${wiped}`);
    const [, why] = /^a task ended and is opened again: ([^:(]*)/.exec(msg) ?? [];
    if (why !== undefined) count(`opened again: ${why.trim()}`);
    if (msg.startsWith('given up without')) count('given up without a last commit');
  }
  return counts;
}
