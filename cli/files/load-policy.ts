// policy.yaml from disk.
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { type Policy, parsePolicy } from '../../schemas/policy.ts';
import { type Problem, problem } from '../../schemas/problems.ts';
import { type FileProblem, readYaml } from './read-yaml.ts';

/** What holds for every tenant at once: the tasks' time, and the topics. It is read of the default tenant's policy. */
const INSTALLATION_KEYS = ['lateness', 'maxJump', 'retention'];

export interface LoadedPolicy {
  /** null: the problems say why. */
  readonly policy: Policy | null;
  readonly problems: readonly FileProblem[];
}

/** Reads the policy's file of a tenant; never throws for what is wrong with it. */
export function loadPolicy(file: string, tenantId: string = DEFAULT_TENANT): LoadedPolicy {
  const yaml = readYaml(file);
  if (!yaml.ok) return { policy: null, problems: yaml.problems };
  const parsed = parsePolicy(yaml.value);
  const found = [...(parsed.ok ? [] : parsed.problems), ...(tenantId === DEFAULT_TENANT ? [] : surplus(yaml.value))];
  return {
    policy: parsed.ok ? parsed.value : null,
    problems: found.map((each) => ({ ...each, file, ...yaml.placeOf(each.keys) })),
  };
}

/** Warnings for what a tenant can't have of its own. */
function surplus(policy: unknown): readonly Problem[] {
  if (typeof policy !== 'object' || policy === null) return [];
  return INSTALLATION_KEYS.filter((key) => key in policy).map((key) => ({
    ...problem(
      [key],
      'is for all tenants at once, so it has no effect here',
      `set it in the policy of ${DEFAULT_TENANT}`,
    ),
    severity: 'warning',
  }));
}
