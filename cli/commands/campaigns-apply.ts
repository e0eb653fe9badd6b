// `beckon campaigns apply`: puts campaign files and policy in force, wherever instances run.
import { Command } from 'commander';
import { config } from '../../runtime/config.ts';
import { type Campaign, campaignFromJson } from '../../schemas/campaign.ts';
import { DEFAULT_TENANT, Definitions, POLICY_ID } from '../../schemas/definitions.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { campaigns, keyOf } from '../../schemas/topics.ts';
import type { CampaignDefinition } from '../../schemas/types.ts';
import { columns } from '../columns.ts';
import { changedDefinitions, type KnownDefinitions, newestPolicy } from '../definitions.ts';
import { BadInput, RunFailed } from '../errors.ts';
import { accepted, loadDefinitions } from '../files/load-definitions.ts';
import { holdsLog } from '../instance.ts';
import { addressOf, askJson, runningInstance } from '../instance-client.ts';
import { TENANT_OPTION, tenantOption, timeOption } from '../options.ts';
import { say } from '../say.ts';
import { openTarget, type Target } from '../target.ts';

const HELP = `
Publishes every campaign, and the policy where a file is named, whose content differs from what is on the log, as its next
version; running instances take it up without a restart. A change is in force from now on (or from --effective-from on); requests
made before are decided by the version that was in force at their time. A first version has been in force since ever. Campaigns
that are on the log and not in the folder are left alone, unless --prune ends them. --tenant: they are that tenant's, and nobody
else's are looked at; a tenant without a policy of its own has that of tenant default. Every problem in a file ends it before
anything is published (exit code 2).

Examples:
  $ beckon campaigns apply campaigns --policy policy.yaml
  $ beckon campaigns apply campaigns --prune --dry-run
  $ beckon campaigns apply acme/campaigns --policy acme/policy.yaml --tenant acme
  $ beckon campaigns apply campaigns --effective-from 2026-04-01T00:00:00Z
`;

interface Options {
  readonly tenant: string;
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
    .option(TENANT_OPTION, 'whose the campaigns and the policy are', tenantOption, DEFAULT_TENANT)
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
  const { tenant: tenantId, policy: policyFile, dryRun = false, prune = false, effectiveFrom } = options;
  const paths = { tenantId, folder, policyFile };
  const url = options.url === undefined ? await runningInstance(options.dir) : addressOf(options.url);
  // Without a policy's file campaigns are held to the policy on the log. Else all is said before a new folder is made.
  const isNew = url === undefined && config().kafka === undefined && !holdsLog(options.dir);
  const early = policyFile === undefined && !isNew ? undefined : accepted([loadDefinitions(paths)], say)[0];
  const target = await openTarget(options.dir, url);
  try {
    const known = await knownAt(target);
    const inForce = newestPolicy(known.definitions, tenantId);
    const { policy, campaigns: wanted } = early ?? accepted([loadDefinitions(paths, inForce)], say)[0];
    const time =
      url === undefined ? 'wall' : (await askJson<{ readonly time?: 'wall' | 'events' }>(url, '/v1/status')).time;
    const gone = goneFrom(known, tenantId, wanted);
    const ended = prune ? gone.map((campaign): Campaign => ({ ...campaign, status: 'ended' })) : [];
    const changes = changedDefinitions(known, {
      tenantId,
      campaigns: [...wanted, ...ended],
      policy: policyFile === undefined ? undefined : policy,
      time: time ?? 'wall',
      effectiveFrom,
    });
    if (!dryRun && changes.length > 0) await target.publish(campaigns, changes);
    process.stdout.write(tableOf({ known, tenantId, wanted, kept: prune ? [] : gone, ended, changes }));
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

/** Campaigns of the tenant on the log that have not ended and are not in the folder. */
function goneFrom({ newest }: KnownDefinitions, tenant: string, wanted: readonly Campaign[]): readonly Campaign[] {
  const here = new Set([POLICY_ID, ...wanted.map(({ id }) => id)]);
  return [...newest.values()].flatMap(({ tenantId, campaignId, definition }) => {
    if (tenantId !== tenant || here.has(campaignId)) return [];
    const parsed = campaignFromJson(definition);
    if (!parsed.ok)
      throw new RunFailed(`the campaign ${campaignId} on the log can't be read: ${parsed.problems[0]?.reason}`);
    return parsed.value.status === 'ended' ? [] : [parsed.value];
  });
}

interface Applied {
  readonly known: KnownDefinitions;
  readonly tenantId: string;
  readonly wanted: readonly Campaign[];
  readonly kept: readonly Campaign[];
  readonly ended: readonly Campaign[];
  readonly changes: readonly CampaignDefinition[];
}

function tableOf({ known: { definitions, newest }, tenantId, wanted, kept, ended, changes }: Applied): string {
  const changed = new Map(changes.map((change) => [change.campaignId, change]));
  const row = (id: string, unchanged: string, other?: string): string[] => {
    const change = changed.get(id);
    const known = newest.get(keyOf(tenantId, id));
    const { version, effectiveFrom } = change ?? known ?? { version: 0, effectiveFrom: 0 };
    const outcome = change === undefined ? unchanged : (other ?? (known === undefined ? 'new' : 'changed'));
    return [id, String(version), effectiveFrom === 0 ? 'ever' : new Date(effectiveFrom).toISOString(), outcome];
  };
  const hasPolicy = definitions.hasPolicy(tenantId) || changed.has(POLICY_ID);
  return columns(
    ['CAMPAIGN', 'VERSION', 'SINCE', 'OUTCOME'],
    [
      hasPolicy ? row(POLICY_ID, 'unchanged') : [POLICY_ID, '-', '-', `none of its own: that of ${DEFAULT_TENANT}`],
      ...wanted.map(({ id }) => row(id, 'unchanged')),
      ...ended.map(({ id }) => row(id, 'unchanged', 'ended')),
      ...kept.map(({ id }) => row(id, 'not in the folder, left alone')),
    ],
    ['VERSION'],
  );
}
