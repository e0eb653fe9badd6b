// Instances of two versions pass work to each other, forth and back, and a version that can't read the state touches nothing.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { codecOf } from '../../../schemas/avro.ts';
import { decisions, sends } from '../../../schemas/topics.ts';
import type { Decision } from '../../../schemas/types.ts';
import { campaignFolder, expectSimulated, type Ground, openGround, UNTIL } from './ground.ts';
import { type Cluster, environment, InstanceProcess, settled } from './instance.ts';
import { replacing, versionWith, withFields } from './versions.ts';

const TIMEOUT = 120_000;
const ENDED = { code: 0, signal: null };
const LOOK = { timeout: 30_000, interval: 100 };

const opened = await openGround();
const ground = opened as Ground;
const onServers = test.skipIf(opened === undefined);
afterAll(() => opened?.close());

const withWriter = withFields((fields) => [...fields, { name: 'decidedBy', type: ['null', 'string'], default: null }]);

/**
 * The next version: `activity` and the topic of decisions have a field more, which it fills, and `reservation` has one less.
 * Returns its `main`.
 */
function nextVersion(): string {
  return versionWith(join(ground.folder, 'next'), {
    'schemas/state/activity.avsc': withFields((fields) => [
      ...fields,
      { name: 'keptBy', type: 'string', default: 'an earlier version' },
    ]),
    'processors/detect-inactivity.ts': (text) =>
      `${replacing(['context.set(activity, ', 'keep(context, '])(text)}
function keep(context: Context, state: Omit<Activity, 'keptBy'>): void {
  context.set(activity, { ...state, keptBy: 'the next version' });
}
`,
    'schemas/state/reservation.avsc': withFields((fields) => fields.filter(({ name }) => name !== 'corrected')),
    'processors/pace-budget.ts': replacing(
      ['corrected: false,', ''],
      [', corrected: true', ''],
      [' || held.corrected', ''],
    ),
    'schemas/avsc/decisions.avsc': withWriter,
    'processors/decide/records.ts': replacing([
      'return {\n    decisionId,',
      "return {\n    decidedBy: 'the next version', decisionId,",
    ]),
  });
}

/** A version to which `activity` is something else. */
function strangeVersion(): string {
  return versionWith(join(ground.folder, 'strange'), {
    'schemas/state/activity.avsc': withFields((fields) =>
      fields.map((field) => (field.name === 'signalledTo' ? { name: 'signalledTo', type: 'string' } : field)),
    ),
  });
}

/** The population's events in so many files, as if published over time. */
function inPieces(count: number): string[] {
  const lines = readFileSync(ground.inputs.events, 'utf8').trim().split('\n');
  const size = Math.ceil(lines.length / count);
  return Array.from({ length: count }, (_, i) => lines.slice(i * size, (i + 1) * size).join('\n'));
}

/** Starts instances of an installation in folders of their own, each by its version's `main`. */
function fleetOf(cluster: Cluster, partitions: number): (name: string, main?: string) => InstanceProcess {
  const args = ['--topology', 'engage,pace,deliver', '--partitions', String(partitions)];
  const all = [...args, '--campaigns', campaignFolder('ample')];
  const env = environment(cluster);
  return (name, main) => new InstanceProcess(join(ground.folder, cluster.app, name), env, all, main);
}

async function begin(instance: InstanceProcess): Promise<void> {
  await instance.ready;
  await instance.publish('profiles', readFileSync(ground.inputs.profiles, 'utf8'));
  await instance.publish('consents', readFileSync(ground.inputs.consents, 'utf8'));
  await settled([instance]);
}

/** Resolves once the instance has restored tasks of both topologies and works on them. */
async function works(instance: InstanceProcess): Promise<void> {
  await instance.ready;
  const groups = async (): Promise<readonly string[]> => {
    const { tasks } = await instance.status();
    return [
      ...new Set(tasks.filter(({ phase }) => phase === 'running').map(({ task }) => task.split('.')[0] as string)),
    ];
  };
  await expect.poll(groups, LOOK).toEqual(['engage', 'pace']);
}

interface Kept {
  readonly cells: { readonly activity?: Readonly<Record<string, unknown>> };
  readonly rows: Readonly<Record<string, { readonly reservation?: Readonly<Record<string, unknown>> }>>;
}

/** What an instance has of a user or a campaign; undefined where it has nothing, or another instance has it. */
async function kept(instance: InstanceProcess, topology: string, id: string): Promise<Kept | undefined> {
  const response = await fetch(`${await instance.ready}/v1/state?topology=${topology}&id=${id}`);
  return response.ok ? ((await response.json()) as Kept) : undefined;
}

const USERS = [...new Set(readFileSync(opened?.inputs.profiles ?? '/dev/null', 'utf8').match(/"userId":"[^"]+"/g))].map(
  (text) => JSON.parse(`{${text}}`).userId as string,
);

async function activities(instance: InstanceProcess): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const all = await Promise.all(USERS.map((user) => kept(instance, 'engage', user)));
  return all.flatMap((found) => {
    const activity = found?.cells.activity;
    return activity === undefined ? [] : [activity];
  });
}

async function reservations(instance: InstanceProcess): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const campaigns = ['inactive-3d', 'savings-reminder', 'winback-7d'];
  const all = await Promise.all(campaigns.map((campaign) => kept(instance, 'pace', campaign)));
  // A campaign's rows are its reservations, and its days.
  return all.flatMap((found) =>
    Object.values(found?.rows ?? {}).flatMap(({ reservation }) => (reservation === undefined ? [] : [reservation])),
  );
}

/** How the instance came by its tasks: by the whole changelog (and why), or by what its folder had. */
function restores(instance: InstanceProcess): ReadonlySet<unknown> {
  return new Set(instance.lines('state restored').map(({ wiped }) => wiped ?? 'checkpoint'));
}

/** The keys of the messages that went out, by any instance. */
function messages(cluster: Cluster, names: readonly string[]): ReadonlySet<string> {
  const files = names.map((name) => join(ground.folder, cluster.app, name, 'outbox', 'messages.ndjson'));
  const lines = files
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'));
  return new Set(lines.map((line) => (JSON.parse(line) as { readonly idempotencyKey: string }).idempotencyKey));
}

onServers('a rolling deploy and its way back lose nothing', { timeout: TIMEOUT }, async () => {
  const out = await ground.simulated('ample');
  const cluster = await ground.emptied('rolling');
  const start = fleetOf(cluster, 4);
  const next = nextVersion();
  const pieces = inPieces(9);
  const load = (by: InstanceProcess): Promise<void> => by.publish('events', pieces.shift() as string);

  const first = start('a');
  await begin(first);
  await load(first);
  const deployed = start('b', next);
  await load(first);
  await works(deployed);
  await load(deployed);
  expect(await first.kill('SIGTERM'), first.log).toEqual(ENDED);
  await load(deployed);
  await settled([deployed]);
  expect(restores(deployed)).toEqual(new Set(['missing']));
  const byNext = await activities(deployed);
  expect(new Set(byNext.map(({ keptBy }) => keptBy))).toEqual(new Set(['an earlier version', 'the next version']));
  const reserved = await reservations(deployed);
  expect(reserved.length).toBeGreaterThan(10);
  for (const reservation of reserved) expect(reservation).not.toHaveProperty('corrected');

  const back = start('c');
  await load(deployed);
  await works(back);
  await load(back);
  expect(await deployed.kill('SIGTERM'), deployed.log).toEqual(ENDED);
  const again = start('b');
  await load(back);
  await works(again);
  await settled([back, again]);
  expect(restores(back)).toEqual(new Set(['missing']));
  expect(restores(again)).toEqual(new Set(['checkpoint']));
  for (const instance of [back, again]) {
    for (const activity of await activities(instance)) expect(activity).not.toHaveProperty('keptBy');
  }
  const restored = [...(await reservations(back)), ...(await reservations(again))];
  expect(restored.length).toBeGreaterThanOrEqual(reserved.length);
  for (const { corrected } of restored) expect(corrected).toBe(false);

  const anew = start('a', next);
  await load(again);
  await works(anew);
  await load(anew);
  await back.advance(UNTIL);
  const last = [back, again, anew];
  await settled(last);
  expect(restores(anew)).toEqual(new Set(['checkpoint']));

  await expectSimulated(ground, cluster, out);
  const form = { ...decisions, codec: codecOf(withWriter(decisions.codec.json)) };
  const [decided = [], sent = []] = await ground.read(cluster, [form, sends]);
  const writers = new Set(decided.map((decision) => (decision as { readonly decidedBy: string | null }).decidedBy));
  expect(writers).toEqual(new Set([null, 'the next version']));
  const { userId } = decided.find((decision) => (decision as { decidedBy: string | null }).decidedBy) as Decision;
  const told = await fetch(`${await back.ready}/v1/explain?user=${userId}`);
  expect(told.status, await told.text()).toBe(200);
  const keys = new Set(sent.map((send) => (send as { readonly idempotencyKey: string }).idempotencyKey));
  expect(messages(cluster, ['a', 'b', 'c'])).toEqual(keys);
  const letters = await (await fetch(`${await back.ready}/v1/topics/dead-letters/records`)).text();
  expect(letters).toBe('');
  for (const instance of last) expect(await instance.kill('SIGTERM'), instance.log).toEqual(ENDED);
});

onServers('a version that can not read the state stops, and touches nothing', { timeout: TIMEOUT }, async () => {
  const out = await ground.simulated('ample');
  const cluster = await ground.emptied('strange');
  const start = fleetOf(cluster, 2);
  const strange = strangeVersion();
  const [before = '', after = ''] = inPieces(2);
  const expectRefused = async (instance: InstanceProcess): Promise<void> => {
    expect(await instance.ended, instance.log).toEqual({ code: 1, signal: null });
    const said = instance.log.trim().split('\n').at(-1);
    expect(said).toMatch(/cell activity: state that the schema beckon\.Activity [0-9a-f]{16} wrote can't be read/);
    expect(said).toContain('cannot read "long" as "string"');
    expect(said).toContain('start a version whose schema can');
    expect(said).toMatch(/task engage\.[01]/);
  };

  const first = start('a');
  await begin(first);
  await first.publish('events', before);
  await settled([first]);
  const had = await activities(first);
  expect(had.length).toBeGreaterThan(100);
  expect(await first.kill('SIGTERM'), first.log).toEqual(ENDED);
  await expectRefused(start('a', strange));
  await expectRefused(start('b', strange));

  const again = start('a');
  await works(again);
  expect(restores(again)).toEqual(new Set(['checkpoint']));
  expect(await activities(again)).toEqual(had);
  const beside = start('b', strange);
  await again.publish('events', after);
  await again.advance(UNTIL);
  await expectRefused(beside);
  await expect.poll(async () => (await again.status()).tasks.length, LOOK).toBe(4);
  await settled([again]);
  await expectSimulated(ground, cluster, out);
  expect(await again.kill('SIGTERM'), again.log).toEqual(ENDED);
});
