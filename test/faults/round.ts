// A round: the load goes through an instance that is killed again and again, or never.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../cli/demo/random.ts';
import { openLog } from '../../cli/instance.ts';
import { frame } from '../../schemas/avro.ts';
import { events } from '../../schemas/topics.ts';
import { clickhouseProblems } from './clickhouse.ts';
import { Endpoint, FAILING } from './endpoint.ts';
import { beckon, Life, type LifeOptions, publishLines } from './life.ts';
import type { FaultLoad } from './load.ts';
import { type Ledger, ledgerAt, ledgerProblems } from './money.ts';
import { comparable, type Outputs, problemsOf, readOutputs, toldOf } from './outputs.ts';
import type { Aims } from './targets.ts';

export interface Kill {
  readonly how: 'random' | 'aimed' | 'front' | 'both';
  /** ms after the start of the life. */
  readonly at: number;
  /** The last step before. */
  readonly step: string;
}

export interface RoundOptions {
  readonly load: FaultLoad;
  readonly seed: number;
  readonly kills: number;
  readonly clickhouse: boolean;
  /** Messages go to a webhook that refuses some of them. */
  readonly failing?: boolean;
  /** Chooses where the aimed kills fall. */
  readonly aims: Aims;
}

export interface TaskCounts {
  readonly processed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly deadLetters: number;
}

export interface RoundResult {
  readonly kills: readonly Kill[];
  /** ms of each start that came to its end. */
  readonly starts: readonly number[];
  readonly outputs: Readonly<Record<string, readonly string[]>>;
  readonly counts: Readonly<Record<string, TaskCounts>>;
  /** What pace keeps of the campaigns whose deliveries fail. */
  readonly ledgers: Readonly<Record<string, Ledger>>;
  readonly problems: readonly string[];
}

/** How long an instance may take for what is left, ms. */
const SETTLE_WITHIN = 120_000;
/** An aimed kill whose step doesn't come is made from outside after so long, ms. */
const PATIENCE = 2500;

/** Runs the load to its end. The folder is kept when something is wrong with it; the problems name it. */
export async function playRound(options: RoundOptions): Promise<RoundResult> {
  const dir = mkdtempSync(join(tmpdir(), 'beckon-faults-'));
  const player = new Player(dir, options);
  try {
    const result = await player.play();
    if (result.problems.length === 0) removeAll(dir);
    return result;
  } catch (error) {
    throw new Error(`round of seed ${options.seed} in ${dir}: ${(error as Error).message}`, { cause: error });
  }
}

export function removeAll(dir: string): void {
  for (const name of readdirSync(dirname(dir))) {
    if (name.startsWith(basename(dir))) rmSync(join(dirname(dir), name), { recursive: true, force: true });
  }
}

class Player {
  readonly #dir: string;
  readonly #options: RoundOptions;
  readonly #random: Random;
  readonly #kills: Kill[] = [];
  readonly #starts: number[] = [];
  #piece = 0;
  /** Events that are on the log for certain. */
  #published = 0;
  #inDoubt = false;
  #endpoint: Endpoint | undefined;
  #ledgers: Record<string, Ledger> = {};

  constructor(dir: string, options: RoundOptions) {
    this.#dir = dir;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async play(): Promise<RoundResult> {
    if (this.#options.failing) this.#endpoint = await Endpoint.start();
    try {
      return await this.#play();
    } finally {
      this.#endpoint?.close();
    }
  }

  async #play(): Promise<RoundResult> {
    const { load, kills, clickhouse } = this.#options;
    for (const [topic, lines] of Object.entries(load.before)) publishLines(this.#dir, topic, lines);
    await publishGarbage(this.#dir);
    this.#published = load.before.events.length;
    while (this.#kills.length < kills) await this.#liveAndDie();
    const counts = await this.#liveOn();
    const posted = this.#endpoint && [...this.#endpoint.taken.values()];
    const outputs = await readOutputs(this.#dir, posted);
    const problems = [
      ...problemsOf(outputs),
      ...countProblems(outputs, counts),
      ...(clickhouse ? await clickhouseProblems(this.#dir, outputs) : []),
      ...(this.#endpoint?.problems ?? []),
      ...Object.entries(this.#ledgers).flatMap(([id, ledger]) => ledgerProblems(id, ledger, toldOf(outputs))),
    ];
    return {
      kills: this.#kills,
      starts: this.#starts,
      outputs: comparable(outputs),
      counts,
      ledgers: this.#ledgers,
      problems: problems.map((problem) => `${problem} (seed ${this.#options.seed}, ${this.#dir})`),
    };
  }

  #settings(): LifeOptions {
    const { clickhouse } = this.#options;
    return { dir: this.#dir, clickhouse, ...(this.#endpoint === undefined ? {} : { webhook: this.#endpoint.url }) };
  }

  /** One life that ends by a kill. */
  async #liveAndDie(): Promise<void> {
    const { clickhouse, aims } = this.#options;
    const random = this.#random;
    const draw = random.next();
    const how = draw < 0.5 ? 'aimed' : clickhouse && draw > 0.9 ? 'both' : 'random';
    const aim = how === 'aimed' ? aims.next(random, clickhouse) : undefined;
    const life = new Life({ ...this.#settings(), ...(aim === undefined ? {} : { aim }) });
    // Most fall among the work; some before the instance is ready.
    const early = how !== 'aimed' && random.chance(0.25);
    const after = how === 'aimed' ? PATIENCE : early ? random.below(2000) : random.below(350);
    if (early) void delay(after).then(() => this.#strike(life, how));
    const url = await life.ready;
    if (url !== undefined) {
      this.#starts.push(life.age);
      if (!early) void delay(after).then(() => this.#strike(life, how));
      if (clickhouse && random.chance(0.15) && life.killFront()) this.#note(life, 'front');
      await this.#publishTo(life, url);
    }
    const { signal, code } = await life.ended;
    if (signal !== 'SIGKILL') throw new Error(`the instance ended with ${code ?? signal}: ${life.log.slice(-2000)}`);
    aims.hit(this.#note(life, how));
    if (!this.#inDoubt && random.chance(0.05)) this.#publishDirectly();
  }

  #strike(life: Life, how: Kill['how']): void {
    if (how === 'both') life.killFront();
    life.kill('SIGKILL');
  }

  /** Returns the last step. */
  #note(life: Life, how: Kill['how']): string {
    const step = life.steps.at(-1) ?? 'before any step';
    this.#kills.push({ how, at: life.age, step });
    return step;
  }

  /** Some pieces, as long as the instance lives; `most` of them. */
  async #publishTo(life: Life, url: string, most = 1 + this.#random.below(4)): Promise<void> {
    const { pieces } = this.#options.load;
    for (let n = 0; n < most && this.#piece < pieces.length && !life.over; n++) {
      const piece = pieces[this.#piece] as readonly string[];
      try {
        // Whether a piece that nobody confirmed is in must be asked: published again, its events would be duplicates.
        if (!this.#inDoubt || (await eventsOn(url)) === this.#published) {
          this.#inDoubt = true;
          await post(url, '/v1/topics/events/records', 'application/x-ndjson', piece.join('\n'));
        }
        this.#inDoubt = false;
        this.#taken(piece);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        return;
      }
    }
  }

  #publishDirectly(): void {
    const piece = this.#options.load.pieces[this.#piece];
    if (piece === undefined) return;
    publishLines(this.#dir, 'events', piece);
    this.#taken(piece);
  }

  #taken(piece: readonly string[]): void {
    this.#piece++;
    this.#published += piece.length;
  }

  /** The last life: takes what is left, comes to rest and stops when it is told to. */
  async #liveOn(): Promise<Readonly<Record<string, TaskCounts>>> {
    const { load } = this.#options;
    const life = new Life(this.#settings());
    const url = await life.ready;
    if (url === undefined) throw new Error(`the last start failed: ${life.log.slice(-2000)}`);
    this.#starts.push(life.age);
    await this.#publishTo(life, url, Number.POSITIVE_INFINITY);
    // Failures are heard before time goes on: later they would be late.
    if (this.#endpoint !== undefined) await settled(url);
    const { code, text } = beckon('publish', 'events', '--advance', load.end, '--dir', this.#dir);
    if (code !== 0) throw new Error(`the advance ended with ${code}: ${text}`);
    const counts = await settled(url);
    if (this.#endpoint !== undefined) this.#ledgers = { [FAILING]: await ledgerAt(url, FAILING) };
    life.kill('SIGTERM');
    const { code: exit, signal } = await life.ended;
    if (exit !== 0) throw new Error(`SIGTERM ended the instance with ${exit ?? signal}: ${life.log.slice(-2000)}`);
    return counts;
  }
}

async function post(url: string, path: string, type: string, body: string): Promise<void> {
  const response = await fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': type }, body });
  const text = await response.text();
  if (!response.ok || /"bad":\[\{/.test(text)) throw new Error(`${path}: ${response.status} ${text}`);
}

/** Number of events on the log. */
async function eventsOn(url: string): Promise<number> {
  const all = await (await fetch(`${url}/v1/topics/events/records`)).text();
  return all.split('\n').length - 1;
}

interface Status {
  readonly quiet: boolean;
  readonly tasks: readonly ({ readonly task: string } & TaskCounts)[];
}

/** Waits for one look that finds everything at rest: `quiet` must be right the first time. */
async function settled(url: string): Promise<Readonly<Record<string, TaskCounts>>> {
  for (const begun = performance.now(); ; await delay(50)) {
    const { quiet, tasks } = (await (await fetch(`${url}/v1/status`)).json()) as Status;
    if (quiet) {
      return Object.fromEntries(
        tasks.map(({ task, processed, late, duplicate, deadLetters }) => [
          task,
          { processed, late, duplicate, deadLetters },
        ]),
      );
    }
    if (performance.now() - begun > SETTLE_WITHIN) throw new Error('the instance does not come to rest');
  }
}

function countProblems({ published }: Outputs, counts: Readonly<Record<string, TaskCounts>>): string[] {
  return published.flatMap((wanted, partition) => {
    const { processed, late, duplicate, deadLetters } = counts[`engage.${partition}`] as TaskCounts;
    const sum = processed + late + duplicate + deadLetters;
    return sum === wanted ? [] : [`engage.${partition} counts ${sum} records of ${wanted}`];
  });
}

/** Records that no task can take: three dead letters. */
async function publishGarbage(dir: string): Promise<void> {
  const { log, serde } = await openLog(dir);
  try {
    const value = {
      eventId: 'g',
      tenantId: 'default',
      userId: 'garbage',
      sessionId: null,
      type: 'view',
      properties: {},
    };
    const good = serde.encode(events, { ...value, occurredAt: Date.UTC(2026, 0, 5) }, log.partitions(events.topic));
    await log.append([
      { ...good, value: Buffer.from('no Avro') },
      { ...good, value: frame(1, Buffer.from('of a schema that nobody knows')) },
      { ...good, key: Buffer.from('default/somebody-else') },
    ]);
  } finally {
    await log.close();
  }
}
