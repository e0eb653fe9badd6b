// `beckon demo`: a generated population through a real embedded instance, told as it happens.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { pino } from 'pino';
import { Publisher } from '../../api/publisher.ts';
import { readTopic } from '../../api/reader.ts';
import { config } from '../../runtime/config.ts';
import { consents, decisions, events, profiles, sends, sessions, signals, type Topic } from '../../schemas/topics.ts';
import { type Population, population } from '../demo/population.ts';
import { accepted, loadDefinitions } from '../files/load-definitions.ts';
import { Tally } from '../files/summary.ts';
import { type Instance, startInstance, TOPOLOGIES } from '../instance.ts';
import { countOption } from '../options.ts';
import { type ReportOptions, reportText } from '../simulate/report.ts';

const EXAMPLES_FOLDER = fileURLToPath(new URL('../../examples/', import.meta.url));
/** The example budgets begin here. */
const FROM = Date.parse('2026-01-01T00:00:00+03:00');
const DAY = 86_400_000;
const DAYS = 30;
const BATCH = 2000;
const TELL_EVERY = 2000;

const HELP = `
Publishes about a month of events of generated users to a real instance (embedded log, ClickHouse and all), with the example
campaigns, and shows what becomes of them. On a terminal the instance then keeps running until Ctrl-C, to be asked things.

Examples:
  $ beckon demo
  $ beckon demo --users 500
`;

interface Options {
  readonly dir: string;
  readonly users: number;
}

export function demoCommand(): Command {
  return new Command('demo')
    .option('--dir <folder>', 'where the demo keeps everything; emptied first', '.beckon/demo')
    .option('--users <number>', 'users of the population', countOption, 1000)
    .addHelpText('after', HELP)
    .action((options: Options) => demo(options));
}

async function demo({ dir, users }: Options): Promise<void> {
  const begun = performance.now();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const examples = { folder: join(EXAMPLES_FOLDER, 'campaigns'), policyFile: join(EXAMPLES_FOLDER, 'policy.yaml') };
  const [{ policy, campaigns }] = accepted([loadDefinitions(examples)], say);
  const stop = new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  let stopping = false;
  stop.then(() => {
    stopping = true;
  });

  rmSync(dir, { recursive: true, force: true });
  say(`Generating ${users} users and a month of what they do …`);
  const people = population({ users, days: DAYS, from: FROM });
  say('Starting an instance: embedded log, RocksDB state, ClickHouse …');
  const instance = await startInstance({
    dir,
    topologies: TOPOLOGIES,
    campaigns,
    policy,
    time: 'events',
    partitions: 4,
    host: '127.0.0.1',
    port: 0,
    delivery: 'file',
    clickhouse: config().clickhouse ?? 'embedded',
    logger: pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true })),
    onFailure: (error) => {
      say(`The instance failed: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(1);
    },
  });
  try {
    say(`Events of 2026-01-01 to 2026-01-${DAYS} now flow through it.\n`);
    const published = await publishAll(instance, people, say, () => stopping);
    if (stopping) return;
    await settled(instance, say);
    const seconds = (performance.now() - begun) / 1000;
    process.stdout.write(await summaryText(instance, { campaigns, currency: policy.currency }));
    process.stdout.write(
      `\n${published.toLocaleString('en-US')} events in ${seconds.toFixed(1)} s, everything included.\n`,
    );
    const serving = process.stdout.isTTY === true;
    process.stdout.write(await nextSteps(instance, dir, serving));
    if (serving) await stop;
  } finally {
    await instance.stop();
  }
}

/** Publishes tables first, then the events day by day; resolves to the number of events. */
async function publishAll(
  { log, serde }: Instance,
  { profiles: known, consents: agreed, events: happened }: Population,
  say: (line: string) => void,
  isStopping: () => boolean,
): Promise<number> {
  const publisher = new Publisher(log, serde);
  await publisher.publish(profiles, known);
  await publisher.publish(consents, agreed);
  let count = 0;
  let told = performance.now();
  let batch: unknown[] = [];
  for (const event of happened) {
    batch.push(event);
    count++;
    if (batch.length < BATCH) continue;
    await publisher.publish(events, batch);
    batch = [];
    if (isStopping()) return count;
    // The instance shares this process: it gets its turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - told < TELL_EVERY) continue;
    told = performance.now();
    say(
      await progressText(
        log,
        `${new Date(event.occurredAt).toISOString().slice(0, 10)}  ${count.toLocaleString('en-US')} events`,
      ),
    );
  }
  await publisher.publish(events, batch);
  await publisher.advance(FROM + (DAYS + 1) * DAY);
  return count;
}

async function settled({ log, worker }: Instance, say: (line: string) => void): Promise<void> {
  let told = performance.now();
  for (let quiet = 0; quiet < 3; quiet = worker.quiet ? quiet + 1 : 0) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (performance.now() - told < TELL_EVERY) continue;
    told = performance.now();
    say(await progressText(log, 'all published'));
  }
}

async function progressText(log: Instance['log'], what: string): Promise<string> {
  const parts = [what];
  for (const topic of [sessions, signals, decisions, sends]) {
    let count = 0;
    for (let partition = 0; partition < log.partitions(topic.topic); partition++) {
      count += await log.endOffset({ topic: topic.topic, partition });
    }
    parts.push(`${count.toLocaleString('en-US')} ${topic.name}`);
  }
  return parts.join('  ');
}

async function summaryText({ log, serde, worker }: Instance, options: ReportOptions): Promise<string> {
  const tally = new Tally({ receipts: false });
  for (const topic of [sessions, signals, decisions, sends] as readonly Topic<unknown>[]) {
    for await (const values of readTopic(log, serde, topic)) for (const value of values) tally.output(topic, value);
  }
  const counts = tally.input('events');
  for (const { task, processed, late, duplicate, deadLetters } of worker.status().tasks) {
    if (!task.startsWith('engage.')) continue;
    counts.processed += processed;
    counts.late += late;
    counts.duplicate += duplicate;
    counts.deadLetters += deadLetters;
  }
  counts.read = counts.processed + counts.late + counts.duplicate + counts.deadLetters;
  return reportText(tally.summary(), options);
}

async function nextSteps({ log, serde, url, clickhouseUrl }: Instance, dir: string, serving: boolean): Promise<string> {
  const examples = new Map<string, string>();
  for await (const values of readTopic(log, serde, decisions)) {
    for (const { outcome, reason, userId } of values) {
      const what = reason ?? outcome;
      if (outcome !== 'scheduled' && !examples.has(what)) examples.set(what, userId);
    }
  }
  const beckon = 'npm run -s beckon --';
  const asked = ['sent', 'frequency-cap', 'no-consent'].filter((what) => examples.has(what));
  const lines = ['', 'Ask why a user got a message, or none:'];
  for (const what of asked) lines.push(`  ${beckon} explain ${examples.get(what)} --dir ${dir}    # ${what}`);
  lines.push(
    'Read what was decided and sent:',
    `  ${beckon} topics read decisions --dir ${dir}`,
    `  cat ${dir}/outbox/messages.ndjson`,
  );
  const sql = 'SELECT campaign_id, outcome, reason, count() FROM beckon.decisions GROUP BY ALL ORDER BY ALL';
  if (serving) {
    lines.push('Ask the data:', `  curl '${clickhouseUrl}/' --data-binary "${sql}"`);
    lines.push('', `The instance serves at ${url} until you press Ctrl-C.`);
  } else {
    lines.push('Go on with this instance, and ask its ClickHouse:', `  ${beckon} start --dir ${dir} --time events`);
  }
  lines.push('', "Then write a campaign of your own: README.md, 'A first campaign'.", '');
  return lines.join('\n');
}
