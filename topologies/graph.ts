// A topology as data: what it reads, what it emits, which processors join the two. Checked before anything runs.
import type { Processor } from '../processors/processor.ts';
import type { Stream, Topic } from '../schemas/topics.ts';

/**
 * stream: moves time, may be late. internal: comes from another topology; never late, moves no time. table: updates what is
 * known of a key; moves no time. clocked: the internal input of a topology that has no stream; never late, moves its time.
 */
export type InputRole = 'stream' | 'internal' | 'table' | 'clocked';

export interface Input {
  readonly topic: Topic<unknown>;
  readonly role: InputRole;
}

/** A chain of processors over co-partitioned topics: one consumer group, one task for each partition. */
export interface Topology {
  readonly name: string;
  readonly keyed: 'user' | 'campaign';
  readonly inputs: readonly Input[];
  readonly processors: readonly Processor[];
  readonly outputs: readonly Topic<unknown>[];
  /** Topics read whole by every instance. */
  readonly globals: readonly Topic<unknown>[];
}

/** A consumer group that ends in a sink. */
export interface SinkTopology {
  readonly name: string;
  readonly consumes: readonly Topic<unknown>[];
  readonly emits: readonly Topic<unknown>[];
}

export function stream<T>(topic: Topic<T>): Input {
  return { topic, role: 'stream' };
}
export function table<T>(topic: Topic<T>): Input {
  return { topic, role: 'table' };
}
export function internal<T>(topic: Topic<T>): Input {
  return { topic, role: 'internal' };
}
export function clocked<T>(topic: Topic<T>): Input {
  return { topic, role: 'clocked' };
}

/** Checks a topology and returns it. Throws an Error that lists every problem and how to mend it. */
export function defineTopology(topology: Topology): Topology {
  const problems = validate(topology);
  if (problems.length > 0) throw new Error(`topology ${topology.name} can't run:\n  ${problems.join('\n  ')}`);
  return topology;
}

/**
 * The rules: inputs have the topology's key; every stream a processor consumes is an input or is emitted by an
 * earlier processor; every emitted stream is an output topic or is consumed by a later processor; every output is emitted;
 * a cell has one writer, and a cell read is written by somebody; a tag names one cell; a timer kind has one handler.
 */
export function validate(topology: Topology): readonly string[] {
  return [...validateStreams(topology), ...validateState(topology)];
}

function validateStreams({ keyed, inputs, outputs, processors }: Topology): readonly string[] {
  const problems: string[] = [];
  // An output such as candidates goes to another key: it is repartitioned on its way.
  for (const { topic } of inputs) {
    if (topic.keyed !== keyed)
      problems.push(`input ${topic.name} is keyed by ${topic.keyed}, the topology by ${keyed}`);
  }
  const known = new Set<Stream<unknown>>(inputs.map((i) => i.topic));
  const emitted = new Set<Stream<unknown>>();
  processors.forEach((processor, at) => {
    for (const { stream } of processor.on) {
      if (!known.has(stream)) {
        problems.push(`${processor.name} consumes ${stream.name}: make it an input, or put its emitter before it`);
      }
    }
    for (const stream of processor.emits) {
      known.add(stream);
      emitted.add(stream);
      const consumed = processors.slice(at + 1).some((p) => p.on.some((h) => h.stream === stream));
      if (!consumed && !outputs.some((o) => o === stream)) {
        problems.push(`${processor.name} emits ${stream.name}, which nobody consumes: add it to outputs`);
      }
    }
  });
  for (const output of outputs) {
    if (!emitted.has(output)) problems.push(`output ${output.name} is emitted by nobody: remove it from outputs`);
  }
  return problems;
}

function validateState({ processors }: Topology): readonly string[] {
  const problems: string[] = [];
  const writers = new Map<unknown, string>();
  const tags = new Map<number, unknown>();
  const kinds = new Map<string, string>();
  for (const processor of processors) {
    for (const cell of processor.writes ?? []) {
      const writer = writers.get(cell);
      if (writer !== undefined)
        problems.push(`cell ${cell.name} is written by ${writer} and ${processor.name}: keep one writer`);
      writers.set(cell, processor.name);
      if ((tags.get(cell.tag) ?? cell) !== cell)
        problems.push(`cell ${cell.name} has tag ${cell.tag}, which is taken: give it another`);
      tags.set(cell.tag, cell);
    }
    for (const { kind } of processor.timers ?? []) {
      const owner = kinds.get(kind.name);
      if (owner !== undefined)
        problems.push(`timer ${kind.name} is handled by ${owner} and ${processor.name}: keep one`);
      kinds.set(kind.name, processor.name);
    }
  }
  for (const processor of processors) {
    for (const cell of processor.reads ?? []) {
      if (!writers.has(cell)) problems.push(`${processor.name} reads cell ${cell.name}, which nobody writes`);
    }
  }
  return problems;
}

/** The graph in words, one block for each consumer group. */
export function describe(topologies: readonly Topology[], sinks: readonly SinkTopology[] = []): string {
  const names = (list: readonly Stream<unknown>[]): string => list.map((s) => s.name).join(', ') || '-';
  const blocks = topologies.map((t) => {
    const lines = [
      `${t.name} (keyed by ${t.keyed})`,
      `  reads    ${t.inputs.map((i) => `${i.topic.name} (${i.role})`).join(', ')}`,
    ];
    if (t.globals.length > 0) lines.push(`  global   ${names(t.globals)}`);
    for (const p of t.processors) {
      lines.push(`  ${p.name}`, `    ${names(p.on.map((h) => h.stream))} -> ${names(p.emits)}`);
      if (p.writes?.length) lines.push(`    keeps ${p.writes.map((c) => c.name).join(', ')}`);
      if (p.reads?.length) lines.push(`    looks at ${p.reads.map((c) => c.name).join(', ')}`);
      if (p.timers?.length) lines.push(`    timers ${p.timers.map((x) => x.kind.name).join(', ')}`);
    }
    lines.push(`  emits    ${names(t.outputs)}`);
    return lines.join('\n');
  });
  const ends = sinks.map((s) => `${s.name} (sink)\n  reads    ${names(s.consumes)}\n  emits    ${names(s.emits)}`);
  return `${[...blocks, ...ends].join('\n\n')}\n`;
}
