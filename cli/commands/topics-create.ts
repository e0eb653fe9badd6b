// `beckon topics create`: every topic on a cluster.
import { Command } from 'commander';
import { config } from '../../runtime/config.ts';
import { formatDuration } from '../../schemas/durations.ts';
import { defaultPolicy, type Policy } from '../../schemas/policy.ts';
import { campaigns } from '../../schemas/topics.ts';
import { columns } from '../columns.ts';
import { newestPolicy, readDefinitions } from '../definitions.ts';
import { BadInput } from '../errors.ts';
import { accepted, loadDefinitions } from '../files/load-definitions.ts';
import { countOption } from '../options.ts';
import { type ClusterPlace, clusterPlace } from '../place.ts';
import { say } from '../say.ts';
import { type CreatedTopic, createAll } from '../topics/create.ts';

const EXAMPLES = `
Makes every topic, the dead letters and the changelogs, where they are missing, with their clean-up and retention, and registers
the schemas with compatibility BACKWARD. What exists is never changed: a setting that differs is told with the command that sets
it. Where numbers of partitions can't work together nothing is made, and each command that mends it is told (exit code 2).

Retention comes from the policy's \`retention\`; topics it does not name keep their records for ever. It counts from the times
of the events themselves: what is older than it when it is published, as a backfill is, may be deleted before it is read.

Examples:
  $ beckon topics create --partitions 8 --replication 3
  $ beckon topics create --policy policy.yaml
`;

interface Options {
  readonly partitions?: number;
  readonly replication?: number;
  readonly policy?: string;
  readonly json?: boolean;
}

export function topicsCreateCommand(): Command {
  return new Command('create')
    .description('make every topic on the cluster that KAFKA_BROKERS names, and register the schemas')
    .option(
      '--partitions <number>',
      'of topics that are missing (default: as those that exist have it, else 4)',
      countOption,
    )
    .option('--replication <number>', "copies of each (default: KAFKA_REPLICATION, else the cluster's)", countOption)
    .option('--policy <file>', 'policy file that says how long records are kept (default: that on the log)')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => create(options));
}

async function create({ partitions, replication, policy: file, json = false }: Options): Promise<void> {
  const given = file === undefined ? undefined : policyOf(file);
  const { kafka } = config();
  if (kafka === undefined) {
    throw new BadInput(
      'topics create: KAFKA_BROKERS is not set; set it to the cluster (host:port), or run `beckon start`, which makes the topics of the embedded log itself',
    );
  }
  const brokers = kafka.brokers.join(',');
  const cluster = await clusterPlace(replication === undefined ? kafka : { ...kafka, replication }, false);
  let rows: readonly CreatedTopic[];
  try {
    const policy = given ?? (await policyOnLog(cluster));
    rows = await createAll(cluster.log, { partitions, policy, brokers });
  } finally {
    await cluster.close();
  }
  if (json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else process.stdout.write(tableOf(rows));
  for (const line of advice(rows, brokers)) say(line);
}

/** Throws `BadInput`. */
function policyOf(policyFile: string): Policy {
  const [{ policy }] = accepted([loadDefinitions({ folder: undefined, policyFile })], () => {});
  return policy;
}

async function policyOnLog({ log, serde }: ClusterPlace): Promise<Policy> {
  const { size } = await log.existing([campaigns.topic]);
  return size === 0 ? defaultPolicy : newestPolicy((await readDefinitions(log, serde)).definitions);
}

function tableOf(rows: readonly CreatedTopic[]): string {
  return columns(
    ['TOPIC', 'PARTITIONS', 'CLEANUP', 'RETENTION', 'OUTCOME'],
    rows.map(({ topic, partitions, cleanup, retentionMs, outcome }) => [
      topic,
      String(partitions),
      cleanup,
      retentionMs === null ? 'for ever' : formatDuration(retentionMs),
      outcome,
    ]),
    ['PARTITIONS'],
  );
}

/** A line for each topic whose settings differ, with the command that sets them. */
function advice(rows: readonly CreatedTopic[], brokers: string): readonly string[] {
  return rows
    .filter(({ deviations }) => deviations.length > 0)
    .map(({ topic, deviations }) => {
      const found = deviations.map(({ name, found: is, wanted }) => `${name} is ${is ?? 'not set'}, not ${wanted}`);
      const settings = deviations.map(({ name, wanted }) => `${name}=${wanted}`).join(',');
      const command = `kafka-configs.sh --bootstrap-server ${brokers} --alter --entity-type topics --entity-name ${topic} --add-config ${settings}`;
      return `topic ${topic} differs: ${found.join('; ')}: run \`${command}\``;
    });
}
