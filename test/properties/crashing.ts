// engage and pace on durable logs, ended at any moment: what a task did since its last commit is lost, and done again from
// there by a new task over what the commit wrote. So everything it remembers goes through its bytes.
import fc from 'fast-check';
import { Task } from '../../runtime/task.ts';
import { candidates, type Topic, verdicts } from '../../schemas/topics.ts';
import { MemoryStore } from '../../state/memory/memory-store.ts';
import type { Topology } from '../../topologies/graph.ts';
import { inOrder } from '../oracle/inputs.ts';
import type { DecisionInput } from '../oracle/model.ts';
import { TOPICS } from './delayed.ts';
import { type Build, definitionsOf, Outputs, real } from './engine.ts';

/** What a task is given: a record, with the instant that everything is due before if it says so; or time that moves on. */
type Entry =
  | { readonly topic: Topic<unknown>; readonly value: unknown; readonly dueBefore?: number }
  | { readonly advanceTo: number };

/** How many entries each task takes at once, and whether it commits them or is ended. */
export interface Turn {
  readonly engage: number;
  readonly pace: number;
  readonly engageEnds: boolean;
  readonly paceEnds: boolean;
}

export const turns: fc.Arbitrary<readonly Turn[]> = fc
  .array(
    fc.record({
      engage: fc.integer({ min: 1, max: 6 }),
      pace: fc.nat(4),
      engageEnds: fc.boolean(),
      paceEnds: fc.boolean(),
    }),
    { minLength: 1, maxLength: 20 },
  )
  // Where every turn ended in a crash, nothing would ever be done.
  .map((list) => [...list, { engage: 3, pace: 3, engageEnds: false, paceEnds: false }]);

class Durable {
  readonly log: Entry[] = [];
  readonly #options: { readonly topology: Topology; readonly lateness: number };
  readonly #store = new MemoryStore();
  #task: Task;
  #position = 0;
  #committed = 0;

  constructor(topology: Topology, lateness: number) {
    this.#options = { topology, lateness };
    this.#task = this.#begin();
  }

  #begin(): Task {
    return new Task({ ...this.#options, store: this.#store, hotRows: 2 });
  }

  get isDone(): boolean {
    return this.#committed === this.log.length;
  }

  get nextTimer(): number | undefined {
    return this.#task.peek()?.at;
  }

  /** Takes entries, then commits them and returns what it emitted, or is ended and returns nothing. */
  async turn(
    most: number,
    ends: boolean,
  ): Promise<readonly { readonly topic: Topic<unknown>; readonly value: unknown }[]> {
    for (let n = 0; n < most && this.#position < this.log.length; n++) this.#take(this.log[this.#position++] as Entry);
    if (ends) {
      this.#position = this.#committed;
      this.#task = this.#begin();
      return [];
    }
    const { changes, token } = this.#task.takeChanges();
    await this.#store.write(changes);
    this.#task.committed(token);
    this.#committed = this.#position;
    return this.#task.takeOutputs();
  }

  #take(entry: Entry): void {
    const task = this.#task;
    if ('advanceTo' in entry) task.advance(entry.advanceTo);
    else {
      const { topic, value, dueBefore = 0 } = entry;
      while (task.hasTimerBefore(dueBefore)) task.fireNext();
      if (task.streamTime >= 0) task.advance(dueBefore - 1);
      const to = task.timeAfter(topic, value);
      task.advance(to);
      const fate = task.process(topic, value);
      if (typeof fate === 'object') throw new Error(fate.message);
      // Timers that were set for an instant which has passed.
      task.advance(to);
    }
    const [failure] = task.failures;
    if (failure !== undefined) throw new Error(failure.refusal.message);
  }
}

/** Runs the input to its end, the turns taken round and round. */
export async function runCrashing(input: DecisionInput, plan: readonly Turn[], build: Build = real): Promise<Outputs> {
  const outputs = new Outputs();
  const [engage, pace] = build(definitionsOf(input)).map((topology) => new Durable(topology, input.lateness)) as [
    Durable,
    Durable,
  ];
  const files = inOrder(input).map(({ kind, time, value }): Entry => {
    const topic = TOPICS[kind];
    return kind === 'receipt' ? { topic, value, dueBefore: time + 1 } : { topic, value };
  });
  for (let at = 0; ; at++) {
    const turn = plan[at % plan.length] as Turn;
    engage.log.push(...files.splice(0, turn.engage));
    for (const { topic, value } of await engage.turn(turn.engage, turn.engageEnds)) {
      outputs.take(topic, value);
      if (topic === candidates) pace.log.push({ topic, value });
    }
    for (const { topic, value } of await pace.turn(turn.pace, turn.paceEnds)) {
      outputs.take(topic, value);
      if (topic === verdicts) engage.log.push({ topic, value });
    }
    if (files.length > 0 || !engage.isDone || !pace.isDone) continue;
    const next = engage.nextTimer;
    if (next === undefined) return outputs;
    engage.log.push({ advanceTo: next + 1 });
  }
}
