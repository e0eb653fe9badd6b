// Where `publish` and `topics read` go: the running instance over HTTP, or, when none runs, the cluster or the folder itself.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { Publisher } from '../api/publisher.ts';
import { topicLines } from '../api/reader.ts';
import { config, type KafkaSettings } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';
import type { Serde } from '../runtime/serde.ts';
import { jsonForm } from '../schemas/json-form.ts';
import type { Topic } from '../schemas/topics.ts';
import { authorization, missingKey } from './authorization.ts';
import { openCluster, requireTopics } from './cluster.ts';
import { RunFailed } from './errors.ts';
import { holdsLog, INSTANCE_FILE, openLog } from './instance.ts';

export const NDJSON = 'application/x-ndjson';

export interface Target {
  /** In words, for people. */
  readonly name: string;
  /** Appends values in one step; throws `RunFailed`. */
  publish(topic: Topic<unknown>, values: readonly unknown[]): Promise<void>;
  advance(to: number): Promise<void>;
  /** The records of a topic, by its short name, as NDJSON in pieces; those of one tenant where it is named. */
  read(topic: string, tenantId?: string): AsyncIterable<string | Uint8Array>;
  /** Resolves, once everything on the log is processed and delivered, to what became of it; undefined where nothing runs. */
  readonly settled: (() => Promise<string>) | undefined;
  close(): Promise<void>;
}

/** The address of the instance that runs on a folder, if one answers there: the file it left may be stale. */
export async function runningInstance(dir: string): Promise<string | undefined> {
  try {
    const { url } = JSON.parse(readFileSync(join(dir, INSTANCE_FILE), 'utf8')) as { readonly url: string };
    await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWERS_WITHIN) });
    return url;
  } catch {
    return undefined;
  }
}

const ANSWERS_WITHIN = 5000;

/** `url` first, else the instance of the folder, else the cluster that the environment names, else the folder. */
export async function openTarget(dir: string, url?: string): Promise<Target> {
  const running = url ?? (await runningInstance(dir));
  if (running !== undefined) return instanceTarget(running);
  const { kafka } = config();
  return kafka === undefined ? folderTarget(dir) : clusterTarget(kafka, dir);
}

interface Counted {
  readonly processed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly deadLetters: number;
}

interface Status {
  readonly quiet: boolean;
  readonly tasks: readonly (Counted & { readonly task: string })[];
}

/** Headers as an object, so that others can be added. */
type Asked = Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> };

function instanceTarget(url: string): Target {
  const ask = async (path: string, init: Asked = {}): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(`${url}${path}`, { ...init, headers: { ...init.headers, ...authorization() } });
    } catch {
      throw new RunFailed(`no instance answers at ${url}; start one with \`beckon start\`, or check --url`);
    }
    if (response.ok) return response;
    const noKey = missingKey(response.status);
    if (noKey !== undefined) throw new RunFailed(`${url}: ${noKey}`);
    const { error, message } = (await response.json()) as { readonly error?: string; readonly message?: string };
    throw new RunFailed(`${url}${path}: ${error ?? message ?? response.statusText}`);
  };
  return {
    name: `the instance at ${url}`,
    async publish(topic, values) {
      const form = jsonForm(topic);
      const body = values.map((value) => form.write(value)).join('\n');
      await ask(`/v1/topics/${topic.name}/records`, { method: 'POST', body, headers: { 'content-type': NDJSON } });
    },
    async advance(to) {
      const headers = { 'content-type': 'application/json' };
      await ask('/v1/advance', { method: 'POST', body: JSON.stringify({ to }), headers });
    },
    async *read(name, tenant) {
      const query = tenant === undefined ? '' : `?${new URLSearchParams({ tenant })}`;
      const response = await ask(`/v1/topics/${name}/records${query}`);
      if (response.body !== null) yield* response.body;
    },
    async settled() {
      // Topologies are chained: quiet counts when it is seen again after everything had the time to pass something on.
      let status: Status;
      for (let seen = 0; ; ) {
        status = (await (await ask('/v1/status')).json()) as Status;
        seen = status.quiet ? seen + 1 : 0;
        if (seen === 3) break;
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      const engage = status.tasks.filter(({ task }) => task.startsWith('engage.'));
      const sum = (name: keyof Counted): number => engage.reduce((total, task) => total + task[name], 0);
      return `${sum('processed')} processed, ${sum('late')} late, ${sum('duplicate')} duplicates, ${sum('deadLetters')} dead letters since the folder is new`;
    },
    close: async () => {},
  };
}

async function folderTarget(dir: string): Promise<Target> {
  const isNew = !holdsLog(dir);
  const { log, serde } = await openLog(dir).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'FolderInUse') throw new RunFailed(error.message);
    throw error;
  });
  return logTarget(`${isNew ? 'a new log' : 'the log'} in ${dir} (no instance runs on it)`, log, serde);
}

async function clusterTarget(kafka: KafkaSettings, dir: string): Promise<Target> {
  const { log, serde, name } = await openCluster(kafka, pino({ level: 'silent' }), dir);
  try {
    await requireTopics(log);
  } catch (error) {
    await log.close();
    throw error;
  }
  return logTarget(`the cluster at ${name}`, log, serde);
}

function logTarget(name: string, log: Log, serde: Serde): Target {
  const publisher = new Publisher(log, serde);
  return {
    name,
    publish: (topic, values) => publisher.publish(topic, values),
    advance: (to) => publisher.advance(to),
    read: (topic, tenantId) => topicLines(log, serde, topic, tenantId),
    settled: undefined,
    close: () => log.close(),
  };
}
