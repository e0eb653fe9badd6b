// Where `publish` and `topics read` go: the running instance over HTTP, or, when none runs, the cluster or the folder itself.
import { Publisher } from '../api/publisher.ts';
import { topicLines } from '../api/reader.ts';
import { config } from '../runtime/config.ts';
import { jsonForm } from '../schemas/json-form.ts';
import type { Topic } from '../schemas/topics.ts';
import { BadInput } from './errors.ts';
import { addressOf, ask, askJson, runningInstance } from './instance-client.ts';
import { type ClusterPlace, clusterPlace, type FolderPlace, folderPlace } from './place.ts';

export const NDJSON = 'application/x-ndjson';

export interface Target {
  /** In words, for people. */
  readonly name: string;
  /** Appends values in one step. Throws `RunFailed`, and `BadInput` for what an instance refuses. */
  publish(topic: Topic<unknown>, values: readonly unknown[]): Promise<void>;
  advance(to: number): Promise<void>;
  /** The records of a topic, by its short name, as NDJSON in pieces; those of one tenant where it is named. */
  read(topic: string, tenantId?: string): AsyncIterable<string | Uint8Array>;
  /** Resolves, once everything on the log is processed and delivered, to what became of it; undefined where nothing runs. */
  readonly settled: (() => Promise<string>) | undefined;
  close(): Promise<void>;
}

/** `url` first, else the instance of the folder, else the cluster that the environment names, else the folder. */
export async function openTarget(dir: string, url?: string): Promise<Target> {
  if (url !== undefined) return instanceTarget(addressOf(url));
  const running = await runningInstance(dir);
  if (running !== undefined) return instanceTarget(running);
  const { kafka } = config();
  if (kafka !== undefined) return logTarget(await clusterPlace(kafka));
  const place = await folderPlace(dir);
  return logTarget({ ...place, name: `${place.name} (no instance runs on it)` });
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

interface PublishAnswer {
  readonly bad: readonly { readonly message: string }[];
}

function instanceTarget(url: string): Target {
  return {
    name: `the instance at ${url}`,
    async publish(topic, values) {
      const form = jsonForm(topic);
      const body = values.map((value) => form.write(value)).join('\n');
      const post = { method: 'POST', body, type: NDJSON } as const;
      const { bad } = await askJson<PublishAnswer>(url, `/v1/topics/${topic.name}/records`, {}, undefined, post);
      const [first] = bad;
      if (first === undefined) return;
      // All are good here: an instance of another version may know less.
      throw new BadInput(
        `${url}: ${bad.length} of ${values.length} records are refused, the others are taken: ${first.message}: use the version that the instance has, or start this one there`,
      );
    },
    async advance(to) {
      await askJson(url, '/v1/advance', {}, { to });
    },
    async *read(name, tenant) {
      const response = await ask(url, `/v1/topics/${name}/records`, { query: { tenant } });
      if (response.body !== null) yield* response.body;
    },
    async settled() {
      // Topologies are chained: quiet counts when it is seen again after everything had the time to pass something on.
      let status: Status;
      for (let seen = 0; ; ) {
        status = await askJson<Status>(url, '/v1/status');
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

function logTarget({ name, log, serde, close }: FolderPlace | ClusterPlace): Target {
  const publisher = new Publisher(log, serde);
  return {
    name,
    publish: (topic, values) => publisher.publish(topic, values),
    advance: (to) => publisher.advance(to),
    read: (topic, tenantId) => topicLines(log, serde, topic, tenantId),
    settled: undefined,
    close,
  };
}
