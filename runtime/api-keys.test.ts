import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keyFor, mayDo, parseApiKeys, readApiKeys, strangeTenant } from './api-keys.ts';

const SECRET = 'a-secret-of-some-length';

describe('parseApiKeys', () => {
  it('reads names and roles, and finds a key by its secret', () => {
    const keys = parseApiKeys(`shop:send+read:${SECRET} ops:admin:other:${SECRET}`);
    expect(keys.map(({ name, roles }) => [name, roles])).toEqual([
      ['shop', ['send', 'read']],
      ['ops', ['admin']],
    ]);
    expect(keyFor(keys, SECRET)?.name).toBe('shop');
    expect(keyFor(keys, `other:${SECRET}`)?.name).toBe('ops');
    expect(keyFor(keys, `${SECRET} `)).toBeUndefined();
    expect(keyFor([], SECRET)).toBeUndefined();
  });

  it('takes a hash instead of the secret', () => {
    const hash = createHash('sha256').update(SECRET).digest('hex');
    expect(keyFor(parseApiKeys(`shop:send:sha256$${hash}`), SECRET)?.name).toBe('shop');
  });

  it.each([
    ['nothing but a secret', SECRET, /key 1 can't be understood/],
    ['a short secret', 'shop:send:short', /"shop" has a secret of less than 16/],
    ['a role that is not there', `shop:send+write:${SECRET}`, /"shop" has a role that is not known/],
    ['no role', `shop::${SECRET}`, /"shop" has a role that is not known/],
    ['a name twice', `a:send:${SECRET} a:read:${SECRET}2`, /two keys are named "a"/],
  ])('refuses %s without telling a secret', (_, text, message) => {
    expect(() => parseApiKeys(text)).toThrow(message);
    expect(() => parseApiKeys(text)).not.toThrow(SECRET);
  });
});

describe('a key of some tenants', () => {
  const tenantsOf = (text: string): unknown => parseApiKeys(text)[0]?.tenants;

  it('names them behind its roles; one that names none is for all', () => {
    expect(tenantsOf(`shop:send:${SECRET}`)).toBeNull();
    expect(tenantsOf(`shop:send+read@acme+umbrella.co:${SECRET}`)).toEqual(['acme', 'umbrella.co']);
    expect(tenantsOf(`shop:send@acme%3Aeast+a%20b%2Bc+%C3%A9:${SECRET}`)).toEqual(['acme:east', 'a b+c', 'é']);
    // An "@" in the secret is the secret's.
    expect(tenantsOf(`shop:send:@${SECRET}`)).toBeNull();
  });

  it.each([
    ['no tenant', `shop:send@:${SECRET}`, /"shop" is kept to a tenant that can be none/],
    ['a tenant without a name among others', `shop:send@acme+:${SECRET}`, /can be none/],
    ['two lists', `shop:send@a@b:${SECRET}`, /can be none/],
    ['a slash', `shop:send@a%2Fb:${SECRET}`, /can be none/],
    ['what is no UTF-8', `shop:send@%ff:${SECRET}`, /can be none/],
    [
      'the role admin',
      `shop:read+admin@acme:${SECRET}`,
      /"shop" has the role admin, which is for the whole installation/,
    ],
    ['no role', `shop:@acme:${SECRET}`, /"shop" has a role that is not known/],
  ])('is refused with %s', (_, text, message) => {
    expect(() => parseApiKeys(text)).toThrow(message);
    expect(() => parseApiKeys(text)).not.toThrow(SECRET);
  });

  it('may ask for those alone', () => {
    expect(strangeTenant({ tenants: ['a', 'b'] }, ['b', 'c', 'd'])).toBe('c');
    expect(strangeTenant({ tenants: ['a', 'b'] }, ['b', 'a'])).toBeUndefined();
    expect(strangeTenant({ tenants: null }, ['z'])).toBeUndefined();
  });
});

describe('readApiKeys', () => {
  it('reads a file of keys and comments, and says what is wrong with another', () => {
    const folder = mkdtempSync(join(tmpdir(), 'beckon-keys-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'keys');
    writeFileSync(file, `# the shop\nshop:send:${SECRET}\n\nops:admin:${SECRET}2\n`);
    expect(readApiKeys(file).map(({ name }) => name)).toEqual(['shop', 'ops']);
    writeFileSync(file, '# none yet\n');
    expect(() => readApiKeys(file)).toThrow(/holds no key/);
    expect(() => readApiKeys(join(folder, 'none'))).toThrow(/can't be read/);
  });
});

describe('mayDo', () => {
  it('lets admin do everything, and others what their roles say', () => {
    expect(mayDo({ roles: ['admin'] }, 'receipts')).toBe(true);
    expect(mayDo({ roles: ['send', 'read'] }, 'read')).toBe(true);
    expect(mayDo({ roles: ['send'] }, 'admin')).toBe(false);
  });
});
