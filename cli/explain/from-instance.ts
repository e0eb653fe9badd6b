// An explanation from a running instance, over HTTP.
import { z } from 'zod';
import { authorization, missingKey } from '../authorization.ts';
import { BadInput, RunFailed } from '../errors.ts';
import type { Explanation } from './explain.ts';
import type { Asked } from './from-folder.ts';

export const DEFAULT_URL = 'http://127.0.0.1:7077';

const TIMEOUT_MS = 60_000;

const answer = z.looseObject({
  text: z.string(),
  explanation: z.custom<Explanation>((v) => typeof v === 'object' && v !== null),
});
const refusal = z.looseObject({ error: z.string() });

export type Answer = z.output<typeof answer>;

/** Asks GET /v1/explain. Throws `BadInput` for what the instance refuses, `RunFailed` when it does not answer. */
export async function askInstance(url: string, { tenantId, userId, campaignId }: Asked): Promise<Answer> {
  const target = addressOf(url);
  target.search = new URLSearchParams({
    tenant: tenantId,
    user: userId,
    ...(campaignId === undefined ? {} : { campaign: campaignId }),
  }).toString();
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(target, { headers: authorization(), signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    body = parsed(text);
  } catch {
    throw new RunFailed(
      `no instance answers at ${url}: start one with \`beckon start\`, name it with --url, or ask a simulation with --from OUT`,
    );
  }
  const found = answer.safeParse(body);
  if (response.ok && found.success) return found.data;
  const said = missingKey(response.status) ?? refusal.safeParse(body).data?.error.split('\n')[0];
  if ([400, 401, 403, 404].includes(response.status)) {
    throw new BadInput(`${url} refuses: ${said ?? `it knows no /v1/explain (${response.status}); check --url`}`);
  }
  throw new RunFailed(
    `${url} answered ${response.status}${said === undefined ? ', and no explanation' : `: ${said}`}; see the instance's log`,
  );
}

function addressOf(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw new BadInput(`--url ${url}: is no http address; write one such as ${DEFAULT_URL}`);
  }
  base.pathname = `${base.pathname.replace(/\/$/, '')}/v1/explain`;
  return base;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
