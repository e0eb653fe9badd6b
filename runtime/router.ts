// Who gets what within a topology: streams to the processors that consume them, topics to the outputs.
import type { Context, Handler, Processor, TimerHandler } from '../processors/processor.ts';
import type { Stream, Topic } from '../schemas/topics.ts';
import type { Cell } from '../state/store.ts';
import type { Topology } from '../topologies/graph.ts';

interface Route {
  readonly consumers: { readonly processor: number; readonly handle: Handler['handle'] }[];
  /** The processors that declared the stream, a bit each. */
  emitters: number;
  readonly output: Topic<unknown> | undefined;
}

export class Router {
  readonly #routes = new Map<Stream<unknown>, Route>();
  readonly #timers: ((TimerHandler & { readonly processor: number }) | undefined)[] = [];
  readonly #reads: number[] = [];
  readonly #writes: number[] = [];
  readonly #processors: readonly Processor[];
  readonly cells: readonly Cell<unknown>[];
  /** The processor that runs now, as an index. */
  #current = -1;

  constructor(topology: Topology) {
    this.#processors = topology.processors;
    const cells = new Set<Cell<unknown>>();
    topology.processors.forEach((processor, index) => {
      for (const { stream, handle } of processor.on)
        this.#route(stream, topology).consumers.push({ processor: index, handle });
      for (const stream of processor.emits) this.#route(stream, topology).emitters |= 1 << index;
      for (const { kind, fire } of processor.timers ?? []) this.#timers[kind.rank] = { processor: index, fire, kind };
      for (const cell of [...(processor.reads ?? []), ...(processor.writes ?? [])]) {
        this.#reads[cell.tag] = (this.#reads[cell.tag] ?? 0) | (1 << index);
        cells.add(cell);
      }
      for (const cell of processor.writes ?? []) this.#writes[cell.tag] = (this.#writes[cell.tag] ?? 0) | (1 << index);
    });
    this.cells = [...cells];
  }

  /** Hands an input record to its consumers, in the order of the topology. */
  deliver(stream: Stream<unknown>, value: unknown, context: Context): void {
    const route = this.#routes.get(stream);
    if (route !== undefined) this.#consume(route, value, context);
  }

  /** Hands an emitted value on; returns the output topic it goes to, if any. Throws when it was not declared. */
  emit(stream: Stream<unknown>, value: unknown, context: Context): Topic<unknown> | undefined {
    const route = this.#routes.get(stream);
    if (route === undefined || (route.emitters & (1 << this.#current)) === 0) {
      throw new Error(`${this.#name()} emitted to ${stream.name}: add it to the processor's \`emits\``);
    }
    this.#consume(route, value, context);
    return route.output;
  }

  /** Hands a timer to the processor that handles its kind. */
  fire(rank: number): TimerHandler | undefined {
    const handler = this.#timers[rank];
    if (handler === undefined) return undefined;
    this.#current = handler.processor;
    return handler;
  }

  /** What follows is the processor's own, by its index. */
  visit(processor: number): void {
    this.#current = processor;
  }

  checkRead(cell: Cell<unknown>): void {
    if (((this.#reads[cell.tag] ?? 0) & (1 << this.#current)) === 0) {
      throw new Error(`${this.#name()} read cell ${cell.name}: add it to the processor's \`reads\``);
    }
  }

  checkWrite(cell: Cell<unknown>): void {
    if (((this.#writes[cell.tag] ?? 0) & (1 << this.#current)) === 0) {
      throw new Error(`${this.#name()} wrote cell ${cell.name}: add it to the processor's \`writes\``);
    }
  }

  #consume(route: Route, value: unknown, context: Context): void {
    const caller = this.#current;
    const { consumers } = route;
    for (let i = 0; i < consumers.length; i++) {
      const consumer = consumers[i] as Route['consumers'][number];
      this.#current = consumer.processor;
      consumer.handle(value, context);
    }
    this.#current = caller;
  }

  #route(stream: Stream<unknown>, topology: Topology): Route {
    let route = this.#routes.get(stream);
    if (route === undefined) {
      route = { consumers: [], emitters: 0, output: topology.outputs.find((o) => o === stream) };
      this.#routes.set(stream, route);
    }
    return route;
  }

  #name(): string {
    return this.#processors[this.#current]?.name ?? 'nobody';
  }
}
