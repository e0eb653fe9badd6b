// Keys of the HTTP API: who may ask for what. Secrets are kept as hashes alone, so nothing that prints a key can tell them.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** admin may do everything; send asks for messages, read looks at decisions and campaigns, receipts hands receipts in. */
export const ROLES = ['send', 'read', 'receipts', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface ApiKey {
  /** For logs and rate limits. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** SHA-256 of the secret. */
  readonly hash: Buffer;
}

const LEAST_SECRET = 16;
const HASHED = /^sha256\$([0-9a-f]{64})$/;
const FORM = 'write name:roles:secret, such as shop:send+read:<secret>';

/**
 * Keys as `name:roles:secret`, between them white space; roles are joined by "+". Instead of the secret, which has 16 characters
 * or more, its hash may stand: `sha256$` and 64 hex digits. What follows a "#" at the beginning of a line is a comment. Throws
 * RangeError with one line that names the key, never its secret.
 */
export function parseApiKeys(text: string): readonly ApiKey[] {
  const words = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(/\s+/))
    .filter((word) => word !== '');
  const keys = words.map(parseKey);
  const names = new Set<string>();
  for (const { name } of keys) {
    if (names.has(name)) throw new RangeError(`two keys are named "${name}": give each a name of its own`);
    names.add(name);
  }
  return keys;
}

function parseKey(word: string, i: number): ApiKey {
  const [name = '', roles = '', ...rest] = word.split(':');
  const secret = rest.join(':');
  // A secret without a name would be taken for one, so what stands there is not repeated unless it can be one.
  if (rest.length === 0 || !/^[\w.-]{1,64}$/.test(name))
    throw new RangeError(`key ${i + 1} can't be understood: ${FORM}`);
  return { name, roles: rolesOf(name, roles), hash: hashOf(name, secret) };
}

function rolesOf(name: string, text: string): readonly Role[] {
  return text.split('+').map((word) => {
    const role = ROLES.find((r) => r === word);
    if (role === undefined)
      throw new RangeError(
        `key "${name}" has a role that is not known: choose from ${ROLES.join(', ')}, with + between`,
      );
    return role;
  });
}

function hashOf(name: string, secret: string): Buffer {
  const hashed = HASHED.exec(secret);
  if (hashed !== null) return Buffer.from(hashed[1] as string, 'hex');
  if (secret.length < LEAST_SECRET)
    throw new RangeError(`key "${name}" has a secret of less than ${LEAST_SECRET} characters: take a longer one`);
  return digest(secret);
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}

/** The keys of a file, in the form of `parseApiKeys`. Throws RangeError that names the file. */
export function readApiKeys(file: string): readonly ApiKey[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new RangeError(`${file} can't be read: name a file of keys that is there`);
  }
  const keys = parseApiKeys(text);
  if (keys.length === 0) throw new RangeError(`${file} holds no key: ${FORM}`);
  return keys;
}

/** The key of a secret. It takes as long whichever key it is, or none. */
export function keyFor(keys: readonly ApiKey[], secret: string): ApiKey | undefined {
  const hash = digest(secret);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.hash, hash)) found = key;
  return found;
}

export function mayDo({ roles }: Pick<ApiKey, 'roles'>, role: Role): boolean {
  return roles.includes(role) || roles.includes('admin');
}
