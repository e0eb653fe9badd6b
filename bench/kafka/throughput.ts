// How fast one instance works off topics that were filled before it starts, and what that takes.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { consents, events, profiles } from '../../schemas/topics.ts';
import { loadFiles } from '../load.ts';
import { measurePlain, type Plain } from './baseline.ts';
import { fillFrom } from './fill.ts';
import { brokerUsage, type Ground, type Installation } from './ground.ts';
import { InstanceProcess, sumOf } from './instance.ts';
import type { Options } from './options.ts';
import { summedUp } from './profile.ts';
import { progress, table } from './table.ts';

const CAMPAIGNS = fileURLToPath(new URL('../campaigns/', import.meta.url));
const TOPOLOGIES = ['engage', 'pace'];
const WITHIN = 1_200_000;

interface Run {
  readonly name: string;
  readonly events: number;
  /** Profiles and consents too. */
  readonly records: number;
  /** From the first processed record, and from the start of the process. */
  readonly ms: number;
  readonly msFromStart: number;
  readonly cpuMs: number;
  readonly cpuMsFromStart: number;
  readonly brokerCpuMs: number;
  readonly peakMb: number;
  readonly transactions: number;
  readonly changelogRecords: number;
  readonly changelogBytes: number;
}

export async function throughput(ground: Ground, options: Options, scratch: string): Promise<string> {
  const runs: Run[] = [];
  const plain: Plain[] = [];
  const profiled: string[] = [];
  for (const size of options.sizes) {
    const load = loadFiles(size, (path) => progress(`writing ${path}`));
    const bare = await ground.emptied(options.partitions);
    progress(`${label(size.events)} events are produced`);
    await fillFrom(bare, events, load.events);
    for (const mode of options.plain ? (['consume', 'copy'] as const) : []) {
      progress(`${label(size.events)} events: ${mode} with plain kafkajs`);
      plain.push(await measurePlain(mode, ground, options, size.events));
    }
    const one = async (name: string, installation: Installation, others: number, args: string[]): Promise<void> => {
      progress(`${label(size.events)} events: ${name}`);
      const folder = options.profiles && join(options.profiles, `${name.replaceAll(/\W+/g, '-')}-${size.events}`);
      runs.push(
        await measure(name, ground, installation, { ...options, profiles: folder }, size.events, others, args, scratch),
      );
      if (folder !== undefined) profiled.push(`### ${name}, ${label(size.events)} events\n\n${summedUp(folder)}`);
      await installation.close();
    };
    await one('sessions and inactivity', bare, 0, []);
    const full = await bare.again();
    progress('profiles and consents are produced');
    const others = (await fillFrom(full, profiles, load.profiles)) + (await fillFrom(full, consents, load.consents));
    await one('three campaigns', full, others, ['--campaigns', CAMPAIGNS]);
  }
  return [tableOf(runs), ...(options.plain ? [plainTable(plain, runs)] : []), ...profiled].join('\n\n');
}

async function measure(
  name: string,
  ground: Ground,
  installation: Installation,
  { core, profiles: folder }: Options,
  count: number,
  others: number,
  args: readonly string[],
  scratch: string,
): Promise<Run> {
  const { app, cluster, environment } = installation;
  const every = Math.min(Math.max(count / 10_000, 20), 250);
  const instance = await InstanceProcess.start({
    dir: join(scratch, app),
    environment,
    args: ['--topology', TOPOLOGIES.join(','), '--time', 'events', ...args],
    core,
    profiles: folder,
  });
  const begun = await instance.until(
    ({ status }) => status.tasks.some(({ positions }) => Object.values(positions).some((position) => position > 0)),
    10,
    60_000,
    'no record was processed',
  );
  const brokerBefore = brokerUsage(ground);
  const rest = await instance.quiet(every, WITHIN);
  const brokerAfter = brokerUsage(ground);
  const { status } = rest;
  const done = sumOf(status, 'engage', (t) => t.processed + t.late + t.duplicate);
  const refused = sumOf(status, 'engage', (t) => t.deadLetters);
  const verdicts = sumOf(status, 'pace', (t) => t.processed);
  if (done - verdicts !== count || refused > 0)
    throw new Error(`${done - verdicts} of ${count} events were processed, ${refused} refused`);
  const metrics = await instance.metrics();
  if ((metrics.get('beckon_task_restarts_total') ?? 0) > 0)
    throw new Error(`tasks were opened again:\n${instance.complaints.join('\n')}`);
  await instance.end('SIGTERM');
  const transactions = metrics.get('beckon_commits_total') ?? Number.NaN;
  const changelogs = TOPOLOGIES.map((group) => cluster.log.admin.changelogOf(group));
  return {
    name,
    events: count,
    records: count + others,
    ms: rest.at - begun.at,
    msFromStart: rest.at - instance.begun,
    cpuMs: rest.usage.cpuMs - begun.usage.cpuMs,
    cpuMsFromStart: rest.usage.cpuMs,
    brokerCpuMs: brokerAfter.cpuMs - brokerBefore.cpuMs,
    peakMb: rest.usage.peakMb,
    transactions,
    // Every transaction leaves a mark on each changelog's partition that it wrote to.
    changelogRecords: (await endsOf(installation, changelogs)) - transactions,
    changelogBytes: changelogs.reduce((bytes, topic) => bytes + installation.bytesOf(topic), 0),
  };
}

async function endsOf({ cluster: { log } }: Installation, topics: readonly string[]): Promise<number> {
  let ends = 0;
  for (const [topic, partitions] of await log.existing(topics)) {
    for (let partition = 0; partition < partitions; partition++) ends += await log.endOffset({ topic, partition });
  }
  return ends;
}

function tableOf(runs: readonly Run[]): string {
  const head = [
    'one instance',
    'events',
    'events/s',
    'from process start',
    'CPU µs an event',
    'with start-up',
    'broker CPU µs',
    'peak MB',
    'transactions',
    'changelog records an event',
    'changelog bytes an event',
    'profiles and consents',
  ];
  const rows = runs.map((r) => [
    r.name,
    label(r.events),
    Math.round((r.events / r.ms) * 1000),
    Math.round((r.events / r.msFromStart) * 1000),
    (r.cpuMs * 1000) / r.events,
    (r.cpuMsFromStart * 1000) / r.events,
    (r.brokerCpuMs * 1000) / r.events,
    Math.round(r.peakMb),
    r.transactions,
    r.changelogRecords / r.events,
    r.changelogBytes / r.events,
    r.records - r.events,
  ]);
  return `### Throughput\n\n${table(head, rows)}`;
}

function plainTable(plain: readonly Plain[], runs: readonly Run[]): string {
  const head = ['plain kafkajs on the same events', 'events', 'events/s', 'CPU µs an event', 'peak MB'];
  const ratios = ['sessions', 'three campaigns'];
  const rows = plain.map(({ title, events, ms, cpuMs, peakMb }) => {
    const rate = (events / ms) * 1000;
    return [
      title,
      label(events),
      Math.round(rate),
      (cpuMs * 1000) / events,
      Math.round(peakMb),
      ...runs
        .filter((run) => run.events === events)
        .map(
          (run) =>
            `${((run.events / run.ms) * (1000 / rate)).toFixed(2)} × events/s, ${(run.cpuMs / cpuMs).toFixed(1)} × CPU`,
        ),
    ];
  });
  return table([...head, ...ratios.map((name) => `${name} ÷ this`)], rows);
}

function label(events: number): string {
  return events.toLocaleString('en');
}
