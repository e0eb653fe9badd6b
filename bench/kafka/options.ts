// What the bench can be asked for.
import { parseArgs } from 'node:util';

export const PARTS = ['throughput', 'latency', 'restart', 'soak'] as const;
export type Part = (typeof PARTS)[number];

/** Folders of campaigns. */
export const LATENCY_CASES = ['at-once', 'with-budget'] as const;
export type LatencyCase = (typeof LATENCY_CASES)[number];

export interface Options {
  readonly parts: readonly Part[];
  /** Events of each run of the throughput, and users of it. */
  readonly sizes: readonly { readonly events: number; readonly users: number }[];
  readonly partitions: number;
  /** Whether the throughput of plain kafkajs is measured beside it. */
  readonly plain: boolean;
  /** Seconds of a measurement of latency, after those of its warm-up. */
  readonly seconds: number;
  readonly warmUp: number;
  /** What is measured of latency. */
  readonly cases: readonly LatencyCase[];
  /** Events a second of the measurements of latency. */
  readonly rates: readonly number[];
  /** Users whose state is restored. */
  readonly users: number;
  readonly soakEvents: number;
  readonly soakRate: number;
  /** After so many seconds no more events come, however many there were. */
  readonly soakSeconds: number;
  /** Folder for CPU profiles; undefined: none are taken. */
  readonly profiles: string | undefined;
  /** The core that instances are pinned to. */
  readonly core: string | undefined;
}

export const HELP = `npm run bench:kafka [-- OPTIONS]      one instance on a broker of its own on this machine; figures as Markdown on stdout
  --only PART         throughput, latency, restart or soak; may be repeated (default: all but soak)
  --soak              ten million events through one instance, too
  --events N          throughput: this size instead of 100 K, 1 M and 4 M (N / 10 users)
  --skip-plain        throughput: without plain kafkajs beside it
  --partitions N      of every topic (default 4)
  --seconds N         latency: measured so long (default 30)
  --warm-up N         latency: seconds of load before that (default 15)
  --case NAME         latency: at-once or with-budget; may be repeated (default both)
  --rate N            latency: events a second; may be repeated (default 1000 and 5000)
  --users N           restart: with the state of so many users (default 1000000)
  --soak-events N     (default 10000000)
  --soak-rate N       events a second (default 20000)
  --soak-seconds N    no more events after so long (default 900)
  --cpu-prof FOLDER   take CPU profiles of the instances into this folder, and sum them up
  --instance-core N   pin instances to this core (taskset); pin the rest by starting the bench with taskset
`;

export const SIZES: Options['sizes'] = [
  { events: 100_000, users: 10_000 },
  { events: 1_000_000, users: 100_000 },
  { events: 4_000_000, users: 400_000 },
];

/** Undefined: help was asked for. Throws an `Error` that says what is wrong. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      soak: { type: 'boolean' },
      events: { type: 'string' },
      partitions: { type: 'string' },
      'skip-plain': { type: 'boolean' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      case: { type: 'string', multiple: true },
      rate: { type: 'string', multiple: true },
      users: { type: 'string' },
      'soak-events': { type: 'string' },
      'soak-rate': { type: 'string' },
      'soak-seconds': { type: 'string' },
      'cpu-prof': { type: 'string' },
      'instance-core': { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return undefined;
  const count = (
    name: Exclude<keyof typeof values, 'only' | 'rate' | 'case' | 'soak' | 'skip-plain' | 'help'>,
    otherwise: number,
  ): number => (values[name] === undefined ? otherwise : whole(name, values[name]));
  const unknown = values.only?.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw new Error(`--only ${unknown} is none of ${PARTS.join(', ')}`);
  const wanted = (part: Part): boolean => values.only?.includes(part) ?? part !== 'soak';
  const events = values.events === undefined ? undefined : whole('events', values.events);
  const unmeasured = values.case?.find((name) => !LATENCY_CASES.some((one) => one === name));
  if (unmeasured !== undefined) throw new Error(`--case ${unmeasured} is none of ${LATENCY_CASES.join(', ')}`);
  return {
    parts: PARTS.filter((part) => wanted(part) || (part === 'soak' && values.soak === true)),
    sizes: events === undefined ? SIZES : [{ events, users: Math.max(1, Math.ceil(events / 10)) }],
    partitions: count('partitions', 4),
    plain: values['skip-plain'] !== true,
    seconds: count('seconds', 30),
    warmUp: count('warm-up', 15),
    cases: LATENCY_CASES.filter((one) => values.case?.includes(one) ?? true),
    rates: (values.rate ?? ['1000', '5000']).map((rate) => whole('rate', rate)),
    users: count('users', 1_000_000),
    soakEvents: count('soak-events', 10_000_000),
    soakRate: count('soak-rate', 20_000),
    soakSeconds: count('soak-seconds', 900),
    profiles: values['cpu-prof'],
    core: values['instance-core'],
  };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${name} ${text} is no whole number above 0`);
}
