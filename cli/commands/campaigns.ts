// `beckon campaigns`: campaign files, checked and put in force.
import { Command } from 'commander';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { BadInput } from '../errors.ts';
import { accepted, loadDefinitions } from '../files/load-definitions.ts';
import { TENANT_OPTION, tenantOption } from '../options.ts';
import { say } from '../say.ts';
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
    .option(TENANT_OPTION, 'whose they are: some of a policy is for all tenants at once', tenantOption, DEFAULT_TENANT)
    .addHelpText('after', EXAMPLES)
    .action((folder: string, options: ValidateOptions) => validate(folder, options));
  return command
    .addCommand(campaignsApplyCommand())
    .addCommand(campaignsTestCommand())
    .addCommand(campaignsDiffCommand())
    .addCommand(campaignsStatusCommand());
}

interface ValidateOptions {
  readonly tenant: string;
  readonly policy?: string;
}

function validate(folder: string, { tenant: tenantId, policy: policyFile }: ValidateOptions): void {
  if (folder === '') throw new BadInput('the folder has no name; name the one that holds the campaigns');
  const [{ campaigns }] = accepted([loadDefinitions({ tenantId, folder, policyFile })], say);
  const count = campaigns.length === 1 ? '1 campaign' : `${campaigns.length} campaigns`;
  process.stdout.write(`${count} valid\n`);
}
