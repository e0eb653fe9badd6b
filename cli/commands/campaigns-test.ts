// `beckon campaigns test`: runs the scenarios that lie beside campaign files.
import { Command } from 'commander';
import { systemClock } from '../../runtime/clock.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { BadInput, RunFailed } from '../errors.ts';
import { accepted, loadDefinitions } from '../files/load-definitions.ts';
import { TENANT_OPTION, tenantOption } from '../options.ts';
import { say } from '../say.ts';
import { loadScenarios, type Scenario } from '../scenarios/load.ts';
import { outcomeText } from '../scenarios/report.ts';
import { runScenario } from '../scenarios/run.ts';

const HELP = `
Scenarios are *.test.yaml files beside the campaigns: what is given (a profile, consents, events), how long to wait, and what to
expect. They run on the real pipeline under virtual time, in milliseconds. docs/testing.md describes the files.
A failure shows what was expected (-), what happened (+), and the steps of each decision that was not expected.

Exit codes: 0 every scenario passed, 1 one failed, 2 a file is wrong.

Examples:
  $ beckon campaigns test examples/campaigns
  $ beckon campaigns test campaigns --policy policy.yaml --filter winback
`;

interface Options {
  readonly tenant: string;
  readonly policy?: string;
  readonly filter?: string;
}

export function campaignsTestCommand(): Command {
  return new Command('test')
    .description('run the scenarios of a folder of campaign files')
    .argument('<dir>', 'folder that holds the campaigns and their *.test.yaml files')
    .option('--policy <file>', 'policy.yaml (default: the built-in policy)')
    .option(
      TENANT_OPTION,
      'whose campaigns they are: who is held out, and gets which variant, goes by it',
      tenantOption,
      DEFAULT_TENANT,
    )
    .option('--filter <text>', 'only scenarios with this text in their name or in that of their file')
    .addHelpText('after', HELP)
    .action((folder: string, options: Options) => test(folder, options));
}

function test(folder: string, { tenant: tenantId, policy: policyFile, filter }: Options): void {
  if (folder === '') throw new BadInput('the folder has no name; name the one that holds the campaigns');
  const loaded = loadDefinitions({ tenantId, folder, policyFile });
  const { scenarios, problems } = loadScenarios(folder, loaded, tenantId);
  const [{ policy, campaigns }] = accepted([loaded], say, { problems });
  const wanted = scenarios.filter((scenario) => filter === undefined || isNamed(scenario, filter));
  if (wanted.length === 0) {
    throw new BadInput(
      scenarios.length === 0
        ? `${folder}: holds no scenario; put *.test.yaml files beside its campaigns`
        : `--filter ${filter}: fits none of the ${scenarios.length} scenarios; write a part of a name`,
    );
  }
  const startedAt = systemClock.now();
  let failed = 0;
  for (const scenario of wanted) {
    const outcome = runScenario(scenario, campaigns, policy);
    if (!outcome.passed) failed++;
    process.stdout.write(outcomeText(outcome, policy));
  }
  const elapsed = systemClock.now() - startedAt;
  const count = wanted.length === 1 ? '1 scenario' : `${wanted.length} scenarios`;
  process.stdout.write(`${count}: ${wanted.length - failed} passed, ${failed} failed\n`);
  say(`${count} in ${elapsed} ms`);
  if (failed > 0) throw new RunFailed(failed === 1 ? '1 scenario failed' : `${failed} scenarios failed`);
}

function isNamed({ file, name }: Scenario, filter: string): boolean {
  return `${file} ${name}`.toLowerCase().includes(filter.toLowerCase());
}
