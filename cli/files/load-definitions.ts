// The policy and the campaign files that a command is given, read together, so that all that is wrong is told at once.
import type { Campaign } from '../../schemas/campaign.ts';
import { defaultPolicy, type Policy } from '../../schemas/policy.ts';
import { BadInput } from '../errors.ts';
import { type LoadedCampaigns, loadCampaigns } from './load-campaigns.ts';
import { loadPolicy } from './load-policy.ts';
import { describeProblem, type FileProblem } from './read-yaml.ts';

export interface LoadedDefinitions extends LoadedCampaigns {
  /** null: the problems say why. */
  readonly policy: Policy | null;
}

/** Definitions without an error. */
export interface ValidDefinitions {
  readonly policy: Policy;
  readonly campaigns: readonly Campaign[];
}

export interface DefinitionPaths {
  /** Whose they are; absent: the default tenant's. */
  readonly tenantId?: string;
  /** Folder of campaign files; undefined: no campaigns. */
  readonly folder: string | undefined;
  readonly policyFile: string | undefined;
}

/** Reads both; `otherwise` is the policy where no file is named. Never throws for what is wrong with them. */
export function loadDefinitions(
  { tenantId, folder, policyFile }: DefinitionPaths,
  otherwise: Policy = defaultPolicy,
): LoadedDefinitions {
  const { policy, problems } =
    policyFile === undefined ? { policy: otherwise, problems: [] } : loadPolicy(policyFile, tenantId);
  if (folder === undefined) return { campaigns: [], ids: [], policy, problems };
  const loaded = loadCampaigns(folder, policy);
  return { ...loaded, policy, problems: [...problems, ...loaded.problems] };
}

/** What is wrong with other things that the command is given. */
export interface Besides {
  readonly problems?: readonly FileProblem[];
  /** Lines of what makes it impossible. */
  readonly refusals?: readonly string[];
}

/**
 * All of them without errors; warnings are handed to `warn`. Throws `BadInput` with everything that is wrong, each line once, as
 * one file may be among several definitions.
 */
export function accepted<const T extends readonly LoadedDefinitions[]>(
  loaded: T,
  warn: (line: string) => void,
  { problems = [], refusals = [] }: Besides = {},
): { readonly [K in keyof T]: ValidDefinitions } {
  const all = [...loaded.flatMap((one) => one.problems), ...problems];
  const lines = new Set([...all.map(describeProblem), ...refusals]);
  const valid = loaded.flatMap(({ policy, campaigns }) => (policy === null ? [] : [{ policy, campaigns }]));
  const isWrong = valid.length < loaded.length || all.some(({ severity }) => severity === 'error');
  if (isWrong || refusals.length > 0) throw new BadInput(...lines);
  for (const line of lines) warn(line);
  return valid as unknown as { readonly [K in keyof T]: ValidDefinitions };
}
