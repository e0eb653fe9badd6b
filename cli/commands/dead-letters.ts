// `beckon dead-letters`: what could not be taken, and how it goes back once the cause is mended.
import { Command, InvalidArgumentError } from 'commander';
import {
  type DeadLetterFilter,
  type DeadLetterLine,
  listDeadLetters,
  type Replayed,
  replayDeadLetters,
} from '../../api/dead-letters.ts';
import { publishable } from '../../api/publisher.ts';
import { DEAD_LETTERS_NAME } from '../../api/reader.ts';
import { topicNamed } from '../../schemas/topics.ts';
import { columns } from '../columns.ts';
import { BadInput } from '../errors.ts';
import { askJson } from '../instance-client.ts';
import { countOption, TENANT_OPTION, tenantOption, timeOption } from '../options.ts';
import { atPlace, type PlaceFlags } from '../place.ts';
import { say } from '../say.ts';

const INPUTS = publishable.map(({ name }) => name).join(', ');
const DEFAULT_LIMIT = 50;

const LIST_HELP = `
The newest by their records' own times, oldest first. PLACE is the dead letter's own partition and offset; FROM is where the
record was. Values may hold addresses and texts: they are shown with --values alone.

Examples:
  $ beckon dead-letters list
  $ beckon dead-letters list --topic events --code unknown-schema --since 2026-03-01T00:00:00Z
  $ beckon dead-letters list --json --values --limit 1000
`;

const REPLAY_HELP = `
Puts the original bytes back on the original topic under the original key and time, with the header replayed-from. Each dead
letter goes back once: what went back in an earlier replay, or in one that was killed, is left out and counted. A record that
still can't be taken becomes a dead letter anew. What is older than the lateness by now is late: it is counted and triggers
nothing. Without --topic, what producers wrote goes back (${INPUTS}); records of other topics were written by
Beckon and are read by several groups, so they go back only where --topic names them.

Examples:
  $ beckon dead-letters replay --dry-run
  $ beckon dead-letters replay --topic events --code unknown-schema
  $ beckon dead-letters replay --offset 0:17
`;

interface ListOptions extends PlaceFlags {
  readonly topic?: string;
  readonly code?: string;
  readonly tenant?: string;
  readonly since?: number;
  readonly limit: number;
  readonly values?: boolean;
  readonly json?: boolean;
}

interface ReplayOptions extends PlaceFlags {
  readonly topic?: string;
  readonly code?: string;
  readonly tenant?: string;
  readonly offset?: DeadLetterFilter['place'];
  readonly dryRun?: boolean;
}

export function deadLettersCommand(): Command {
  const command = new Command(DEAD_LETTERS_NAME).addHelpText('after', '\nExamples:\n  $ beckon dead-letters list\n');
  common(command.command('list').description('show what could not be taken, and why'))
    .option('--since <time>', "records of this time or later, by the records' own times", timeOption)
    .option('--limit <number>', 'how many, 1 to 1000', countOption, DEFAULT_LIMIT)
    .option('--values', 'show the values too')
    .option('--json', 'a line of JSON each')
    .addHelpText('after', LIST_HELP)
    .action((options: ListOptions) => list(options));
  common(command.command('replay').description('put dead letters back on their topics, each once'))
    .option('--offset <place>', 'one dead letter, by its partition and offset as `list` shows them', placeOption)
    .option('--dry-run', 'say what would go back')
    .addHelpText('after', REPLAY_HELP)
    .action((options: ReplayOptions) => replay(options));
  return command;
}

function common(command: Command): Command {
  return command
    .option('--topic <name>', 'those of one topic')
    .option('--code <code>', 'those of one cause, such as unknown-schema')
    .option(TENANT_OPTION, 'those of one tenant, by their keys (default: of all)', tenantOption)
    .option('--dir <folder>', "the instance's folder; whether it runs or not", '.beckon')
    .option(
      '--url <url>',
      "a running instance's address (default: the cluster that KAFKA_BROKERS names, else the folder)",
    );
}

async function list({
  topic,
  code,
  tenant,
  since,
  limit,
  values = false,
  json = false,
  ...flags
}: ListOptions): Promise<void> {
  const filter = { topic: known(topic), code, tenant, since };
  const { lines, matching } = await atPlace(flags, (place) =>
    place.kind === 'instance'
      ? askJson<Awaited<ReturnType<typeof listDeadLetters>>>(place.url, '/v1/dead-letters', {
          ...filter,
          limit,
          values,
        })
      : listDeadLetters(place.log, filter, limit, values ? place.serde : undefined),
  );
  if (json) for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`);
  else if (lines.length > 0) process.stdout.write(tableOf(lines, values));
  if (matching > lines.length) say(`${matching - lines.length} older ones are not shown; raise --limit`);
  if (matching === 0) say('no dead letters');
}

function tableOf(lines: readonly DeadLetterLine[], values: boolean): string {
  const header = ['PLACE', 'FROM', 'TIME', 'CODE', 'KEY', 'WHY', ...(values ? ['VALUE'] : [])];
  return columns(
    header,
    lines.map((line) => [
      line.place,
      `${line.topic} ${line.partition}:${line.offset}`,
      line.time,
      line.code,
      line.key ?? '-',
      line.message,
      ...(values ? [line.value === undefined ? `base64 ${line.valueBase64 ?? '-'}` : JSON.stringify(line.value)] : []),
    ]),
  );
}

async function replay({ topic, code, tenant, offset, dryRun = false, ...flags }: ReplayOptions): Promise<void> {
  const filter = { topic: known(topic), code, tenant, place: offset };
  const done = await atPlace(flags, (place) =>
    place.kind === 'instance'
      ? askJson<Replayed>(place.url, '/v1/dead-letters/replay', {}, { ...filter, dryRun })
      : replayDeadLetters(place.log, filter, { dryRun }),
  );
  const counts = Object.entries(done.replayed);
  for (const [name, count] of counts) {
    process.stdout.write(`${topicNamed(name)?.name ?? name}: ${count} ${dryRun ? 'would go back' : 'went back'}\n`);
  }
  if (counts.length === 0) process.stdout.write(dryRun ? 'nothing would go back\n' : 'nothing went back\n');
  if (done.already > 0) say(`${done.already} went back in an earlier replay, and not again`);
  if (done.internal > 0)
    say(`${done.internal} are of topics that Beckon writes; name one with --topic to put them back`);
  if (done.lost > 0) say(`${done.lost} are of topics or partitions that are not there any more`);
}

function known(topic: string | undefined): string | undefined {
  if (topic === undefined || topicNamed(topic) !== undefined) return topic;
  throw new BadInput(`--topic: there is no topic "${topic}"; \`beckon topics describe\` lists them`);
}

function placeOption(text: string): { readonly partition: number; readonly offset: number } {
  const [, partition, offset] = /^(\d{1,5}):(\d{1,15})$/.exec(text) ?? [];
  if (partition === undefined || offset === undefined) {
    throw new InvalidArgumentError('Write a partition and an offset as `dead-letters list` shows them, such as 0:17.');
  }
  return { partition: Number(partition), offset: Number(offset) };
}
