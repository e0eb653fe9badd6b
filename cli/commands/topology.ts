// `beckon topology`: what the pipeline is made of.
import { Command } from 'commander';
import { Definitions } from '../../schemas/definitions.ts';
import { engage } from '../../topologies/engage.ts';
import { describe } from '../../topologies/graph.ts';
import { pace } from '../../topologies/pace.ts';
import { clickhouse, deliver } from '../../topologies/sinks.ts';

export function topologyCommand(): Command {
  const command = new Command('topology');
  command
    .command('describe')
    .description('print every consumer group: its topics, processors, state and timers')
    .addHelpText('after', '\nExamples:\n  $ beckon topology describe\n')
    .action(() => void process.stdout.write(topologyText()));
  return command;
}

/** The whole graph in words. */
export function topologyText(): string {
  const definitions = new Definitions();
  return describe([engage(definitions), pace(definitions)], [deliver, clickhouse]);
}
