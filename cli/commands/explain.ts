// `beckon explain`: why a user got a message, or none.
import { Command } from 'commander';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { BadInput } from '../errors.ts';
import { type DatedExplanation, dated, explain, explainUser } from '../explain/explain.ts';
import { type Asked, type AskedOfFolder, storyFromFolder } from '../explain/from-folder.ts';
import { askInstance } from '../explain/from-instance.ts';
import { type Explained, explainFromLog } from '../explain/from-log.ts';
import { holdsLog, openLog } from '../instance.ts';
import { DEFAULT_URL, runningInstance } from '../instance-client.ts';
import { TENANT_OPTION, tenantOption } from '../options.ts';
import { printable } from '../printable.ts';
import { say } from '../say.ts';

const HELP = `
Every request is told gate by gate, with the facts each used. Of campaigns that never asked for a message it says why: the
user's own records are run again to find out. Addresses and message texts are never shown.

Examples:
  $ beckon explain user-42 --from out
  $ beckon explain user-42 --campaign winback-7d --from out
  $ beckon explain user-42 --tenant acme --dir .beckon
`;

interface Flags {
  readonly tenant?: string;
  readonly campaign?: string;
  readonly from?: string;
  readonly dir: string;
  readonly url?: string;
  readonly json?: boolean;
}

export function explainCommand(): Command {
  return new Command('explain')
    .argument('<user>', 'id of the user')
    .option(TENANT_OPTION, "the user's tenant (default: the simulation's with --from, else default)", tenantOption)
    .option('--campaign <id>', 'ask about one campaign alone')
    .option('--from <out>', "a simulation's --out folder (default: ask the running instance)")
    .option('--dir <folder>', "the instance's folder; whether it runs or not", '.beckon')
    .option('--url <url>', `the running instance's address (default: as the folder says, else ${DEFAULT_URL})`)
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((user: string, flags: Flags) => run(user, flags));
}

async function run(
  userId: string,
  { tenant: tenantId, campaign: campaignId, from, dir, url, json = false }: Flags,
): Promise<void> {
  if (userId === '') throw new BadInput('the user has no id; name one');
  const given = { tenantId, userId, campaignId };
  const asked: Asked = { ...given, tenantId: tenantId ?? DEFAULT_TENANT };
  const running = url ?? (from === undefined ? await runningInstance(dir) : undefined);
  if (from === undefined && (running !== undefined || !holdsLog(dir))) {
    const { text, explanation } = await askInstance(running ?? DEFAULT_URL, asked);
    print(json ? jsonText(explanation) : text);
    return;
  }
  const { explanation, text } =
    from === undefined ? await fromFolderOfInstance(dir, asked) : await fromSimulation(from, given);
  if (explanation.problem !== null) throw new BadInput(explanation.problem);
  print(json ? jsonText(dated(explanation)) : text);
}

async function fromSimulation(from: string, asked: AskedOfFolder): Promise<Explained> {
  const story = await storyFromFolder(from, asked, (line) => say(`warning: ${line}`));
  return { explanation: explainUser(story), text: explain(story) };
}

async function fromFolderOfInstance(dir: string, asked: Asked): Promise<Explained> {
  const { log, serde } = await openLog(dir);
  try {
    return await explainFromLog(log, serde, asked);
  } finally {
    await log.close();
  }
}

function jsonText({ tenantId, userId, requests, silent }: DatedExplanation): string {
  return JSON.stringify({ tenantId, userId, requests, silent }, null, 2);
}

function print(text: string): void {
  process.stdout.write(printable(text.endsWith('\n') ? text : `${text}\n`));
}
