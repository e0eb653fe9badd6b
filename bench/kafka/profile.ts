// Sums up the CPU profiles of a folder: self time by what it was spent on, and by function.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { table } from './table.ts';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** µs before each sample. */
  readonly timeDeltas: readonly number[];
}

/** The first that matches; the text is `<url> <function>`. */
const GROUPS: readonly (readonly [group: string, pattern: RegExp])[] = [
  ['idle', /^ \(idle\)/],
  ['garbage collection', /^ \(garbage collector\)/],
  ['V8 and native code without a name', /^ \((program|root)\)/],
  [
    'loading the program',
    /^node:internal\/(modules|main|process\/execution)| (compileFunction|wrapSafe)|esm\/|typescript|amaro/,
  ],
  [
    'sockets',
    /^ (writeBuffer|writev|readStart|writeUtf8String|writeLatin1String|shutdown)$|^node:(net|internal\/stream)/,
  ],
  ['kafkajs: fetch and decode', /kafkajs\/.*(decode|fetch|response|MessageSet)/i],
  ['kafkajs: encode and produce', /kafkajs\/.*(encode|produce|crc|request\.js)/i],
  ['kafkajs: the rest', /kafkajs\//],
  [
    'our producer and sends',
    /runtime\/kafka\/(producer|sends|appender|kafka-task|leaders|record-batch|produce-request)/,
  ],
  ['our fetcher and cursors', /runtime\/kafka\/(fetch|cursor)/],
  ['our Kafka log, the rest', /runtime\/kafka\//],
  ['RocksDB', /rocksdb/],
  ['timers of users', /state\/timer|runtime\/timer/],
  ['keyed state', /state\/(?!avsc)[a-z-]+[.]ts/],
  ['Avro, bytes, keys', /schemas\/(avro|byte|state)|avsc|serde|runtime\/partition[.]ts|^ [wr]\d+$/],
  ['processors and their rules', /processors\/|schemas\//],
  ['tasks and inputs', /runtime\/|topologies\//],
  ['HTTP front, logs, metrics', /\/api\/|fastify|pino|prom-client|undici|wasm|^node:(_?http|internal\/deps\/undici)/],
];
/** Work for whoever asked for it: it counts with its caller. */
const OF_THE_CALLER = /^(node:(internal\/)?(buffer|util|encoding|events|crypto|url|zlib|fs|path)|$)/;
const OWN = "Node's own: timers, promises, events";

const TOP = 40;

export function summedUp(folder: string): string {
  const groups = new Map<string, number>();
  const functions = new Map<string, number>();
  let total = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'))) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile;
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
    const groupOfNode = new Map(nodes.map(({ id }) => [id, groupOf(id, frames, callers)]));
    for (const [i, id] of samples.entries()) {
      const frame = frames.get(id) as CallFrame;
      const us = timeDeltas[i] ?? 0;
      total += us;
      add(groups, groupOfNode.get(id) as string, us);
      add(functions, `${frame.functionName || '(anonymous)'} ${placeOf(frame)}`, us);
    }
  }
  const busy = total - (groups.get('idle') ?? 0);
  const rows = (times: ReadonlyMap<string, number>, most: number) =>
    [...times]
      .filter(([name]) => !/^(\(idle\) |idle$)/.test(name))
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name, us]) => [name, us / 1000, `${((100 * us) / busy).toFixed(1)} %`]);
  const head = ['self ms', 'of what is not idle'];
  const idle = `Not idle ${Math.round(busy / 1000)} of ${Math.round(total / 1000)} ms, process start and end included.`;
  return [
    table(['self time on', ...head], rows(groups, GROUPS.length + 1)),
    table(['function', ...head], rows(functions, TOP)),
    idle,
  ].join('\n\n');
}

function groupOf(node: number, frames: ReadonlyMap<number, CallFrame>, callers: ReadonlyMap<number, number>): string {
  for (let id: number | undefined = node; id !== undefined; id = callers.get(id)) {
    const { url, functionName } = frames.get(id) as CallFrame;
    const text = `${url.slice(url.lastIndexOf('/node_modules/') + 1)} ${functionName}`;
    // Callers say nothing any more once the root is reached.
    const group = GROUPS.find(([, pattern]) => pattern.test(text))?.[0];
    if (group !== undefined && (id === node || functionName !== '(root)')) return group;
    if (!OF_THE_CALLER.test(url)) return OWN;
  }
  return OWN;
}

function placeOf({ url, lineNumber }: CallFrame): string {
  if (url === '') return '';
  const parts = url.split('/');
  return `${parts.slice(-2).join('/')}:${lineNumber + 1}`;
}

function add(times: Map<string, number>, name: string, us: number): void {
  times.set(name, (times.get(name) ?? 0) + us);
}
