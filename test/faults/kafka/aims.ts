// Where kills fall: each step of each kind of task, and lost answers to what ends a transaction; those first that were hit least.
import type { Random } from '../../../cli/demo/random.ts';
import { OPEN_STEPS, SINK_STEPS, TASK_STEPS, TRANSACTION_STEPS } from '../../../runtime/steps.ts';
import type { Api } from './frames.ts';
import type { Side } from './proxy.ts';

export interface StepTarget {
  readonly group: string;
  readonly step: string;
}

/** A request on its way, or its answer. */
export interface WireTarget {
  readonly group: string;
  readonly api: Api;
  readonly side: Side;
}

const of = (group: string, steps: readonly string[]): readonly StepTarget[] => steps.map((step) => ({ group, step }));

const STEPS: readonly StepTarget[] = [
  ...['engage', 'pace'].flatMap((group) => of(group, [...TASK_STEPS, ...TRANSACTION_STEPS])),
  ...of('deliver', SINK_STEPS),
  ...of('engage', OPEN_STEPS),
];

/** All that a commit asks of one broker. */
const APIS: readonly Api[] = ['EndTxn', 'TxnOffsetCommit', 'Produce'];
const SIDES: readonly Side[] = ['answer', 'request'];
const WIRE: readonly WireTarget[] = APIS.flatMap((api) =>
  SIDES.flatMap((side) => ['engage', 'pace', 'deliver'].map((group) => ({ group, api, side }))),
);
/** What a run must have hit: the answer that says whether a transaction was committed. */
const ENDS = WIRE.filter(({ api, side }) => api === 'EndTxn' && side === 'answer');

export const stepName = ({ group, step }: StepTarget): string => `${group}:${step}`;
export const wireName = ({ group, api, side }: WireTarget): string => `${group}:${api} ${side} lost`;

/** Shared by the rounds of a run. */
export class Aims {
  readonly #hits = new Map<string, number>();

  /** A step among those hit least, and at which of its next occurrences: the first as long as it was never hit. */
  step(random: Random): StepTarget & { readonly nth: number } {
    const { target, hits } = this.#least(random, STEPS, stepName);
    return { ...target, nth: hits === 0 ? 1 : 1 + random.below(6) };
  }

  /** A place on the wire; with `kill`, what happens there ends the instance too. */
  wire(random: Random, kill: boolean): WireTarget {
    const first = ENDS.filter((target) => !this.#hits.has(wireName(target)));
    if (kill && first.length > 0) return random.pick(first);
    return this.#least(random, WIRE, (target) => nameOfWire(target, kill)).target;
  }

  /** A life ended here, or, on the wire, a connection. */
  hit(name: string): void {
    this.#hits.set(name, (this.#hits.get(name) ?? 0) + 1);
  }

  cut(target: WireTarget): void {
    this.hit(nameOfWire(target, false));
  }

  /** A way of damaging among those tried least. */
  damage<T extends string>(random: Random, ways: readonly T[]): T {
    const { target } = this.#least(random, ways, (way) => `damage ${way}`);
    this.hit(`damage ${target}`);
    return target;
  }

  /** What a run of enough kills must have hit and has not. */
  get missed(): readonly string[] {
    return [...STEPS.map(stepName), ...ENDS.map(wireName)].filter((name) => !this.#hits.has(name));
  }

  #least<T>(
    random: Random,
    targets: readonly T[],
    nameOf: (target: T) => string,
  ): { readonly target: T; readonly hits: number } {
    const hitsOf = (target: T): number => this.#hits.get(nameOf(target)) ?? 0;
    const hits = Math.min(...targets.map(hitsOf));
    return { target: random.pick(targets.filter((target) => hitsOf(target) === hits)), hits };
  }
}

function nameOfWire(target: WireTarget, kill: boolean): string {
  return kill ? wireName(target) : `cut ${wireName(target)}`;
}
