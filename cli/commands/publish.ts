// `beckon publish`: NDJSON in a topic's JSON form into the log.
import { Command } from 'commander';
import { publishable } from '../../api/publisher.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { topicNamed } from '../../schemas/topics.ts';
import { BadInput, RunFailed } from '../errors.ts';
import { fileSize, readNdjson } from '../files/ndjson.ts';
import { TENANT_OPTION, tenantOption, timeOption } from '../options.ts';
import { say } from '../say.ts';
import { openTarget, type Target } from '../target.ts';

const BATCH = 2000;
const PROGRESS_MS = 1000;
/** Bad lines told one by one; the rest is counted. */
const BAD_SHOWN = 20;
const NAMES = publishable.map((t) => t.name).join(', ');

const EXAMPLES = `
Goes to the instance that runs on --dir (or at --url); when none runs, straight to the cluster that KAFKA_BROKERS names (with
SCHEMA_REGISTRY_URL), else into the folder itself, for the next start.
Every line is checked first: bad ones are reported by number and left out, and the exit code is 1.

Examples:
  $ beckon publish events --file events.ndjson.gz
  $ beckon publish events --file events.ndjson --advance 2026-02-01T00:00:00Z --wait
  $ beckon publish events --advance 2026-03-01T00:00:00Z
`;

interface Options {
  readonly tenant: string;
  readonly file?: string;
  readonly advance?: number;
  readonly dir: string;
  readonly url?: string;
  readonly wait?: boolean;
}

export function publishCommand(): Command {
  return new Command('publish')
    .argument('<topic>', NAMES)
    .option('--file <file>', '.ndjson or .ndjson.gz')
    .option(
      '--advance <time>',
      'then move the time of instances that follow event time (`start --time events`) on to it',
      timeOption,
    )
    .option(TENANT_OPTION, 'whose the records are that name no tenant', tenantOption, DEFAULT_TENANT)
    .option('--dir <folder>', "the instance's folder", '.beckon')
    .option(
      '--url <url>',
      "the instance's address (default: as the folder says, else the cluster that KAFKA_BROKERS names, else the folder)",
    )
    .option('--wait', 'return once everything is processed and delivered by the instance')
    .addHelpText('after', EXAMPLES)
    .action((topic: string, options: Options) => publish(topic, options));
}

async function publish(name: string, { tenant, file, advance, dir, url, wait }: Options): Promise<void> {
  const topic = publishable.find((t) => t === topicNamed(name));
  if (topic === undefined) throw new BadInput(`can't publish to "${name}"; choose from ${NAMES}`);
  if (file === undefined && advance === undefined)
    throw new BadInput('nothing to publish; give --file, --advance or both');
  const size = file === undefined ? 0 : fileSize(file);
  const target = await openTarget(dir, url);
  try {
    if (wait && target.settled === undefined) {
      throw new RunFailed(
        `no instance runs on ${dir} that could be waited for; start one, or leave out --wait. Nothing was published`,
      );
    }
    let bad = 0;
    if (file !== undefined) {
      say(`publishing ${file} to ${target.name}`);
      bad = await publishFile({ file, size, tenant }, topic, target);
    }
    if (advance !== undefined) {
      await target.advance(advance);
      say(`time moves on to ${new Date(advance).toISOString()}`);
    }
    if (wait && target.settled !== undefined) {
      say(`everything is processed: ${await target.settled()}`);
    }
    if (bad > 0)
      throw new RunFailed(
        `${bad} bad ${bad === 1 ? 'line was' : 'lines were'} left out; mend them and publish them again`,
      );
  } finally {
    await target.close();
  }
}

/** Publishes the good lines; resolves to the number of bad ones. */
async function publishFile(
  { file, size, tenant }: { readonly file: string; readonly size: number; readonly tenant: string },
  topic: (typeof publishable)[number],
  target: Target,
): Promise<number> {
  const begun = performance.now();
  let told = begun;
  let published = 0;
  let bad = 0;
  let lastLine = 0;
  try {
    for await (const batch of readNdjson(file, topic, tenant)) {
      for (const { line, message } of batch.bad) {
        if (bad++ < BAD_SHOWN) say(`${file}:${line}: ${message}`);
      }
      for (let at = 0; at < batch.lines.length; at += BATCH) {
        const lines = batch.lines.slice(at, at + BATCH);
        await target.publish(
          topic,
          lines.map((l) => l.value),
        );
        published += lines.length;
        lastLine = lines[lines.length - 1]?.line ?? lastLine;
      }
      const now = performance.now();
      if (now - told >= PROGRESS_MS) {
        told = now;
        say(`${published} records, ${Math.floor((100 * batch.bytesRead) / size)} %`);
      }
    }
  } catch (error) {
    if (published > 0)
      say(
        `the lines up to ${lastLine} are in; repeated ids are dropped, so publishing the file again is safe within an hour of event time`,
      );
    throw error;
  }
  if (bad > BAD_SHOWN) say(`… and ${bad - BAD_SHOWN} more bad lines`);
  const seconds = (performance.now() - begun) / 1000;
  say(
    `${published} records published in ${seconds.toFixed(1)} s (${Math.round(published / seconds)}/s), ${bad} bad lines`,
  );
  return bad;
}
