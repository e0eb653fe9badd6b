// How soon a killed instance works again: with its local state, and without.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { events, profiles } from '../../schemas/topics.ts';
import { feed, fillWith, userProfiles } from './fill.ts';
import type { Ground, Installation } from './ground.ts';
import { InstanceProcess } from './instance.ts';
import { eventOf } from './latency.ts';
import type { Options } from './options.ts';
import { progress, table } from './table.ts';

const FROM = Date.UTC(2026, 0, 5);
/** All users' first events lie within so many ms, so that every session is open and every timer pending. */
const SPAN = 600_000;
/** Events a second that go on all the while. */
const TRICKLE = 500;
const RUNS_FOR = 3000;
const LOOK = 10;
const WITHIN = 900_000;

interface Come {
  /** ms from the start of the process to the assignment of its last tasks. */
  readonly assignedMs: number;
  /** ms from then to the last task's first processed record. */
  readonly processingMs: number;
  readonly restoreMs: number;
  readonly restored: number;
  readonly wiped: string;
}

export async function restart(ground: Ground, { partitions, users, core }: Options, scratch: string): Promise<string> {
  const installation = await ground.emptied(partitions);
  progress(`restart: the state of ${users.toLocaleString('en')} users is made`);
  await fillWith(installation, profiles, userProfiles(users, new Date(FROM - 1).toISOString()));
  await fillWith(installation, events, firstEvents(users));
  const dir = join(scratch, installation.app);
  const args = ['--topology', 'engage,pace', '--time', 'events'];
  const start = (): Promise<InstanceProcess> =>
    InstanceProcess.start({ dir, environment: installation.environment, args, core });
  const first = await start();
  await first.quiet(250, WITHIN);
  const changelog = await changelogOf(installation);

  const stop = new AbortController();
  const trickling = feed(installation, { rate: TRICKLE, stop: stop.signal, next: (n) => laterEvent(n, users) });
  await delay(RUNS_FOR);
  progress('restart: kill -9, with the local state kept');
  const killed = performance.now();
  await first.end('SIGKILL');
  const second = await start();
  const kept = await comes(second, partitions);
  const detectionMs = second.begun + kept.assignedMs - killed;
  await delay(RUNS_FOR);
  progress('restart: stopped, and the local state deleted');
  await second.end('SIGTERM');
  rmSync(join(dir, 'state'), { recursive: true });
  const third = await start();
  const whole = await comes(third, partitions);
  stop.abort();
  await trickling;
  await third.quiet(100, WITHIN);
  await third.end('SIGTERM');
  await installation.close();

  const head = [
    'start with the state of users',
    'users',
    'assigned to processing ms',
    'of it until restored ms',
    'records restored',
    'records/s',
    'process start to assigned ms',
    'kill to assigned ms',
  ];
  const row = (title: string, { processingMs, restoreMs, restored, assignedMs, wiped }: Come, detected?: number) => [
    wiped === '' ? title : `${title} (${wiped})`,
    users,
    Math.round(processingMs),
    Math.round(restoreMs),
    restored,
    wiped === '' ? undefined : Math.round((restored / restoreMs) * 1000),
    Math.round(assignedMs),
    detected === undefined ? undefined : Math.round(detected),
  ];
  const rows = [row('kill -9, local state kept', kept, detectionMs), row('local state deleted', whole)];
  const { records, mb } = changelog;
  const size = `The changelog had ${records.toLocaleString('en')} offsets and ${Math.round(mb)} MB before; ${TRICKLE} events/s went on all the while.`;
  return `### Restart\n\n${table(head, rows)}\n\n${size}`;
}

/** What an instance says from its start until every task of engage has processed a record. */
async function comes(instance: InstanceProcess, partitions: number): Promise<Come> {
  const from = new Map<string, number>();
  const moved = new Set<string>();
  const seen = await instance.until(
    ({ status }) => {
      for (const { task, phase, positions } of status.tasks) {
        if (!task.startsWith('engage.') || phase !== 'running') continue;
        const at = positions[events.name] ?? 0;
        const before = from.get(task);
        if (before === undefined) from.set(task, at);
        else if (at > before) moved.add(task);
      }
      return moved.size === partitions;
    },
    LOOK,
    WITHIN,
    'not every task processes again',
  );
  // Its log tells the time of day.
  const clock = (time: unknown): number => Number(time) - performance.timeOrigin;
  const assigned = instance
    .lines('rebalance')
    .filter(({ group, gained }) => group === 'engage' && (gained as readonly number[]).length > 0)
    .map(({ time }) => clock(time));
  const restores = instance.lines('state restored').filter(({ task }) => String(task).startsWith('engage.'));
  const at = Math.max(...assigned);
  return {
    assignedMs: at - instance.begun,
    processingMs: seen.at - at,
    restoreMs: Math.max(...restores.map(({ time }) => clock(time))) - at,
    restored: restores.reduce((sum, { records }) => sum + Number(records), 0),
    wiped: restores.map(({ wiped }) => (wiped === undefined ? '' : String(wiped))).find((why) => why !== '') ?? '',
  };
}

function* firstEvents(users: number): Generator<object> {
  for (let user = 0; user < users; user++) yield eventJson(user, `u${user}`, FROM + Math.floor((user * SPAN) / users));
}

function eventJson(n: number, userId: string, at: number): object {
  const { occurredAt, ...event } = eventOf(n, userId, 'product_view', at);
  return { ...event, occurredAt: new Date(occurredAt).toISOString() };
}

function laterEvent(n: number, users: number): ReturnType<typeof eventOf> {
  return eventOf(users + n, `u${(n * 7919) % users}`, 'product_view', FROM + SPAN + n);
}

async function changelogOf({ cluster: { log }, bytesOf }: Installation): Promise<{ records: number; mb: number }> {
  const topic = log.admin.changelogOf('engage');
  const partitions = (await log.existing([topic])).get(topic) ?? 0;
  let records = 0;
  for (let partition = 0; partition < partitions; partition++) records += await log.endOffset({ topic, partition });
  return { records, mb: bytesOf(topic) / 1e6 };
}
