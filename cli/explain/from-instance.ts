// An explanation from a running instance, over HTTP.
import { z } from 'zod';
import { RunFailed } from '../errors.ts';
import { addressOf, askJson } from '../instance-client.ts';
import type { DatedExplanation } from './explain.ts';
import type { Asked } from './from-folder.ts';

const TIMEOUT_MS = 60_000;
const MEND = 'start one with `beckon start`, name it with --url, or ask a simulation with --from OUT';

const answer = z.looseObject({
  text: z.string(),
  explanation: z.custom<DatedExplanation>((v) => typeof v === 'object' && v !== null),
});

export type Answer = z.output<typeof answer>;

/** Asks GET /v1/explain. Throws `BadInput` for what the instance refuses, `RunFailed` when it does not answer. */
export async function askInstance(url: string, { tenantId, userId, campaignId }: Asked): Promise<Answer> {
  const query = { tenant: tenantId, user: userId, campaign: campaignId };
  const address = addressOf(url);
  const told = await askJson<unknown>(address, '/v1/explain', query, undefined, { within: TIMEOUT_MS, mend: MEND });
  const found = answer.safeParse(told);
  if (!found.success) throw new RunFailed(`${address}: answers in a form that this version does not know`);
  return found.data;
}
