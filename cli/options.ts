// Values of command line options: times, durations, and the campaign and policy files they name.
import { InvalidArgumentError } from 'commander';
import { DateTime } from 'luxon';
import type { Campaign } from '../schemas/campaign.ts';
import { DURATION_MEND, parseDuration } from '../schemas/durations.ts';
import { defaultPolicy, type Policy } from '../schemas/policy.ts';
import { BadInput } from './errors.ts';
import { loadCampaigns } from './files/load-campaigns.ts';
import { loadPolicy } from './files/load-policy.ts';
import { describeProblem } from './files/read-yaml.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;
const LATEST = Date.UTC(2100, 0, 1);

/** Epoch ms of an option's ISO-8601 time with its zone, or of epoch ms. */
export function timeOption(text: string): number {
  const time = /^\d{1,15}$/.test(text)
    ? Number(text)
    : TIME.test(text)
      ? DateTime.fromISO(text).toMillis()
      : Number.NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError('Write a time with its zone, such as 2026-01-31T09:00:00Z, or epoch milliseconds.');
  }
  if (time >= LATEST || time < 0) throw new InvalidArgumentError('Write a time from 1970-01-01 to before 2100-01-01.');
  return time;
}

/** Milliseconds of an option's duration; zero is one. */
export function durationOption(text: string): number {
  try {
    return parseDuration(text, { min: 0 });
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}: ${DURATION_MEND}.`);
  }
}

/** The policy of a file, the default one where none is named. Throws `BadInput` with every problem. */
export function policyFrom(file: string | undefined): Policy {
  if (file === undefined) return defaultPolicy;
  const { policy, problems } = loadPolicy(file);
  if (policy === null) throw new BadInput(...problems.map(describeProblem));
  return policy;
}

/** The campaigns of a folder; warnings are handed to `warn`. Throws `BadInput` with every problem. */
export function campaignsFrom(folder: string, policy: Policy, warn: (line: string) => void): readonly Campaign[] {
  const { campaigns, problems } = loadCampaigns(folder, policy);
  if (problems.some(({ severity }) => severity === 'error')) throw new BadInput(...problems.map(describeProblem));
  for (const found of problems) warn(describeProblem(found));
  return campaigns;
}

/** Policy and campaigns, checked together; warnings are handed to `warn`. Throws `BadInput` with every problem of both. */
export function definitionsFrom(
  folder: string,
  policyFile: string | undefined,
  warn: (line: string) => void,
): { readonly policy: Policy; readonly campaigns: readonly Campaign[] } {
  const own = policyFile === undefined ? { policy: defaultPolicy, problems: [] } : loadPolicy(policyFile);
  const { campaigns, problems } = loadCampaigns(folder, own.policy);
  const all = [...own.problems, ...problems];
  if (own.policy === null || all.some(({ severity }) => severity === 'error')) {
    throw new BadInput(...all.map(describeProblem));
  }
  for (const found of problems) warn(describeProblem(found));
  return { policy: own.policy, campaigns };
}

/** A port number, 0 included. */
export function portOption(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('Write a port from 0 to 65535.');
  return port;
}

/** A whole number from 1 to 1000. */
export function countOption(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= 1 && count <= 1000)) throw new InvalidArgumentError('Write a whole number from 1 to 1000.');
  return count;
}
