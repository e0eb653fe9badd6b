// `beckon campaigns status`: how a campaign spends, and what came of it.
import { Command } from 'commander';
import { campaignStatus } from '../../api/campaign-status/model.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { BadInput, RunFailed } from '../errors.ts';
import { addressOf, askJson, runningInstance } from '../instance-client.ts';
import { TENANT_OPTION, tenantOption } from '../options.ts';
import { printable } from '../printable.ts';
import { statusFromFolder } from '../status/from-folder.ts';
import { statusText } from '../status/text.ts';

const HELP = `
Ideal spend by now, what is spent and reserved, in all, today and by channel; increase, reduce or maintain, when spend is more than
10 %, and more than the burst, off the ideal; the daily limit that spends what is left by the budget's end; the cost of a message and
of a conversion, the return on what is spent, and the lift over the holdout. On Kafka the instance whose task of pace keeps the
campaign answers; others say so.

Examples:
  $ beckon campaigns status winback-7d
  $ beckon campaigns status winback-7d --tenant acme --url http://10.0.0.7:7077 --json
  $ beckon campaigns status winback-7d --from out            as of the end of a simulation
  $ beckon campaigns status winback-7d --from out --receipts receipts.ndjson    at what messages really cost
`;

interface Flags {
  readonly tenant?: string;
  readonly from?: string;
  readonly receipts?: string;
  readonly dir: string;
  readonly url?: string;
  readonly json?: boolean;
}

export function campaignsStatusCommand(): Command {
  return new Command('status')
    .description('tell how a campaign spends, and what came of it')
    .argument('<campaign>', 'id of the campaign')
    .option(TENANT_OPTION, "the campaign's tenant (default: the simulation's with --from, else default)", tenantOption)
    .option('--from <out>', "a simulation's --out folder (default: ask the running instance)")
    .option('--receipts <file>', 'what became of its messages, and their cost (default: what the simulation was given)')
    .option('--dir <folder>', "the instance's folder", '.beckon')
    .option('--url <url>', "the running instance's address (default: as the folder says)")
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((id: string, flags: Flags) => tell(id, flags));
}

async function tell(id: string, { tenant, from, receipts, dir, url, json = false }: Flags): Promise<void> {
  if (id === '') throw new BadInput('the campaign has no id; name one');
  if (receipts !== undefined && from === undefined) {
    throw new BadInput('--receipts goes with --from: a running instance hears of its receipts itself');
  }
  const status =
    from === undefined
      ? await fromInstance(id, tenant ?? DEFAULT_TENANT, url ?? (await runningInstance(dir)), dir)
      : await statusFromFolder(from, tenant, id, receipts);
  process.stdout.write(json ? `${JSON.stringify(status, null, 2)}\n` : printable(statusText(status)));
}

async function fromInstance(id: string, tenant: string, url: string | undefined, dir: string) {
  if (url === undefined) {
    throw new BadInput(
      `no instance runs on ${dir}: start one, name one with --url, or a simulation's folder with --from`,
    );
  }
  const address = addressOf(url);
  const path = `/api/v1/outreach/campaigns/${encodeURIComponent(id)}/status`;
  const parsed = campaignStatus.safeParse(await askJson<unknown>(address, path, { tenant }));
  if (!parsed.success) throw new RunFailed(`${address}: answers in a form that this version does not know`);
  return parsed.data;
}
