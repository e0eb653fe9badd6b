import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keyFor, mayDo, parseApiKeys, readApiKeys } from './api-keys.ts';

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
