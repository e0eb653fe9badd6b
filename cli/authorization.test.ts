import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => vi.unstubAllEnvs());

// The environment is read once a process: each has modules of its own.
const told = async (key: string | undefined, status: number): Promise<string | undefined> => {
  vi.resetModules();
  vi.stubEnv('BECKON_API_KEY', key);
  return (await import('./authorization.ts')).missingKey(status);
};

it('tells commands which variable their key belongs in, not the header', async () => {
  expect(await told(undefined, 401)).toMatch(/asks for a key; set BECKON_API_KEY/);
  expect(await told('a-key-of-nobody-at-all', 401)).toMatch(/does not know the key in BECKON_API_KEY/);
  expect(await told(undefined, 403)).toBeUndefined();
});
