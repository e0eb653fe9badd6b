// Measures one case in this process and prints what it took as one line of JSON: node bench/measure.ts CASE SIZE
import { cases } from './cases.ts';

export interface Measured {
  readonly name: string;
  readonly size: number;
  readonly done: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly wallMs: number;
  /** User and system time of all threads of the process: garbage collection and file I/O included, start-up left out. */
  readonly cpuMs: number;
  /** Peak resident memory of the whole process. */
  readonly peakMb: number;
}

const [name, size] = process.argv.slice(2);
const measured = cases.find((c) => c.name === name);
if (measured === undefined) throw new Error(`no case ${name}; known are ${cases.map((c) => c.name).join(', ')}`);
const load = measured.prepare(Number(size));
let cpuBefore = process.cpuUsage();
let before = performance.now();
const { done, counts = {} } = await measured.run(Number(size), load, () => {
  cpuBefore = process.cpuUsage();
  before = performance.now();
});
const wallMs = performance.now() - before;
const { user, system } = process.cpuUsage(cpuBefore);
const peakMb = process.resourceUsage().maxRSS / 1024;
const result: Measured = {
  name: measured.name,
  size: Number(size),
  done,
  counts,
  wallMs,
  cpuMs: (user + system) / 1000,
  peakMb,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
