// `beckon campaigns`: campaign files, checked and put in force.
import { Command } from 'commander';
import { BadInput } from '../errors.ts';
import { definitionsFrom } from '../options.ts';
import { campaignsApplyCommand } from './campaigns-apply.ts';
import { campaignsDiffCommand } from './campaigns-diff.ts';
import { campaignsStatusCommand } from './campaigns-status.ts';
import { campaignsTestCommand } from './campaigns-test.ts';

const EXAMPLES = `
Every problem is one line: file:line:column: path: what is wrong (how to mend it).
Warnings alone are no failure.

Examples:
  $ beckon campaigns validate examples/campaigns
  $ beckon campaigns validate campaigns --policy policy.yaml
  $ beckon campaigns status winback-7d
`;

export function campaignsCommand(): Command {
  const command = new Command('campaigns').addHelpText('after', EXAMPLES);
  command
    .command('validate')
    .description('check a folder of campaign files, each by itself and all against the policy')
    .argument('<dir>', 'folder that holds the *.yaml files')
    .option('--policy <file>', 'policy.yaml (default: the built-in policy)')
    .addHelpText('after', EXAMPLES)
    .action((folder: string, { policy }: { readonly policy?: string }) => validate(folder, policy));
  return command
    .addCommand(campaignsApplyCommand())
    .addCommand(campaignsTestCommand())
    .addCommand(campaignsDiffCommand())
    .addCommand(campaignsStatusCommand());
}

function validate(folder: string, policyFile: string | undefined): void {
  if (folder === '') throw new BadInput('the folder has no name; name the one that holds the campaigns');
  const { campaigns } = definitionsFrom(folder, policyFile, (line) => void process.stderr.write(`beckon: ${line}\n`));
  const count = campaigns.length === 1 ? '1 campaign' : `${campaigns.length} campaigns`;
  process.stdout.write(`${count} valid\n`);
}
