// `beckon topics describe`: partitions, records, retention and lag.
import { Command } from 'commander';
import type { TopicOverview } from '../../api/topic-overview.ts';
import { formatDuration } from '../../schemas/durations.ts';
import { columns } from '../columns.ts';
import { atPlace, type PlaceFlags } from '../place.ts';
import { describeTopics } from '../topics/describe.ts';

const EXAMPLES = `
RECORDS counts offsets from the first kept to the last: on Kafka the marks of transactions and what was compacted away are among
them. LAG is what each group has yet to process; ? where it is not known here, because other instances run those tasks.

Examples:
  $ beckon topics describe
  $ beckon topics describe --json | jq '.[] | select(.name == "events") | .lag'
`;

interface Options extends PlaceFlags {
  readonly json?: boolean;
}

export function topicsDescribeCommand(): Command {
  return new Command('describe')
    .description('show every topic: partitions, records, retention, and how far each group lags behind')
    .option('--dir <folder>', "the instance's folder; whether it runs or not", '.beckon')
    .option(
      '--url <url>',
      "a running instance's address (default: the cluster that KAFKA_BROKERS names, else the folder)",
    )
    .option('--json', 'as JSON, with the offsets of each partition')
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => describe(options));
}

async function describe({ json = false, ...flags }: Options): Promise<void> {
  const topics = await atPlace(flags, describeTopics);
  process.stdout.write(json ? `${JSON.stringify(topics, null, 2)}\n` : tableOf(topics));
}

function tableOf(topics: readonly TopicOverview[]): string {
  return columns(
    ['TOPIC', 'PARTITIONS', 'RECORDS', 'CLEANUP', 'RETENTION', 'LAG'],
    topics.map(({ topic, partitions, cleanup, retentionMs, lag }) => [
      topic,
      String(partitions.length),
      String(partitions.reduce((sum, { begin, end }) => sum + end - begin, 0)),
      cleanup === 'compact' ? 'compact' : 'delete',
      retentionMs === null ? 'for ever' : formatDuration(retentionMs),
      Object.entries(lag)
        .map(([group, left]) => `${group} ${left ?? '?'}`)
        .join(', ') || '-',
    ]),
    ['PARTITIONS', 'RECORDS'],
  );
}
