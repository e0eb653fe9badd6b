// Where an operation looks: an instance over HTTP, the cluster that the environment names, or a folder in which none runs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { config, type KafkaSettings } from '../runtime/config.ts';
import type { KafkaLog } from '../runtime/kafka/kafka-log.ts';
import type { Log } from '../runtime/log.ts';
import type { Serde } from '../runtime/serde.ts';
import { authorization, missingKey } from './authorization.ts';
import { openCluster, requireTopics } from './cluster.ts';
import { BadInput, RunFailed } from './errors.ts';
import { holdsLog, openLog } from './instance.ts';
import { runningInstance } from './target.ts';

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
  const { log, serde } = await openLog(dir).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'FolderInUse') throw new RunFailed(error.message);
    throw error;
  });
  return { kind: 'folder', name: `the log in ${dir}`, log, serde, close: () => log.close() };
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
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new BadInput(`--url ${url}: is no http address; write one such as http://127.0.0.1:7077`);
  }
  const address = url.replace(/\/$/, '');
  return { kind: 'instance', name: `the instance at ${address}`, url: address };
}

/**
 * A question to an instance's HTTP front, answered in JSON. Throws `BadInput` for what it refuses, and `RunFailed` when it
 * does not answer or fails.
 */
export async function askJson<T>(
  url: string,
  path: string,
  query: Readonly<Record<string, string | number | boolean | undefined>> = {},
  body?: object,
): Promise<T> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const target = `${url}${path}${search.size === 0 ? '' : `?${search}`}`;
  const headers = authorization();
  const init =
    body === undefined
      ? { headers }
      : { method: 'POST', body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } };
  const { status, answer } = await fetch(target, init).then(
    async (response) => ({
      status: response.status,
      answer: (await response.json().catch(() => undefined)) as
        | (T & { readonly error?: string; readonly detail?: string })
        | undefined,
    }),
    () => {
      throw new RunFailed(`no instance answers at ${url}; start one with \`beckon start\`, or check --url`);
    },
  );
  if (status === 200 && answer !== undefined) return answer;
  const said = missingKey(status) ?? answer?.error ?? answer?.detail ?? `it answered ${status}`;
  if (status >= 400 && status < 500) throw new BadInput(`${url}: ${said}`);
  throw new RunFailed(`${url}: ${said}; see the instance's log`);
}
