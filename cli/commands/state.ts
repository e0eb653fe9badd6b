// `beckon state`: what is kept of a user or a campaign.
import { Command, Option } from 'commander';
import { topologies } from '../../api/catalogue.ts';
import { type ReadableState, readState } from '../../api/state.ts';
import { placeOf } from '../../api/state-routes.ts';
import { config } from '../../runtime/config.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import type { Topology } from '../../topologies/graph.ts';
import { BadInput } from '../errors.ts';
import { askJson, runningInstance } from '../instance-client.ts';
import { TENANT_OPTION, tenantOption } from '../options.ts';
import { openPlace, type PlaceFlags } from '../place.ts';
import { printable } from '../printable.ts';
import { stateText } from '../state/text.ts';

const HELP = `
Every cell as its schema says, and the timers that are pending, as of the last commit. On Kafka an instance keeps the state of the
tasks it runs: it says which task keeps the user, and \`/v1/status\` of an instance lists its tasks. Addresses, attributes and
request data are hidden unless --values is given.

Examples:
  $ beckon state inspect user-42
  $ beckon state inspect winback-7d --topology pace
  $ beckon state inspect user-42 --tenant acme --url http://10.0.0.7:7077 --json
`;

interface Flags extends PlaceFlags {
  readonly tenant: string;
  readonly topology: string;
  readonly values?: boolean;
  readonly json?: boolean;
}

export function stateCommand(): Command {
  const command = new Command('state').addHelpText('after', '\nExamples:\n  $ beckon state inspect user-42\n');
  command
    .command('inspect')
    .description('show what is kept of a user, or of a campaign')
    .argument('<id>', 'id of the user; for pace, of the campaign')
    .option(TENANT_OPTION, 'whose user or campaign it is', tenantOption, DEFAULT_TENANT)
    .addOption(
      new Option('--topology <name>', 'who keeps it').choices(topologies.map(({ name }) => name)).default('engage'),
    )
    .option('--dir <folder>', "the instance's folder; whether it runs or not", '.beckon')
    .option('--url <url>', "the running instance's address (default: as the folder says)")
    .option('--values', 'show addresses, attributes and data too')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((id: string, flags: Flags) => inspect(id, flags));
  return command;
}

async function inspect(id: string, flags: Flags): Promise<void> {
  if (id === '') throw new BadInput('the user or campaign has no id; name one');
  const { tenant, topology: name, values = false, json = false, dir } = flags;
  const topology = topologies.find((t) => t.name === name) as Topology;
  const url = flags.url ?? (await runningInstance(dir));
  if (url === undefined && config().kafka !== undefined) {
    throw new BadInput(
      `no instance runs on ${dir}, and state is with the instances that run the tasks: name one with --url, such as http://127.0.0.1:7077`,
    );
  }
  const place = await openPlace(url === undefined ? { dir } : { dir, url });
  let state: ReadableState | undefined;
  if (place.kind === 'instance') {
    const query = { tenant, id, topology: name, personal: values };
    state = await askJson<ReadableState>(place.url, '/v1/state', query);
  } else {
    try {
      const { key, partition } = placeOf(place.log, topology, tenant, id);
      const task = await place.log.openTask(name, partition);
      state = await readState({ store: task.store, topology, partition, key, personal: values });
      await task.close();
    } finally {
      await place.close();
    }
  }
  if (state === undefined)
    throw new BadInput(`nothing is kept for ${tenant}/${id} in ${name}; check the id and --tenant`);
  process.stdout.write(json ? `${JSON.stringify(state, null, 2)}\n` : printable(stateText(state)));
}
