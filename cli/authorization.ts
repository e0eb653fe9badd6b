// What commands show an instance that asks for a key.
import { config } from '../runtime/config.ts';

/** Headers; none where BECKON_API_KEY is not set. */
export function authorization(): Readonly<Record<string, string>> {
  const { apiKey } = config();
  return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
}

/** What to do where an instance takes the key for none (status 401); undefined for other answers. */
export function missingKey(status: number): string | undefined {
  if (status !== 401) return undefined;
  return config().apiKey === undefined
    ? 'it asks for a key; set BECKON_API_KEY to one of role admin'
    : 'it does not know the key in BECKON_API_KEY; set one of role admin';
}
