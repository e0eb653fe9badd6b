// Brings a task's local state to what its changelog says: the tail after the checkpoint, or all of it into an empty store.
import { rename, rm } from 'node:fs/promises';
import type { StoreChange } from '../../state/store.ts';
import { systemClock } from '../clock.ts';
import { Unrecoverable } from '../errors.ts';
import type { TopicPartition } from '../log.ts';
import type { TaskMemory } from '../state-memory.ts';
import { reach } from '../steps.ts';
import type { Fetcher } from './fetcher.ts';
import { type Checkpoint, LocalStore, wipe } from './local-store.ts';

/** How long a changelog keeps the record of a deletion after compaction has seen it (`delete.retention.ms`). */
export const DELETE_RETENTION_MS = 7 * 24 * 3600 * 1000;

/**
 * The key under which a changelog has the committed positions: a state restored from it alone must not go with offsets that the
 * cluster has forgotten, as it does of a group that was empty for long (7 days by default). Not part of the state.
 */
export const POSITIONS_KEY = Buffer.from('\0positions');

export function positionsChange(positions: Checkpoint['positions']): StoreChange {
  return { key: POSITIONS_KEY, value: Buffer.from(JSON.stringify(positions)) };
}

/** Why the whole changelog was replayed. */
export type Wiped = 'missing' | 'unreadable' | 'other-cluster' | 'too-old';

export interface Restored {
  /** `<group>.<partition>` */
  readonly task: string;
  readonly records: number;
  readonly ms: number;
  /** Absent: only what came after the checkpoint was replayed. */
  readonly wiped?: Wiped;
}

export interface RestoreOptions {
  readonly task: string;
  readonly folder: string;
  readonly changelog: TopicPartition;
  readonly cluster: string;
  readonly fetcher: Fetcher;
  /** Of the store; absent: the most that it gains by. */
  readonly memory?: TaskMemory | undefined;
  /** Told after every piece: records applied so far, and about how many are left. */
  readonly onProgress?:
    | ((progress: { readonly task: string; readonly records: number; readonly left: number }) => void)
    | undefined;
}

/**
 * The task must be fenced before, so that its changelog no longer grows. Throws `Unrecoverable` when the folder is in use, and
 * when the changelog lacks what the local state goes with.
 */
export async function restore(
  options: RestoreOptions,
): Promise<{ readonly store: LocalStore; readonly checkpoint: Checkpoint; readonly restored: Restored }> {
  const { task, folder, changelog, cluster, fetcher, memory, onProgress } = options;
  const begun = performance.now();
  const [earliest, end] = [await fetcher.offsets.earliest(changelog), await fetcher.offsets.end(changelog)];
  let store = await LocalStore.open(folder, memory);
  let checkpoint = store?.checkpoint();
  const wiped = store === undefined ? 'unreadable' : doubt(checkpoint, cluster);
  if (wiped !== undefined || checkpoint === undefined) {
    await store?.close();
    if (wiped === 'other-cluster') await setAside(folder);
    else await wipe(folder);
    store = await LocalStore.open(folder, memory);
    checkpoint = { offset: earliest, cluster, at: systemClock.now(), positions: {} };
  }
  if (store === undefined) throw new Error(`no state can be kept in ${folder}: see that it can be written to`);
  if (checkpoint.offset < earliest || checkpoint.offset > end) {
    await store.close();
    throw lacking(options, checkpoint.offset, earliest, end);
  }
  let records = 0;
  try {
    // While it is replayed the checkpoint's age is that of the oldest part of the state.
    for await (const piece of fetcher.replay(changelog, checkpoint.offset, end)) {
      const changes: StoreChange[] = [];
      let positions: Checkpoint['positions'] = checkpoint.positions;
      for (const { key, value } of piece.records) {
        if (key === null) continue;
        if (!key.equals(POSITIONS_KEY)) changes.push(value === null ? { key } : { key, value });
        else if (value !== null) positions = JSON.parse(value.toString('utf8')) as Checkpoint['positions'];
      }
      checkpoint = { ...checkpoint, offset: piece.next, positions };
      store.write(changes, checkpoint);
      records += changes.length;
      onProgress?.({ task, records, left: Math.max(0, end - piece.next) });
      reach(task, 'piece-restored');
    }
    checkpoint = { ...checkpoint, offset: Math.max(end, checkpoint.offset), at: systemClock.now() };
    store.write([], checkpoint);
  } catch (error) {
    await store.close();
    throw error;
  }
  const restored = { task, records, ms: performance.now() - begun };
  return { store, checkpoint, restored: wiped === undefined ? restored : { ...restored, wiped } };
}

/** Why the changelog is to be trusted more than the local state. It holds all that is wiped. */
function doubt(checkpoint: Checkpoint | undefined, cluster: string): Wiped | undefined {
  if (checkpoint === undefined) return 'missing';
  if (checkpoint.cluster !== cluster) return 'other-cluster';
  // Deletions that compaction has dropped since would be missed, and what was deleted come back.
  if (systemClock.now() - checkpoint.at > DELETE_RETENTION_MS / 2) return 'too-old';
  return undefined;
}

/** What was kept for another cluster, which may be gone: once, in the place of what was set aside before. */
async function setAside(folder: string): Promise<void> {
  const aside = `${folder}.other-cluster`;
  await rm(aside, { recursive: true, force: true });
  await rename(folder, aside);
}

/** A compacted topic loses none of these: they were lost with brokers, deleted by hand, or the topic was made anew. */
function lacking(
  { task, folder, changelog }: RestoreOptions,
  kept: number,
  earliest: number,
  end: number,
): Unrecoverable {
  const { topic } = changelog;
  const found = kept > end ? `ends at ${end}` : `begins at ${earliest}`;
  const what = `the changelog ${found}, and the local state in ${folder} goes with ${kept}: records of the changelog were lost, or it was made anew`;
  const mend = `the state is kept as it is, as it may be the only whole copy: bring the topic ${topic} back, or move the folder away to go on with what the topic has`;
  return new Unrecoverable(`${what}: ${mend}`, { task, ...changelog });
}
