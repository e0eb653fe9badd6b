// `beckon campaigns apply`: puts campaign files and policy in force, wherever instances run.
import { Command } from 'commander';
import { type Campaign, campaignFromJson } from '../../schemas/campaign.ts';
import { Definitions, POLICY_ID } from '../../schemas/definitions.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { defaultPolicy } from '../../schemas/policy.ts';
import { campaigns, keyOf } from '../../schemas/topics.ts';
import type { CampaignDefinition } from '../../schemas/types.ts';
import { columns } from '../columns.ts';
import { changedDefinitions, type KnownDefinitions, newestPolicy } from '../definitions.ts';
import { BadInput, RunFailed } from '../errors.ts';
import { campaignsFrom, policyFrom, timeOption } from '../options.ts';
import { askJson } from '../place.ts';
import { openTarget, runningInstance, type Target } from '../target.ts';

const TENANT = 'default';

const HELP = `
Publishes every campaign, and the policy where a file is named, whose content differs from what is on the log, as its next
version; running instances take it up without a restart. A change is in force from now on (or from --effective-from on); requests
made before are decided by the version that was in force at their time. A first version has been in force since ever. Campaigns
that are on the log and not in the folder are left alone, unless --prune ends them. Every problem in a file ends it before
anything is published (exit code 2).

Examples:
  $ beckon campaigns apply campaigns --policy policy.yaml
  $ beckon campaigns apply campaigns --prune --dry-run
  $ beckon campaigns apply campaigns --effective-from 2026-04-01T00:00:00Z
`;

interface Options {
  readonly policy?: string;
  readonly prune?: boolean;
  readonly dryRun?: boolean;
  readonly effectiveFrom?: number;
  readonly dir: string;
  readonly url?: string;
}

export function campaignsApplyCommand(): Command {
  return new Command('apply')
    .description('publish what is new or changed in a folder of campaign files')
    .argument('<dir>', 'folder that holds the *.yaml files')
    .option('--policy <file>', 'policy.yaml to publish too (default: the policy on the log stays)')
    .option('--prune', 'end the campaigns that are on the log and not in the folder')
    .option(
      '--effective-from <time>',
      'when changes take effect (default: now; where time follows events: since ever)',
      timeOption,
    )
    .option('--dry-run', 'say what would be published')
    .option('--dir <folder>', "the instance's folder", '.beckon')
    .option(
      '--url <url>',
      "a running instance's address (default: as the folder says, else the cluster that KAFKA_BROKERS names)",
    )
    .addHelpText('after', HELP)
    .action((folder: string, options: Options) => apply(folder, options));
}

async function apply(folder: string, options: Options): Promise<void> {
  if (folder === '') throw new BadInput('the folder has no name; name the one that holds the campaigns');
  const say = (line: string): void => void process.stderr.write(`beckon: ${line}\n`);
  const given = options.policy === undefined ? undefined : policyFrom(options.policy);
  // What is wrong by itself is refused before anything is opened, and a new folder made.
  if (given !== undefined) campaignsFrom(folder, given, () => {});
  const { dryRun = false, prune = false, effectiveFrom } = options;
  const url = options.url ?? (await runningInstance(options.dir));
  const target = await openTarget(options.dir, url);
  try {
    const known = await knownAt(target);
    const wanted = campaignsFrom(folder, given ?? newestPolicy(known.definitions) ?? defaultPolicy, say);
    const time =
      url === undefined ? 'wall' : (await askJson<{ readonly time?: 'wall' | 'events' }>(url, '/v1/status')).time;
    const gone = goneFrom(known, wanted);
    const ended = prune ? gone.map((campaign): Campaign => ({ ...campaign, status: 'ended' })) : [];
    const changes = changedDefinitions(known, {
      campaigns: [...wanted, ...ended],
      policy: given,
      time: time ?? 'wall',
      effectiveFrom,
    });
    if (!dryRun && changes.length > 0) await target.publish(campaigns, changes);
    process.stdout.write(tableOf(known, wanted, prune ? [] : gone, ended, changes));
    const count = `${changes.length} ${changes.length === 1 ? 'definition' : 'definitions'}`;
    say(dryRun ? `${count} would be published to ${target.name}` : `${count} published to ${target.name}`);
  } finally {
    await target.close();
  }
}

/** All definitions of a place, as its `campaigns` topic has them. */
async function knownAt(target: Target): Promise<KnownDefinitions> {
  const definitions = new Definitions();
  const newest = new Map<string, CampaignDefinition>();
  const form = jsonForm(campaigns);
  const decoder = new TextDecoder();
  let rest = '';
  const take = (line: string): void => {
    if (line === '') return;
    const record = form.read(JSON.parse(line));
    definitions.apply(record);
    newest.set(campaigns.keyOf(record), record);
  };
  for await (const piece of target.read(campaigns.name)) {
    const lines = `${rest}${typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true })}`.split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  }
  take(rest);
  return { definitions, newest };
}

/** Campaigns on the log that have not ended and are not in the folder. */
function goneFrom({ newest }: KnownDefinitions, wanted: readonly Campaign[]): readonly Campaign[] {
  const here = new Set([POLICY_ID, ...wanted.map(({ id }) => id)]);
  return [...newest.values()].flatMap(({ tenantId, campaignId, definition }) => {
    if (tenantId !== TENANT || here.has(campaignId)) return [];
    const parsed = campaignFromJson(definition);
    if (!parsed.ok)
      throw new RunFailed(`the campaign ${campaignId} on the log can't be read: ${parsed.problems[0]?.reason}`);
    return parsed.value.status === 'ended' ? [] : [parsed.value];
  });
}

function tableOf(
  { newest }: KnownDefinitions,
  wanted: readonly Campaign[],
  kept: readonly Campaign[],
  ended: readonly Campaign[],
  changes: readonly CampaignDefinition[],
): string {
  const changed = new Map(changes.map((change) => [change.campaignId, change]));
  const row = (id: string, unchanged: string, other?: string): string[] => {
    const change = changed.get(id);
    const known = newest.get(keyOf(TENANT, id));
    const { version, effectiveFrom } = change ?? known ?? { version: 0, effectiveFrom: 0 };
    const outcome = change === undefined ? unchanged : (other ?? (known === undefined ? 'new' : 'changed'));
    return [id, String(version), effectiveFrom === 0 ? 'ever' : new Date(effectiveFrom).toISOString(), outcome];
  };
  return columns(
    ['CAMPAIGN', 'VERSION', 'SINCE', 'OUTCOME'],
    [
      row(POLICY_ID, 'unchanged'),
      ...wanted.map(({ id }) => row(id, 'unchanged')),
      ...ended.map(({ id }) => row(id, 'unchanged', 'ended')),
      ...kept.map(({ id }) => row(id, 'not in the folder, left alone')),
    ],
    ['VERSION'],
  );
}
