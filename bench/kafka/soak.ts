// Very many events through one instance: what grows would show.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { jsonForm } from '../../schemas/json-form.ts';
import { consents, events, profiles } from '../../schemas/topics.ts';
import { eventLines, loadFiles } from '../load.ts';
import { feed, fillFrom } from './fill.ts';
import type { Ground } from './ground.ts';
import { InstanceProcess, type Seen, sumOf } from './instance.ts';
import type { Options } from './options.ts';
import { progress, table } from './table.ts';
import { openFilesOf } from './usage.ts';

const CAMPAIGNS = fileURLToPath(new URL('../campaigns/', import.meta.url));
const USERS = 200_000;
/** Lines of the table while events come. */
const LINES = 12;
const LOOK = 250;
/** Of so few events the time an instance spends at rest would be most. */
const FEW = 1000;
const HEAD = [
  'events',
  's',
  'lag',
  'RSS MB',
  'heap MB',
  'external MB',
  'timers in memory',
  "Node's timeouts",
  // Each producer, reader and membership has its own.
  'sockets',
  'open files',
  'state MB',
  'CPU µs an event',
];

type Cell = number | string | undefined;

export async function soak(ground: Ground, options: Options, scratch: string): Promise<string> {
  const { partitions, soakEvents: total, soakRate: rate, soakSeconds: seconds, core } = options;
  const installation = await ground.emptied(partitions);
  const users = Math.min(USERS, Math.ceil(total / 10));
  const load = loadFiles({ events: 1000, users }, (path) => progress(`writing ${path}`));
  await fillFrom(installation, profiles, load.profiles);
  await fillFrom(installation, consents, load.consents);
  const instance = await InstanceProcess.start({
    dir: join(scratch, installation.app),
    environment: installation.environment,
    args: ['--topology', 'engage,pace', '--time', 'events', '--campaigns', CAMPAIGNS],
    core,
  });
  const ready = await instance.quiet(250, 300_000);
  const lines = eventLines({ events: total, users });
  const { read } = jsonForm(events);
  const begun = performance.now();
  const over = begun + seconds * 1000;
  let sent = 0;
  let fed = false;
  const feeding = feed(installation, {
    rate,
    next: (n) => {
      sent = n;
      const { value, done } = performance.now() < over ? lines.next() : { value: undefined, done: true };
      return done ? undefined : read(JSON.parse(value as string));
    },
  }).finally(() => {
    fed = true;
  });
  const every = (1000 * Math.min(seconds, total / rate)) / LINES;
  const rows: Cell[][] = [];
  let before = { done: 0, cpuMs: ready.usage.cpuMs };
  for (let next = begun + every, rest = false; !rest; ) {
    await delay(LOOK);
    const seen = await instance.look();
    if (seen === undefined) continue;
    rest = fed && seen.status.quiet;
    if (seen.at < next && !rest) continue;
    next += every;
    const { row, done } = await lineOf(instance, seen, sent, begun, before);
    before = { done, cpuMs: seen.usage.cpuMs };
    rows.push(row);
    progress(`soak: ${HEAD.map((name, i) => `${name} ${row[i]}`).join(', ')}`);
  }
  const { worstMs } = await feeding;
  await instance.end('SIGTERM');
  await installation.close();
  const note = `${rate.toLocaleString('en')} events/s, ${users.toLocaleString('en')} users, three campaigns; the producer was late by ${Math.round(worstMs)} ms at most.`;
  return `### Soak\n\n${table(HEAD, rows)}\n\n${note}`;
}

async function lineOf(
  instance: InstanceProcess,
  { at, status, usage }: Seen,
  sent: number,
  begun: number,
  before: { readonly done: number; readonly cpuMs: number },
): Promise<{ readonly row: Cell[]; readonly done: number }> {
  const done =
    sumOf(status, 'engage', (t) => t.processed + t.late + t.duplicate) - sumOf(status, 'pace', (t) => t.processed);
  const metrics = await instance.metrics();
  const mb = (name: string): number => Math.round((metrics.get(name) ?? Number.NaN) / 1e6);
  const row = [
    done.toLocaleString('en'),
    Math.round((at - begun) / 1000),
    Math.max(0, sent - done),
    Math.round(usage.rssMb),
    mb('nodejs_heap_size_used_bytes'),
    mb('nodejs_external_memory_bytes'),
    metrics.get('beckon_pending_timers'),
    metrics.get('nodejs_active_resources{type="Timeout"}') ?? 0,
    metrics.get('nodejs_active_resources{type="TCPSocketWrap"}') ?? 0,
    openFilesOf(instance.pid),
    mb('beckon_state_bytes'),
    done - before.done < FEW ? undefined : (1000 * (usage.cpuMs - before.cpuMs)) / (done - before.done),
  ];
  return { row, done };
}
