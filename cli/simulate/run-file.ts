// run.json: what a simulation was asked, so that `explain` can replay one user's records as it did.
import { readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { type Campaign, campaignFromJson, campaignToJson } from '../../schemas/campaign.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { type Policy, policyFromJson, policyToJson } from '../../schemas/policy.ts';
import type { Parsed } from '../../schemas/problems.ts';
import { BadInput } from '../errors.ts';

export const RUN_FILE = 'run.json';

const TOOL = 'beckon simulate';

const input = z.object({ path: z.string(), bytes: z.number() });

const model = z.object({
  tool: z.literal(TOOL),
  tenant: z.string().optional(),
  inputs: z.object({
    events: input,
    profiles: input.optional(),
    consents: input.optional(),
    sendRequests: input.optional(),
    receipts: input.optional(),
  }),
  latenessMs: z.number(),
  until: z.iso.datetime().nullable(),
  campaigns: z.array(z.unknown()).nullable(),
  policy: z.unknown(),
});

export interface Run {
  /** Whose the campaigns and the policy are, and the records that name none. */
  readonly tenantId: string;
  /** Paths as given; the file holds absolute ones. */
  readonly inputs: { readonly [name in keyof z.output<typeof model>['inputs']]: string | undefined };
  readonly latenessMs: number;
  /** Epoch ms. */
  readonly until: number | undefined;
  /** Undefined: sessions and signals alone. */
  readonly campaigns: readonly Campaign[] | undefined;
  readonly policy: Policy;
}

/** A run read back, and which of its inputs changed since, in words. */
export interface FormerRun {
  readonly run: Run;
  readonly changed: readonly string[];
}

/** The text for a folder. Paths are relative to it, so that the same run gives the same bytes wherever both lie. */
export function runFileText({ tenantId, inputs, latenessMs, until, campaigns, policy }: Run, folder: string): string {
  const given = Object.entries(inputs).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, { path: relative(resolve(folder), resolve(path)), bytes: statSync(path).size }]],
  );
  const run: z.input<typeof model> = {
    tool: TOOL,
    ...(tenantId === DEFAULT_TENANT ? {} : { tenant: tenantId }),
    inputs: Object.fromEntries(given),
    latenessMs,
    until: until === undefined ? null : new Date(until).toISOString(),
    campaigns: campaigns?.map((campaign) => JSON.parse(campaignToJson(campaign)) as unknown) ?? null,
    policy: JSON.parse(policyToJson(policy)),
  };
  return `${JSON.stringify(run, null, 2)}\n`;
}

/** Whether a text is that of a run.json. */
export function isRunFile(text: string): boolean {
  return parse(text) !== undefined;
}

/** The run whose output is in the folder. Throws `BadInput`. */
export function readRunFile(folder: string): FormerRun {
  let text: string;
  try {
    text = readFileSync(join(folder, RUN_FILE), 'utf8');
  } catch {
    throw new BadInput(`--from ${folder}: holds no ${RUN_FILE}; name the --out folder of a simulation`);
  }
  const file = parse(text);
  if (file === undefined) throw damaged(folder);
  const { inputs, latenessMs, until } = file;
  const taken = <T>(parsed: Parsed<T>): T => {
    if (!parsed.ok) throw damaged(folder);
    return parsed.value;
  };
  const placeOf = (given: { readonly path: string } | undefined): string | undefined =>
    given === undefined ? undefined : resolve(folder, given.path);
  const run: Run = {
    tenantId: file.tenant ?? DEFAULT_TENANT,
    inputs: {
      events: resolve(folder, inputs.events.path),
      profiles: placeOf(inputs.profiles),
      consents: placeOf(inputs.consents),
      sendRequests: placeOf(inputs.sendRequests),
      receipts: placeOf(inputs.receipts),
    },
    latenessMs,
    until: until === null ? undefined : Date.parse(until),
    campaigns: file.campaigns?.map((campaign) => taken(campaignFromJson(JSON.stringify(campaign)))),
    policy: taken(policyFromJson(JSON.stringify(file.policy))),
  };
  const changed = Object.values(inputs).flatMap((given) => {
    if (given === undefined) return [];
    const { bytes } = given;
    const path = resolve(folder, given.path);
    const now = statSync(path, { throwIfNoEntry: false });
    return now !== undefined && now.size !== bytes ? [`${path} changed since the simulation; run it again`] : [];
  });
  return { run, changed };
}

function damaged(folder: string): BadInput {
  return new BadInput(`--from ${folder}: its ${RUN_FILE} is damaged; run the simulation again`);
}

function parse(text: string): z.output<typeof model> | undefined {
  try {
    return model.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
