// `beckon campaigns diff`: simulates two folders of campaigns over the same files and says what changes.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../../runtime/clock.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { compare, type Difference, type Side } from '../diff/compare.ts';
import { digestOf } from '../diff/digest.ts';
import { differenceText } from '../diff/report.ts';
import { BadInput } from '../errors.ts';
import { accepted, loadDefinitions } from '../files/load-definitions.ts';
import { interruptible } from '../interruptible.ts';
import { durationOption, TENANT_OPTION, tenantOption, timeOption } from '../options.ts';
import { say } from '../say.ts';
import { ProgressLine } from '../simulate/progress.ts';
import { checkInputs, runSimulation, type SimulateOptions } from '../simulation.ts';

const HELP = `
Both folders see the same events, profiles and consents, under virtual time. A message is gained when a user gets more of a campaign
in the second, and lost when fewer; the reason is why it was not sent in the other run: one of the reasons of decisions,
no-campaign where the other folder has no such campaign, not-asked where its trigger or audience made no request there, or scheduled
where it was still to be sent at --until.

Examples:
  $ beckon campaigns diff campaigns campaigns-new --events events.ndjson --profiles profiles.ndjson --consents consents.ndjson
  $ beckon campaigns diff campaigns campaigns --events events.ndjson --policy policy.yaml --policy-after policy-new.yaml --list
  $ beckon campaigns diff a b --events events.ndjson --json
`;

interface Flags {
  readonly tenant: string;
  readonly events: string;
  readonly profiles?: string;
  readonly consents?: string;
  readonly sendRequests?: string;
  readonly policy?: string;
  readonly policyAfter?: string;
  readonly until?: number;
  readonly lateness?: number;
  readonly list?: boolean;
  readonly json?: boolean;
}

export function campaignsDiffCommand(): Command {
  return new Command('diff')
    .description('simulate two folders of campaigns over the same files, and say who would gain and lose a message')
    .argument('<before>', 'folder of campaign files')
    .argument('<after>', 'the folder to compare it with')
    .requiredOption('--events <file>', 'what users did')
    .option('--profiles <file>', 'who they are')
    .option('--consents <file>', 'what they agreed to')
    .option('--send-requests <file>', 'messages asked for from outside')
    .option('--policy <file>', 'policy.yaml of both (default: the built-in policy)')
    .option('--policy-after <file>', 'policy.yaml of the second folder (default: that of both)')
    .option(
      TENANT_OPTION,
      'whose campaigns and policies these are, and records that name no tenant',
      tenantOption,
      DEFAULT_TENANT,
    )
    .option('--until <time>', 'nothing at or after it happens (default: until nothing is pending)', timeOption)
    .option('--lateness <duration>', "how late an event may come (default: the policy's, 5m)", durationOption)
    .option('--list', 'also every user who gains or loses')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((before: string, after: string, flags: Flags) => diff(before, after, flags));
}

async function diff(before: string, after: string, flags: Flags): Promise<void> {
  const { tenant: tenantId, policy: policyFile, policyAfter, list = false, json = false, ...inputs } = flags;
  if ([before, after].includes('')) throw new BadInput('a folder has no name; name the two that hold the campaigns');
  const { paths, refusals } = checkInputs(inputs);
  const [one, other] = accepted(
    [
      loadDefinitions({ tenantId, folder: before, policyFile }),
      loadDefinitions({ tenantId, folder: after, policyFile: policyAfter ?? policyFile }),
    ],
    say,
    { refusals },
  );
  const { currency } = one.policy;
  if (currency !== other.policy.currency) {
    throw new BadInput(`the policies count in ${currency} and ${other.policy.currency}; compare costs of one currency`);
  }
  for (const path of paths) {
    if (!statSync(path).isFile()) throw new BadInput(`${path}: can be read only once; name a file`);
  }
  const sides = [
    { folder: before, ...one },
    { folder: after, ...other },
  ];

  const scratch = mkdtempSync(join(tmpdir(), 'beckon-diff-'));
  try {
    const done: Side[] = [];
    for (const [i, { folder, campaigns, policy }] of sides.entries()) {
      say(`${i + 1} of 2: simulating ${folder}`);
      const digest = await simulated({ ...inputs, tenantId, campaigns, policy, out: join(scratch, String(i)) });
      done.push({ campaigns, digest });
    }
    const difference = compare(...(done as [Side, Side]));
    process.stdout.write(json ? jsonText(difference, list) : differenceText(difference, { tenantId, currency, list }));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function simulated(options: SimulateOptions): Promise<Side['digest']> {
  const progress = new ProgressLine(process.stderr, systemClock);
  const onProgress: SimulateOptions['onProgress'] = (now) => progress.show(now);
  const summary = await interruptible((signal) => runSimulation({ ...options, onProgress, signal })).finally(() =>
    progress.clear(),
  );
  progress.end(Object.values(summary.inputs).reduce((sum, { read }) => sum + read, 0));
  const digest = await digestOf(options.out);
  rmSync(options.out, { recursive: true, force: true });
  return digest;
}

function jsonText({ users, ...rest }: Difference, list: boolean): string {
  return `${JSON.stringify(list ? { ...rest, users } : rest, null, 2)}\n`;
}
