// The faults, one function each: it makes the fault happen to instances under load, and looks at once at what must hold of it.
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../../cli/demo/random.ts';
import { type Aims, stepName, type WireTarget, wireName } from './aims.ts';
import { DAMAGES, damage } from './damage.ts';
import type { Feeder } from './feeder.ts';
import type { Fleet, Slot } from './fleet.ts';
import { APP, type Ground, SESSION_TIMEOUT } from './ground.ts';
import { storedTasks } from './state.ts';

export interface Stage {
  readonly ground: Ground;
  readonly fleet: Fleet;
  readonly feeder: Feeder;
  readonly random: Random;
  readonly aims: Aims;
  /** Folders of instances whose state was harmed on the disk. */
  readonly damaged: Set<string>;
  /** How many instances run at present. */
  size: number;
}

/** What was done, for the log and the tally. */
export interface Done {
  /** The slots of instances that were ended by `kill -9`. */
  readonly killed: readonly Slot[];
  /** The last step before, or what was done in particular. */
  readonly where: string;
  readonly slot?: number;
}

/** How long (ms) an instance may take to come to where it is to be hit; then it is hit where it is. */
const PATIENCE = 12_000;
const STARTUP = 2500;
const RECOVERS_WITHIN = 3000;
/** How long (ms) a broker may take to write the markers of a commit that it has confirmed. */
const MARKERS_WITHIN = 500;
/** Longer than the session, so that others take over. */
const AWAY = SESSION_TIMEOUT + 2000;
const REGISTRY_AWAY = 4000;

export const KILLS = ['random', 'aimed', 'wire'] as const;
export const OTHERS = [
  'zombie',
  'cut',
  'damaged',
  'term',
  'isolated',
  'broker-killed',
  'registry',
  'broker-restarted',
] as const;
export type Kind = (typeof KILLS)[number] | (typeof OTHERS)[number];

export const FAULTS: Readonly<Record<Kind, (stage: Stage) => Promise<Done>>> = {
  random: killRandom,
  aimed: killAimed,
  wire: killOnTheWire,
  cut: cutConnection,
  zombie: pauseBeyondTheSession,
  isolated: isolateBeyondTheSession,
  term: terminate,
  damaged: damageStores,
  'broker-killed': (stage) => restartBroker(stage, 'SIGKILL'),
  'broker-restarted': (stage) => restartBroker(stage, 'SIGTERM'),
  registry: loseRegistry,
};

/** From outside: most among the work, some before the instance is ready. */
async function killRandom(stage: Stage): Promise<Done> {
  const { fleet, random, size } = stage;
  if (random.chance(0.25)) {
    const slot = await fleet.vacant(size, random);
    fleet.start(slot);
    await delay(random.below(STARTUP));
    return killNow(stage, slot);
  }
  await fleet.fill(size);
  await delay(random.below(1500));
  return killNow(stage, random.pick(fleet.alive));
}

async function killNow({ aims }: Stage, slot: Slot): Promise<Done> {
  slot.instance?.kill('SIGKILL');
  await slot.instance?.ended;
  const where = slot.instance?.lastStep ?? '';
  aims.hit(where);
  return { killed: [slot], where, slot: slot.number };
}

/** By itself, at a step. */
async function killAimed(stage: Stage): Promise<Done> {
  const { fleet, random, aims, size } = stage;
  const slot = await fleet.vacant(size, random);
  const instance = fleet.start(slot, { ...aims.step(random), signal: 'SIGKILL' });
  await fleet.fill(size, slot);
  await Promise.race([instance.ready, instance.ended]);
  await instance.endsWithin(PATIENCE);
  return killNow(stage, slot);
}

function armed(
  { ground, aims, random }: Stage,
  slot: Slot,
  kill: boolean,
): { target: WireTarget; fell: Promise<boolean> } {
  const target = aims.wire(random, kill);
  const { group, api, side } = target;
  const onCut = kill ? { onCut: () => slot.instance?.kill('SIGKILL') } : {};
  const fell = ground.proxies[slot.number]?.cutAt(
    { api, side, transactionalId: `${APP}.${group}.`, ...onCut },
    PATIENCE,
  ) as Promise<boolean>;
  return { target, fell };
}

/** Together with its connection, at a request or answer that ends a transaction. */
async function killOnTheWire(stage: Stage): Promise<Done> {
  const { fleet, random, aims, size } = stage;
  await fleet.fill(size);
  const slot = random.pick(fleet.alive);
  const { target, fell } = armed(stage, slot, true);
  if (!(await fell)) return killNow(stage, slot);
  await slot.instance?.ended;
  const where = wireName(target);
  aims.hit(where);
  return { killed: [slot], where, slot: slot.number };
}

/** The connection alone: the instance does not know what became of its commit, and must find out. */
async function cutConnection(stage: Stage): Promise<Done> {
  const { fleet, random, aims, size } = stage;
  await fleet.fill(size);
  const slot = random.pick(fleet.alive);
  const { target, fell } = armed(stage, slot, false);
  const where = (await fell) ? wireName(target) : 'not met';
  if (where !== 'not met') aims.cut(target);
  await delay(RECOVERS_WITHIN);
  fleet.mustLive([slot]);
  return { killed: [], where, slot: slot.number };
}

/** Paused until others have its tasks, at a step or anywhere; then it goes on as if nothing had happened. */
async function pauseBeyondTheSession(stage: Stage): Promise<Done> {
  const { fleet, random, aims, size } = stage;
  const slot = await fleet.vacant(size, random);
  const aim = random.chance(0.7) ? aims.step(random) : undefined;
  const instance = fleet.start(slot, aim === undefined ? undefined : { ...aim, signal: 'SIGSTOP' });
  await fleet.fill(size, slot);
  // One that stops while it starts never says that it is ready.
  const stopped = aim !== undefined && (await instance.stopped(PATIENCE));
  if (!stopped) {
    // Else it would stop long after, in the midst of another fault, and nobody would make it go on.
    instance.disarm();
    instance.kill('SIGCONT');
    await fleet.ready(slot);
    await delay(random.below(1000));
    instance.kill('SIGSTOP');
  }
  await delay(AWAY);
  const where = stopped && aim !== undefined ? stepName(aim) : instance.lastStep;
  instance.kill('SIGCONT');
  await fleet.ready(slot);
  await delay(RECOVERS_WITHIN);
  fleet.mustLive([slot]);
  return { killed: [], where, slot: slot.number };
}

/** Cut off from the broker until others have its tasks; then what it had sent arrives. */
async function isolateBeyondTheSession({ ground, fleet, random, size }: Stage): Promise<Done> {
  await fleet.fill(size);
  const slot = random.pick(fleet.alive);
  const proxy = ground.proxies[slot.number];
  proxy?.hold();
  await delay(AWAY);
  proxy?.release();
  await delay(RECOVERS_WITHIN);
  fleet.mustLive([slot]);
  return { killed: [], where: slot.instance?.lastStep ?? '', slot: slot.number };
}

/** Drains, commits and leaves. */
async function terminate({ fleet, random, size }: Stage): Promise<Done> {
  await fleet.fill(size);
  await delay(random.below(1000));
  const slot = random.pick(fleet.alive);
  await fleet.stop(slot);
  return { killed: [], where: slot.instance?.lastStep ?? '', slot: slot.number };
}

/** All stores of a killed instance; what it serves afterwards must be restored. */
async function damageStores(stage: Stage): Promise<Done> {
  const { fleet, random, size, aims } = stage;
  await fleet.fill(size);
  const slot = random.pick(fleet.alive);
  const { killed, where } = await killNow(stage, slot);
  const how = aims.damage(random, DAMAGES);
  damage(how, storedTasks(slot.dir), random);
  stage.damaged.add(slot.dir);
  slot.damaged = true;
  const instance = fleet.start(slot);
  await fleet.ready(slot);
  await delay(RECOVERS_WITHIN);
  fleet.mustLive([slot]);
  // Others may have taken its tasks over; with nobody else it must have noticed.
  if (size === 1 && (how === 'deleted' || how === 'garbage in CURRENT') && !instance.log.includes('"wiped"'))
    throw new Error(`a store (${how}) was not restored: ${instance.log.slice(-3000)}`);
  return { killed, where: `${how}, killed at ${where}`, slot: slot.number };
}

async function restartBroker({ ground, fleet, feeder, size }: Stage, signal: 'SIGTERM' | 'SIGKILL'): Promise<Done> {
  await fleet.fill(size);
  // Whether a piece that was not confirmed is in would be unknown.
  await feeder.pause();
  // A lone broker that ends between its word on a commit and the commit's markers loses the commit, which is Kafka's to mend
  // (docs/operations.md); what instances make of brokers that die in the midst is tried on two of them, by outage.test.ts.
  const paused = fleet.alive.slice(0, size);
  for (const slot of paused) slot.instance?.kill('SIGSTOP');
  await delay(MARKERS_WITHIN);
  await ground.kafka.restart(signal, () => {
    for (const slot of paused) slot.instance?.kill('SIGCONT');
  });
  feeder.resume();
  await delay(RECOVERS_WITHIN);
  fleet.mustLive(fleet.alive.slice(0, size));
  return { killed: [], where: signal };
}

/** While it is away an instance starts, and records come whose schema nobody has met: both must wait, and neither may fail. */
async function loseRegistry(stage: Stage): Promise<Done> {
  const { ground, fleet, feeder, random, size } = stage;
  await fleet.fill(size);
  ground.registry.refuse();
  await feeder.renewSchema();
  const { killed, where, slot } = await killNow(stage, random.pick(fleet.alive));
  fleet.start(killed[0] as Slot);
  await delay(REGISTRY_AWAY);
  ground.registry.accept();
  await fleet.ready(killed[0] as Slot);
  await delay(RECOVERS_WITHIN);
  fleet.mustLive(fleet.slots.slice(0, size));
  return { killed, where, ...(slot === undefined ? {} : { slot }) };
}
