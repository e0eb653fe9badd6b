// A folder of campaign files from disk, checked one by one, against each other and against the policy.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Campaign, parseCampaign } from '../../schemas/campaign.ts';
import { defaultPolicy, type Policy } from '../../schemas/policy.ts';
import { type Problem, problem } from '../../schemas/problems.ts';
import { checkCampaign } from './check-campaign.ts';
import { type FileProblem, NOWHERE, readYaml, unreadable } from './read-yaml.ts';
import { Templates } from './templates.ts';

export interface LoadedCampaigns {
  /** The valid ones, by id in byte order; all of the folder when no problem is an error. */
  readonly campaigns: readonly Campaign[];
  /** Ids that the files give themselves, whether valid or not; null: one of them does not tell its own. */
  readonly ids: readonly string[] | null;
  /** Errors and warnings, by file name. */
  readonly problems: readonly FileProblem[];
}

/** Scenarios lie beside the campaigns that they test. */
export const SCENARIO_FILE = /^[^.].*\.test\.ya?ml$/;

/**
 * Reads every *.yaml and *.yml file that lies directly in the folder, scenarios (*.test.yaml) apart, and puts in the templates of
 * its templates/. Never throws for what is wrong with them. `policy` null: it is wrong itself, and they are not held to any.
 */
export function loadCampaigns(folder: string, policy: Policy | null = defaultPolicy): LoadedCampaigns {
  const refuse = (reason: string, mend: string): LoadedCampaigns => ({
    campaigns: [],
    ids: null,
    problems: [{ ...problem([], reason, mend), file: folder, ...NOWHERE }],
  });
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => /^[^.].*\.ya?ml$/.test(name) && !SCENARIO_FILE.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR')
      return refuse('is a file, not a folder', 'name the folder it lies in');
    return refuse(...unreadable(error));
  }
  if (names.length === 0)
    return refuse('holds no campaign', 'put *.yaml files directly into it, or name another folder');

  const campaigns: Campaign[] = [];
  const problems: FileProblem[] = [];
  const ids: (string | null)[] = [];
  const fileOf = new Map<string, string>();
  const templates = new Templates(folder);
  for (const name of names.sort()) {
    const { campaign, id, found } = loadCampaign(join(folder, name), name, { policy, fileOf, templates });
    problems.push(...found);
    ids.push(id);
    if (campaign !== null) campaigns.push(campaign);
  }
  problems.push(...templates.problems());
  // Ids are ASCII, so the order of UTF-16 units is that of bytes.
  const sorted = campaigns.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { campaigns: sorted, ids: ids.every((id) => id !== null) ? ids.sort() : null, problems };
}

interface LoadedCampaign {
  readonly campaign: Campaign | null;
  /** As the file gives it; null: it gives none. */
  readonly id: string | null;
  readonly found: readonly FileProblem[];
}

interface Around {
  readonly policy: Policy | null;
  /** The file of every campaign read so far. */
  readonly fileOf: Map<string, string>;
  readonly templates: Templates;
}

function loadCampaign(file: string, name: string, { policy, fileOf, templates }: Around): LoadedCampaign {
  if (/^policy\.ya?ml$/.test(name)) {
    const mend = 'move it out of the folder and name it as the policy';
    return {
      campaign: null,
      id: null,
      found: [{ ...problem([], 'lies among the campaigns', mend), file, ...NOWHERE }],
    };
  }
  const yaml = readYaml(file);
  if (!yaml.ok) return { campaign: null, id: null, found: yaml.problems };
  const id = idOf(yaml.value);
  const inlined = templates.inline(yaml.value);
  const placed = (found: readonly Problem[]): FileProblem[] =>
    found.map((each) => inlined.place(each, (own) => ({ ...own, file, ...yaml.placeOf(own.keys) })));

  // A template's own problems are told once, whoever uses it; the campaign is looked at as if it were the provider's.
  const whole = inlined.ok ? inlined.value : yaml.value;
  const parsed = parseCampaign(whole, policy === null ? null : Object.keys(policy.channels));
  if (!parsed.ok) return { campaign: null, id, found: placed(parsed.problems) };
  const campaign = parsed.value;
  const other = fileOf.get(campaign.id);
  const reason = `"${campaign.id}" is also the id of ${other}`;
  const repeated = other === undefined ? [] : [problem(['id'], reason, 'give one of the two another id')];
  if (other === undefined) fileOf.set(campaign.id, file);
  const checked = policy === null ? [] : checkCampaign(campaign, policy);
  const found = placed([...repeated, ...inlined.warnings, ...checked]);
  const isValid = inlined.ok && !found.some(({ severity }) => severity === 'error');
  return { campaign: isValid ? campaign : null, id, found };
}

function idOf(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return typeof id === 'string' ? id : null;
}
