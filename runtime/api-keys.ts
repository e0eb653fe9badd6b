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
  /** Ids of the tenants that it may ask for; null: every one. */
  readonly tenants: readonly string[] | null;
  /** SHA-256 of the secret. */
  readonly hash: Buffer;
}

const LEAST_SECRET = 16;
const TENANT = /^(?:[\w.-]|%[0-9A-Fa-f]{2})+$/;
const HASHED = /^sha256\$([0-9a-f]{64})$/;
const FORM = 'write name:roles:secret, such as shop:send+read:<secret>, or name:roles@tenant:secret';

/**
 * Keys as `name:roles:secret`, or `name:roles@tenants:secret` for some tenants alone, between them white space; roles, and tenants, are
 * joined by "+". What is no letter, digit, dot, dash or underscore in a tenant's id is percent-encoded. Instead of the secret, which has 16 characters
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
  const [name = '', rights = '', ...rest] = word.split(':');
  const secret = rest.join(':');
  // A secret without a name would be taken for one, so what stands there is not repeated unless it can be one.
  if (rest.length === 0 || !/^[\w.-]{1,64}$/.test(name))
    throw new RangeError(`key ${i + 1} can't be understood: ${FORM}`);
  const [roles = '', ...tenants] = rights.split('@');
  const key = { name, roles: rolesOf(name, roles), tenants: tenantsOf(name, tenants), hash: hashOf(name, secret) };
  if (key.tenants !== null && key.roles.includes('admin'))
    throw new RangeError(
      `key "${name}" has the role admin, which is for the whole installation, and can't be kept to tenants: give it send, read or receipts`,
    );
  return key;
}

/** `parts`: what stands behind each "@". */
function tenantsOf(name: string, parts: readonly string[]): readonly string[] | null {
  const [text] = parts;
  if (text === undefined) return null;
  const refusal = `key "${name}" is kept to a tenant that can be none: write name:roles@tenant, with + between tenants and other signs percent-encoded`;
  if (parts.length > 1) throw new RangeError(refusal);
  return text.split('+').map((written) => {
    if (!TENANT.test(written)) throw new RangeError(refusal);
    const tenant = decoded(written);
    if (tenant === undefined || /[/\0]/.test(tenant)) throw new RangeError(refusal);
    return tenant;
  });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
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

/** The first of some tenants that the key may not ask for. */
export function strangeTenant({ tenants }: Pick<ApiKey, 'tenants'>, asked: readonly string[]): string | undefined {
  return tenants === null ? undefined : asked.find((tenant) => !tenants.includes(tenant));
}

export function mayDo({ roles }: Pick<ApiKey, 'roles'>, role: Role): boolean {
  return roles.includes(role) || roles.includes('admin');
}
