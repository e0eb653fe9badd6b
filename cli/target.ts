// Where `publish` and `topics read` go: the running instance over HTTP, or the folder itself when none runs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Publisher } from '../api/publisher.ts';
import { readTopic } from '../api/reader.ts';
import { jsonForm } from '../schemas/json-form.ts';
import type { Topic } from '../schemas/topics.ts';
import { RunFailed } from './errors.ts';
import { INSTANCE_FILE, openLog } from './instance.ts';

export const NDJSON = 'application/x-ndjson';

export interface Target {
  /** In words, for people. */
  readonly name: string;
  /** Appends values in one step; throws `RunFailed`. */
  publish(topic: Topic<unknown>, values: readonly unknown[]): Promise<void>;
  advance(to: number): Promise<void>;
  /** The topic's records as NDJSON, in pieces. */
  read(topic: Topic<unknown>): AsyncIterable<string | Uint8Array>;
  /** Resolves when everything on the log is processed and delivered; undefined where nothing runs that could. */
  readonly settled: (() => Promise<void>) | undefined;
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

/** `url` first, else the instance of the folder, else the folder. */
export async function openTarget(dir: string, url?: string): Promise<Target> {
  const running = url ?? (await runningInstance(dir));
  return running === undefined ? folderTarget(dir) : instanceTarget(running);
}

function instanceTarget(url: string): Target {
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(`${url}${path}`, init);
    } catch {
      throw new RunFailed(`no instance answers at ${url}; start one with \`beckon start\`, or check --url`);
    }
    if (response.ok) return response;
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
    async *read(topic) {
      const response = await ask(`/v1/topics/${topic.name}/records`);
      if (response.body !== null) yield* response.body;
    },
    async settled() {
      // Topologies are chained: quiet counts when it is seen again after everything had the time to pass something on.
      for (let seen = 0; seen < 3; ) {
        const { quiet } = (await (await ask('/v1/status')).json()) as { readonly quiet: boolean };
        seen = quiet ? seen + 1 : 0;
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    },
    close: async () => {},
  };
}

async function folderTarget(dir: string): Promise<Target> {
  const { log, serde } = await openLog(dir).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'FolderInUse') throw new RunFailed(error.message);
    throw error;
  });
  const publisher = new Publisher(log, serde);
  return {
    name: `the log in ${dir} (no instance runs on it)`,
    publish: (topic, values) => publisher.publish(topic, values),
    advance: (to) => publisher.advance(to),
    async *read(topic) {
      const form = jsonForm(topic);
      for await (const values of readTopic(log, serde, topic)) {
        if (values.length > 0) yield `${values.map((value) => form.write(value)).join('\n')}\n`;
      }
    },
    settled: undefined,
    close: () => log.close(),
  };
}
