// `npm run bench [-- --events 1000000 --only simulate --one-core]`: measures every case, each in a fresh process, and prints a
// table. Progress on stderr.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { type Case, cases } from './cases.ts';
import type { Measured } from './measure.ts';
import { NODE_FLAGS } from './node-flags.ts';

const MEASURE = fileURLToPath(new URL('measure.ts', import.meta.url));
const HELP = `npm run bench [-- OPTIONS]
  --events N    this size instead of each case's own
  --only NAME   these cases and the baseline; may be repeated: ${cases.map((c) => c.name).join(', ')}
  --one-core    pin each process, its garbage collector's threads included, to one core (taskset)
`;

function main(): void {
  const { values } = parseArgs({
    options: {
      events: { type: 'string' },
      only: { type: 'string', multiple: true },
      'one-core': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const size = values.events === undefined ? undefined : Number(values.events);
  if (size !== undefined && !(Number.isSafeInteger(size) && size > 0))
    usage(`--events ${values.events} is no whole number above 0`);
  const unknown = values.only?.find((name) => !cases.some((c) => c.name === name));
  if (unknown !== undefined) usage(`--only ${unknown} is no case`);
  const oneCore = values['one-core'] ?? false;
  if (oneCore && spawnSync('taskset', ['--version']).error !== undefined)
    usage('--one-core needs taskset, which is not there');

  const chosen = cases.filter(
    (c) => values.only === undefined || values.only.includes(c.name) || isBaseline(c, values.only),
  );
  const results: Measured[] = [];
  for (const each of chosen) {
    for (const at of size === undefined ? each.sizes : [size]) {
      each.prepare(at, (path) => progress(`writing ${path}`));
      progress(`${each.name} ${at.toLocaleString('en')}`);
      results.push(measure(each.name, at, oneCore));
    }
  }
  process.stdout.write(`${machine(oneCore)}\n${tableOf(results)}\n${countsOf(results)}\n`);
}

/** Whatever reads events is shown beside the baseline of the same run. */
function isBaseline(c: Case, only: readonly string[]): boolean {
  return c.name === 'baseline' && cases.some((other) => other.unit === 'events' && only.includes(other.name));
}

function measure(name: string, size: number, oneCore: boolean): Measured {
  const command = [process.execPath, ...NODE_FLAGS, MEASURE, name, String(size)];
  const [program, ...args] = oneCore ? ['taskset', '-c', '0', ...command] : command;
  const { status, stdout, error } = spawnSync(program as string, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${name} ${size} failed: ${error?.message ?? `exit ${status}`}`);
  return JSON.parse(stdout) as Measured;
}

function machine(oneCore: boolean): string {
  const all = cpus();
  const used = oneCore
    ? 'each process pinned to one core'
    : 'not pinned: the garbage collector and file I/O have threads of their own';
  return `${all.length} × ${all[0]?.model.trim() ?? 'CPU'}, Node ${process.version}, ${process.platform} ${process.arch}; ${used}`;
}

function tableOf(results: readonly Measured[]): string {
  const head = ['case', 'size', 'per second', 'wall s', 'CPU s', 'CPU µs each', 'peak MB', 'CPU ÷ baseline'];
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
  });
  for (const { name, size, done, wallMs, cpuMs, peakMb } of results) {
    const { title, unit } = cases.find((c) => c.name === name) as Case;
    const baseline = unit === 'events' ? results.find((r) => r.name === 'baseline' && r.size === size) : undefined;
    table.push([
      title,
      size.toLocaleString('en'),
      Math.round((done / wallMs) * 1000).toLocaleString('en'),
      (wallMs / 1000).toFixed(1),
      (cpuMs / 1000).toFixed(1),
      ((cpuMs * 1000) / done).toFixed(2),
      peakMb.toFixed(0),
      baseline === undefined ? '' : (cpuMs / baseline.cpuMs).toFixed(1),
    ]);
  }
  return table.toString();
}

function countsOf(results: readonly Measured[]): string {
  return results
    .filter(({ counts }) => Object.keys(counts).length > 0)
    .map(({ name, size, counts, wallMs }) => {
      const rates = Object.entries(counts).map(
        ([what, n]) => `${n.toLocaleString('en')} ${what} (${Math.round((n / wallMs) * 1000).toLocaleString('en')}/s)`,
      );
      return `${name} ${size.toLocaleString('en')}: ${rates.join(', ')}`;
    })
    .join('\n');
}

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

function usage(message: string): never {
  process.stderr.write(`bench: ${message}; see npm run bench -- --help\n`);
  process.exit(2);
}

main();
