// Very many events through one instance: what grows would show.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { jsonForm } from '../../schemas/json-form.ts';
import { consents, events, profiles } from '../../schemas/topics.ts';
import { eventLines, loadFiles } from '../load.ts';
import { feed, fillFrom } from './fill.ts';
import type { Ground } from './ground.ts';
import { InstanceProcess, sumOf } from './instance.ts';
import type { Options } from './options.ts';
import { progress, table } from './table.ts';
import { openFilesOf } from './usage.ts';

const CAMPAIGNS = fileURLToPath(new URL('../campaigns/', import.meta.url));
const USERS = 200_000;
/** Lines of the table, at most. */
const LINES = 10;
const LOOK = 250;

export async function soak(ground: Ground, options: Options, scratch: string): Promise<string> {
  const { partitions, soakEvents: total, soakRate: rate, core } = options;
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
  let sent = 0;
  let fed = false;
  const feeding = feed(installation, {
    rate,
    next: (n) => {
      sent = n;
      const { value, done } = lines.next();
      return done ? undefined : read(JSON.parse(value));
    },
  }).finally(() => {
    fed = true;
  });
  const rows: (number | string | undefined)[][] = [];
  const begun = performance.now();
  const step = Math.max(1, Math.floor(total / LINES));
  let before = { done: 0, cpuMs: ready.usage.cpuMs };
  for (let mark = step; mark <= total; ) {
    await delay(LOOK);
    const seen = await instance.look();
    if (seen === undefined) continue;
    const done =
      sumOf(seen.status, 'engage', (t) => t.processed + t.late + t.duplicate) -
      sumOf(seen.status, 'pace', (t) => t.processed);
    if (done < mark && !(fed && seen.status.quiet)) continue;
    const metrics = await instance.metrics();
    const mb = (name: string): number => Math.round((metrics.get(name) ?? Number.NaN) / 1e6);
    rows.push([
      done.toLocaleString('en'),
      Math.round((performance.now() - begun) / 1000),
      Math.max(0, sent - done),
      Math.round(seen.usage.rssMb),
      mb('nodejs_heap_size_used_bytes'),
      mb('nodejs_external_memory_bytes'),
      metrics.get('beckon_pending_timers'),
      metrics.get('nodejs_active_resources{type="Timeout"}') ?? 0,
      metrics.get('nodejs_active_resources{type="TCPSocketWrap"}') ?? 0,
      openFilesOf(instance.pid),
      mb('beckon_state_bytes'),
      (1000 * (seen.usage.cpuMs - before.cpuMs)) / (done - before.done),
    ]);
    before = { done, cpuMs: seen.usage.cpuMs };
    progress(`soak: ${done.toLocaleString('en')} events, ${Math.round(seen.usage.rssMb)} MB`);
    mark += step;
  }
  const { worstMs } = await feeding;
  await instance.end('SIGTERM');
  await installation.close();
  const head = [
    'events',
    's',
    'lag',
    'RSS MB',
    'heap MB',
    'external MB',
    'timers in memory',
    "Node's timeouts",
    'sockets',
    'open files',
    'state MB',
    'CPU µs an event',
  ];
  const note = `${rate.toLocaleString('en')} events/s, ${users.toLocaleString('en')} users, three campaigns; the producer was late by ${Math.round(worstMs)} ms at most.`;
  return `### Soak\n\n${table(head, rows)}\n\n${note}`;
}
