// `beckon topics`: the topics, and what is on them.
import { once } from 'node:events';
import { Command } from 'commander';
import { DEAD_LETTERS_NAME, isReadable } from '../../api/reader.ts';
import { allTopics } from '../../schemas/topics.ts';
import { BadInput } from '../errors.ts';
import { TENANT_OPTION, tenantOption } from '../options.ts';
import { openTarget } from '../target.ts';
import { topicsCreateCommand } from './topics-create.ts';
import { topicsDescribeCommand } from './topics-describe.ts';

const EXAMPLES = `
Examples:
  $ beckon topics read decisions | grep '"userId":"user-42"'
  $ beckon topics read sends --dir .beckon/demo > sends.ndjson
`;

const NAMES = [...allTopics.map((t) => t.name), DEAD_LETTERS_NAME].join(', ');

export function topicsCommand(): Command {
  const command = new Command('topics');
  command
    .command('read')
    .description('write all records of a topic to stdout as NDJSON, partition by partition')
    .argument('<topic>', NAMES)
    .option(TENANT_OPTION, "one tenant's records (default: of all)", tenantOption)
    .option('--dir <folder>', "the instance's folder", '.beckon')
    .option(
      '--url <url>',
      "the instance's address (default: as the folder says, else the cluster that KAFKA_BROKERS names, else the folder)",
    )
    .addHelpText('after', EXAMPLES)
    .action((topic: string, options: ReadOptions) => read(topic, options));
  return command.addCommand(topicsCreateCommand()).addCommand(topicsDescribeCommand());
}

interface ReadOptions {
  readonly tenant?: string;
  readonly dir: string;
  readonly url?: string;
}

async function read(name: string, { tenant, dir, url }: ReadOptions): Promise<void> {
  if (!isReadable(name)) throw new BadInput(`there is no topic "${name}"; choose from ${NAMES}`);
  const target = await openTarget(dir, url);
  try {
    for await (const piece of target.read(name, tenant))
      if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
  } finally {
    await target.close();
  }
}
