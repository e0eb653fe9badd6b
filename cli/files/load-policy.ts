// policy.yaml from disk.
import { type Policy, parsePolicy } from '../../schemas/policy.ts';
import { type FileProblem, readYaml } from './read-yaml.ts';

export interface LoadedPolicy {
  /** null: the problems say why. */
  readonly policy: Policy | null;
  readonly problems: readonly FileProblem[];
}

/** Reads the policy's file; never throws for what is wrong with it. */
export function loadPolicy(file: string): LoadedPolicy {
  const yaml = readYaml(file);
  if (!yaml.ok) return { policy: null, problems: yaml.problems };
  const parsed = parsePolicy(yaml.value);
  if (parsed.ok) return { policy: parsed.value, problems: [] };
  return {
    policy: null,
    problems: parsed.problems.map((found) => ({ ...found, file, ...yaml.placeOf(found.keys) })),
  };
}
