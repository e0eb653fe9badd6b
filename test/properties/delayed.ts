// engage and pace joined by hand, with a log between them that takes its time: candidates and verdicts keep their order, and
// come through only after some of the records that follow.
import { Task } from '../../runtime/task.ts';
import {
  candidates,
  consents,
  events,
  profiles,
  receipts,
  sendRequests,
  type Topic,
  verdicts,
} from '../../schemas/topics.ts';
import { inOrder } from '../oracle/inputs.ts';
import type { DecisionInput } from '../oracle/model.ts';
import { type Build, definitionsOf, Outputs, real } from './engine.ts';

export const TOPICS = {
  profile: profiles,
  consent: consents,
  receipt: receipts,
  event: events,
  request: sendRequests,
} as const;

/** A topic on its way: each record comes through `delay` ticks after it was written, and never before one written earlier. */
class Wire {
  readonly #records: { readonly topic: Topic<unknown>; readonly value: unknown; readonly from: number }[] = [];
  #through = 0;

  write(topic: Topic<unknown>, value: unknown, from: number): void {
    this.#through = Math.max(this.#through, from);
    this.#records.push({ topic, value, from: this.#through });
  }

  read(now: number): { readonly topic: Topic<unknown>; readonly value: unknown } | undefined {
    const [first] = this.#records;
    return first !== undefined && first.from <= now ? this.#records.shift() : undefined;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }
}

/** Runs the input to its end; `delays` (ticks, used round and round) say how long each candidate and verdict is under way. */
export function runDelayed(input: DecisionInput, delays: readonly number[], build: Build = real): Outputs {
  const outputs = new Outputs();
  const { lateness, until = Number.POSITIVE_INFINITY } = input;
  const [engage, pace] = build(definitionsOf(input)).map((topology) => new Task({ topology, lateness })) as [
    Task,
    Task,
  ];
  const toPace = new Wire();
  const toEngage = new Wire();
  let tick = 0;
  let written = 0;
  let newest = -1;

  const collect = (task: Task): void => {
    for (const { topic, value } of task.takeOutputs()) {
      outputs.take(topic, value);
      const from = tick + (delays[written % delays.length] ?? 0);
      if (topic === candidates) toPace.write(topic, value, from);
      if (topic === verdicts) toEngage.write(topic, value, from);
      if (topic === candidates || topic === verdicts) written++;
    }
    const [failure] = task.failures;
    if (failure !== undefined) throw new Error(failure.refusal.message);
  };
  const take = (task: Task, topic: Topic<unknown>, value: unknown): void => {
    const to = task.timeAfter(topic, value);
    task.advance(to);
    const fate = task.process(topic, value);
    if (typeof fate === 'object') throw new Error(fate.message);
    // Timers that were set for an instant which has passed.
    task.advance(to);
    collect(task);
  };
  const deliver = (): void => {
    for (let record = toPace.read(tick); record !== undefined; record = toPace.read(tick)) {
      take(pace, record.topic, record.value);
    }
    for (let record = toEngage.read(tick); record !== undefined; record = toEngage.read(tick)) {
      take(engage, record.topic, record.value);
    }
  };

  for (const { kind, time, value } of inOrder(input)) {
    if (time >= until) break;
    newest = time;
    // As in a simulation: what was due by a receipt's time happens before it, and by then it is that late.
    while (kind === 'receipt' && engage.hasTimerBefore(time + 1)) engage.fireNext();
    if (kind === 'receipt' && engage.streamTime >= 0) engage.advance(time);
    collect(engage);
    take(engage, TOPICS[kind], value);
    tick++;
    deliver();
  }
  // As in a simulation: where nothing but tables came, time begins with the newest.
  if (newest >= 0) engage.begin(newest);
  for (;;) {
    const first = engage.peek();
    const next = first !== undefined && first.at < until ? first : undefined;
    if (next === undefined && toPace.isEmpty && toEngage.isEmpty) return outputs;
    if (next !== undefined) engage.advance(next.at + 1);
    collect(engage);
    tick++;
    deliver();
  }
}
