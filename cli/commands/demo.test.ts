import { expect, test } from 'vitest';
import { Folder } from '../testing/run-cli.ts';

test('shows its options, with examples', () => {
  const { code, stdout, stderr } = new Folder().run('demo', '--help');
  expect([code, stderr]).toEqual([0, '']);
  for (const word of ['Usage: beckon demo', '--users', 'Examples:']) expect(stdout).toContain(word);
});

test('refuses a population that is no number, in one line', () => {
  const { code, stdout, stderr } = new Folder().run('demo', '--users', 'many');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('runs a population through a real instance and sums up what became of it', { timeout: 180_000 }, () => {
  const folder = new Folder();
  const { code, stdout, stderr } = folder.run('demo', '--users', '20', '--dir', 'demo');
  expect(stderr).toContain('Generating 20 users');
  expect(code).toBe(0);
  expect(stdout).toMatch(/\n[\d,]+ events in [\d.]+ s, everything included\.\n/);
  expect(stdout).toMatch(/sent/);
  expect(stdout).toContain('explain ');
  expect(folder.lines('demo/outbox/messages.ndjson').length).toBeGreaterThan(0);
});
