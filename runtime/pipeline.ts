// All topologies in one process, in memory and synchronous: what one emits, the next gets at once. Simulation and the test
// driver run on it; the tasks and processors are those of the worker.
import type { Topic } from '../schemas/topics.ts';
import { compareTimers, type QueuedTimer } from '../state/timer-order.ts';
import type { Topology } from '../topologies/graph.ts';
import { partitionOf } from './partition.ts';
import { type Fate, type Refusal, Task } from './task.ts';

export interface PipelineOptions {
  readonly topologies: readonly Topology[];
  /** Tasks of each topology; default 1. */
  readonly partitions?: number;
  /** ms. */
  readonly lateness: number;
  /** ms a record may jump beyond stream time; default: any jump. */
  readonly maxJump?: number;
  /** Every record emitted to a topic, in order. */
  readonly onOutput?: (topic: Topic<unknown>, value: unknown) => void;
  /** A timer or an internal record whose processor threw. */
  readonly onFailure?: (where: string, refusal: Refusal) => void;
}

export class Pipeline {
  readonly tasks: readonly Task[];
  readonly #consumers = new Map<Topic<unknown>, (readonly Task[])[]>();
  readonly #queue: { readonly topic: Topic<unknown>; readonly value: unknown }[] = [];
  readonly #options: PipelineOptions;
  readonly #partitions: number;
  #begun = false;

  constructor(options: PipelineOptions) {
    const { topologies, partitions = 1, lateness, maxJump } = options;
    this.#options = options;
    this.#partitions = partitions;
    const all: Task[] = [];
    for (const topology of topologies) {
      const tasks = Array.from(
        { length: partitions },
        () => new Task({ topology, lateness, ...(maxJump === undefined ? {} : { maxJump }) }),
      );
      all.push(...tasks);
      for (const { topic } of topology.inputs)
        this.#consumers.set(topic, [...(this.#consumers.get(topic) ?? []), tasks]);
    }
    this.tasks = all;
  }

  /**
   * Takes a record: fires the timers of its task that come before it, processes it, and lets all topologies finish with what
   * follows from it. Returns what became of it: where several topologies consume it, in the first of them.
   */
  pipe(topic: Topic<unknown>, value: unknown): Fate {
    let fate: Fate | undefined;
    for (const tasks of this.#consumers.get(topic) ?? []) {
      const task = tasks.length === 1 ? (tasks[0] as Task) : this.#taskOf(tasks, topic, value);
      const refusal = task.refuse(topic, value);
      if (refusal !== undefined && fate === undefined) return refusal;
      const became = refusal ?? this.#take(task, topic, value);
      if (fate === undefined) fate = became;
      else if (typeof became === 'object') this.#options.onFailure?.(`${task.topology.name}: ${topic.name}`, became);
    }
    return fate ?? 'processed';
  }

  #take(task: Task, topic: Topic<unknown>, value: unknown): Fate {
    while (task.sweep()) this.#settle(task);
    const time = task.timeAfter(topic, value);
    if (time > task.streamTime && !this.#begun) this.begin(time);
    this.#advanceTask(task, time);
    task.recurs = false;
    const fate = task.process(topic, value);
    this.#settle(task);
    this.#advanceTask(task, task.streamTime);
    return fate;
  }

  /** Lets time begin for all tasks at once, as it does for one with its first stream record; nothing where it has begun. */
  begin(time: number): void {
    if (this.#begun) return;
    this.#begun = true;
    for (const task of this.tasks) task.begin(time);
    this.fireBefore(time);
  }

  /** Moves every task's time on: fires all timers with an instant before `to`, in one order. */
  advance(to: number): void {
    for (const task of this.tasks) while (task.sweep()) this.#settle(task);
    this.begin(to);
    this.fireBefore(to);
    for (const task of this.tasks) task.advance(to);
  }

  /** Moves the time of the tasks that consume the topic, where it has begun and is not there yet; their timers before `to` have fired. */
  reach(topic: Topic<unknown>, to: number): void {
    for (const tasks of this.#consumers.get(topic) ?? []) {
      for (const task of tasks) if (task.streamTime >= 0) task.advance(to);
    }
  }

  /**
   * Fires timers in one order until none is left but those that recur and what follows from them, then what followed; at most
   * `limit`. True when none is left: those that recur are forgotten then.
   */
  fireAll(limit = Number.POSITIVE_INFINITY): boolean {
    for (let fired = 0; this.tasks.some((task) => task.hasPassingTimers); fired++) {
      const next = fired < limit ? this.#next(Number.POSITIVE_INFINITY) : undefined;
      if (next === undefined) return false;
      next.task.fireNext();
      this.#settle(next.task);
    }
    for (const task of this.tasks) task.dropRecurring();
    return this.fireBefore(Number.POSITIVE_INFINITY, limit);
  }

  /** Fires timers with an instant before `to`, in one order, at most `limit`, without moving time further. True when none is left. */
  fireBefore(to: number, limit = Number.POSITIVE_INFINITY): boolean {
    let fired = 0;
    for (let next = this.#next(to); next !== undefined; next = this.#next(to)) {
      if (fired++ >= limit) return false;
      next.task.fireNext();
      this.#settle(next.task);
    }
    return true;
  }

  /** The first timer before `to`, in the order of timers, so that how users are spread over tasks changes nothing. */
  #next(to: number): { readonly task: Task; readonly timer: QueuedTimer } | undefined {
    let first: { readonly task: Task; readonly timer: QueuedTimer } | undefined;
    for (const task of this.tasks) {
      // Before time has begun, none fires.
      const timer = task.streamTime >= 0 && task.hasTimerBefore(to) ? task.peek() : undefined;
      if (timer !== undefined && (first === undefined || compareTimers(timer, first.timer) < 0))
        first = { task, timer };
    }
    return first;
  }

  #advanceTask(task: Task, to: number): void {
    while (task.hasTimerBefore(to)) {
      task.fireNext();
      this.#settle(task);
    }
    task.advance(to);
  }

  /** Hands on what the task emitted, until nothing moves any more. */
  #settle(task: Task): void {
    this.#collect(task);
    const { recurs } = task;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { topic, value } = next;
      for (const tasks of this.#consumers.get(topic) ?? []) {
        const consumer = this.#taskOf(tasks, topic, value);
        consumer.advance(consumer.timeAfter(topic, value));
        consumer.recurs = recurs;
        const fate = consumer.process(topic, value);
        if (typeof fate === 'object') this.#options.onFailure?.(topic.name, fate);
        this.#collect(consumer);
        // Timers it set for passed instants fire at once; those of `task` do when what follows from its record is done.
        if (consumer !== task) this.#advanceTask(consumer, consumer.streamTime);
      }
    }
  }

  #collect(task: Task): void {
    if (task.failures.length > 0) {
      for (const { refusal, key } of task.failures.splice(0)) this.#options.onFailure?.(`timer of ${key}`, refusal);
    }
    if (task.outputs.length === 0) return;
    for (const output of task.takeOutputs()) {
      const { topic, value } = output;
      this.#options.onOutput?.(topic, value);
      if (this.#consumers.has(topic)) this.#queue.push(output);
    }
  }

  #taskOf(tasks: readonly Task[], topic: Topic<unknown>, value: unknown): Task {
    return tasks[partitionOf(topic.keyOf(value), this.#partitions)] as Task;
  }
}
