// Questions to a running instance's HTTP front, and what to do where it refuses or does not answer.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { authorization, missingKey } from './authorization.ts';
import { BadInput, RunFailed } from './errors.ts';
import { INSTANCE_FILE } from './instance.ts';

export const DEFAULT_URL = 'http://127.0.0.1:7077';

const ANSWERS_WITHIN = 5000;

export interface Question {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  /** Of the body. */
  readonly type?: string;
  /** ms for the whole answer; absent: as long as it takes. */
  readonly within?: number;
  /** What to do where nobody answers. */
  readonly mend?: string;
}

/** The address of the instance that runs on a folder, if one answers there: the file it left may be stale. */
export async function runningInstance(dir: string): Promise<string | undefined> {
  try {
    const { url } = JSON.parse(readFileSync(join(dir, INSTANCE_FILE), 'utf8')) as { readonly url: string };
    await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWERS_WITHIN) });
    return url;
  } catch {
    return undefined;
  }
}

/** The address that --url names, to which paths are appended. Throws `BadInput`. */
export function addressOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw new BadInput(`--url ${url}: is no http address; write one such as ${DEFAULT_URL}`);
  return url.replace(/\/+$/, '');
}

/** A good answer. Throws `BadInput` for what the instance refuses, and `RunFailed` when it does not answer or fails. */
export async function ask(
  url: string,
  path: string,
  { query = {}, type, within, mend = 'start one with `beckon start`, or check --url', ...init }: Question = {},
): Promise<Response> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const headers = { ...authorization(), ...(type === undefined ? {} : { 'content-type': type }) };
  const signal = within === undefined ? {} : { signal: AbortSignal.timeout(within) };
  let response: Response;
  try {
    response = await fetch(`${url}${path}${search.size === 0 ? '' : `?${search}`}`, { ...init, headers, ...signal });
  } catch {
    throw new RunFailed(`no instance answers at ${url}; ${mend}`);
  }
  if (response.ok) return response;
  throw await refusalOf(url, path, response);
}

/** The same, answered in JSON; a body is asked with POST. */
export async function askJson<T>(
  url: string,
  path: string,
  query: Question['query'] = {},
  body?: object,
  more: Question = {},
): Promise<T> {
  const given: Question =
    body === undefined ? {} : { method: 'POST', body: JSON.stringify(body), type: 'application/json' };
  const response = await ask(url, path, { query, ...given, ...more });
  try {
    return (await response.json()) as T;
  } catch {
    throw new RunFailed(`${url}: its answer to ${path} is cut off or no JSON; check --url, and ask again`);
  }
}

async function refusalOf(url: string, path: string, response: Response): Promise<Error> {
  const { status } = response;
  const body = (await response.json().catch(() => ({}))) as { readonly error?: unknown; readonly detail?: unknown };
  const told = [body.error, body.detail].find((text) => typeof text === 'string')?.split('\n')[0];
  const said = missingKey(status) ?? told ?? `it answered ${status} to ${path}: check --url`;
  return status < 500 ? new BadInput(`${url}: ${said}`) : new RunFailed(`${url}: ${said}; see the instance's log`);
}
