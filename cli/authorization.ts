// What commands show an instance that asks for a key.
import { config } from '../runtime/config.ts';

/** Headers; none where BECKON_API_KEY is not set. */
export function authorization(): Readonly<Record<string, string>> {
  const { apiKey } = config();
  return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
}
