// Where aimed kills fall: each step of each kind of task, those first that were hit least.
import type { Random } from '../../cli/demo/random.ts';
import { SINK_STEPS, TASK_STEPS } from '../../runtime/steps.ts';
import type { Aim } from './life.ts';

type Target = Pick<Aim, 'group' | 'step'>;

const of = (group: string, steps: readonly string[]): readonly Target[] => steps.map((step) => ({ group, step }));

const TARGETS: readonly Target[] = [
  ...of('engage', TASK_STEPS),
  ...of('pace', TASK_STEPS),
  ...of('deliver', SINK_STEPS),
  // ClickHouse leaves no notes of its own.
  ...of(
    'clickhouse',
    SINK_STEPS.filter((step) => step !== 'sink-noted'),
  ),
];

const nameOf = ({ group, step }: Target): string => `${group}:${step}`;

/** Shared by the rounds of a run. */
export class Aims {
  readonly #hits = new Map<string, number>();

  /** A target among those hit least, and at which of its next occurrences: the first as long as it was never hit. */
  next(random: Random, clickhouse: boolean): Aim {
    const targets = TARGETS.filter(({ group }) => clickhouse || group !== 'clickhouse');
    const least = Math.min(...targets.map((t) => this.#hitsOf(t)));
    const target = random.pick(targets.filter((t) => this.#hitsOf(t) === least));
    return { ...target, nth: least === 0 ? 1 : 1 + random.below(6) };
  }

  /** `step` ("group:step") was the last of a life. */
  hit(step: string): void {
    this.#hits.set(step, (this.#hits.get(step) ?? 0) + 1);
  }

  /** The steps that were never hit. */
  get missed(): readonly string[] {
    return TARGETS.filter((t) => this.#hitsOf(t) === 0).map(nameOf);
  }

  #hitsOf(target: Target): number {
    return this.#hits.get(nameOf(target)) ?? 0;
  }
}
