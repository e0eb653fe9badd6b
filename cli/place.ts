// Where an operation looks: an instance over HTTP, the cluster that the environment names, or a folder in which none runs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { config, type KafkaSettings } from '../runtime/config.ts';
import type { KafkaLog } from '../runtime/kafka/kafka-log.ts';
import type { Log } from '../runtime/log.ts';
import type { Serde } from '../runtime/serde.ts';
import { openCluster, requireTopics } from './cluster.ts';
import { BadInput, RunFailed } from './errors.ts';
import { holdsLog, openLog } from './instance.ts';
import { addressOf, runningInstance } from './instance-client.ts';

interface LogPlace {
  /** In words, for people. */
  readonly name: string;
  readonly log: Log;
  readonly serde: Serde;
  close(): Promise<void>;
}
export interface FolderPlace extends LogPlace {
  readonly kind: 'folder';
}
export interface ClusterPlace extends LogPlace {
  readonly kind: 'cluster';
  readonly log: KafkaLog;
}
export interface InstancePlace {
  readonly kind: 'instance';
  readonly name: string;
  readonly url: string;
}
export type Place = FolderPlace | ClusterPlace | InstancePlace;

export interface PlaceFlags {
  readonly dir: string;
  readonly url?: string;
}

/** An address first, else the cluster, else the instance that runs on the folder, else the folder. Close all but an instance. */
export async function openPlace({ dir, url }: PlaceFlags): Promise<Place> {
  if (url !== undefined) return instancePlace(url);
  const { kafka } = config();
  if (kafka !== undefined) return clusterPlace(kafka);
  const running = await runningInstance(dir);
  if (running !== undefined) return instancePlace(running);
  if (!holdsLog(dir)) {
    throw new BadInput(
      `${dir} holds no log, and no instance runs on it: name its folder with --dir, an instance with --url, or set KAFKA_BROKERS`,
    );
  }
  return folderPlace(dir);
}

/** The log of a folder, made where there is none. Throws `RunFailed` where another process holds it. */
export async function folderPlace(dir: string): Promise<FolderPlace> {
  const isNew = !holdsLog(dir);
  const { log, serde } = await openLog(dir).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'FolderInUse') throw new RunFailed(error.message);
    throw error;
  });
  const name = `${isNew ? 'a new log' : 'the log'} in ${dir}`;
  return { kind: 'folder', name, log, serde, close: () => log.close() };
}

/** With every topic in place; state of tasks that are opened is kept for the command alone. */
export async function clusterPlace(kafka: KafkaSettings, complete = true): Promise<ClusterPlace> {
  const stateDir = mkdtempSync(join(tmpdir(), 'beckon-'));
  const clear = (): void => rmSync(stateDir, { recursive: true, force: true });
  try {
    const { log, serde, name } = await openCluster({ ...kafka, stateDir }, pino({ level: 'silent' }));
    const close = async (): Promise<void> => {
      await log.close();
      clear();
    };
    if (complete) {
      await requireTopics(log).catch(async (error: unknown) => {
        await close();
        throw error;
      });
    }
    return { kind: 'cluster', name: `the cluster at ${name}`, log, serde, close };
  } catch (error) {
    clear();
    throw error;
  }
}

/** Runs work on a place and closes it. */
export async function atPlace<T>(flags: PlaceFlags, work: (place: Place) => Promise<T>): Promise<T> {
  const place = await openPlace(flags);
  try {
    return await work(place);
  } finally {
    if (place.kind !== 'instance') await place.close();
  }
}

function instancePlace(url: string): InstancePlace {
  const address = addressOf(url);
  return { kind: 'instance', name: `the instance at ${address}`, url: address };
}
