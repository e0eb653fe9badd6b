import { expect, test } from 'vitest';
import { Folder } from '../testing/run-cli.ts';

test('shows its options, with examples', () => {
  const { code, stdout, stderr } = new Folder().run('topics', 'read', '--help');
  expect([code, stderr]).toEqual([0, '']);
  for (const word of ['Usage: beckon topics read', '--dir', 'Examples:']) expect(stdout).toContain(word);
});

test('refuses a topic that is not there, in one line', () => {
  const { code, stdout, stderr } = new Folder().run('topics', 'read', 'decision');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^beckon: there is no topic "decision"; choose from events, .*decisions.*\n$/);
});

test('writes the records of a topic as they can be published again', () => {
  const folder = new Folder();
  const consent = { userId: 'u', purpose: 'marketing', granted: true, changedAt: '2026-03-02T09:00:00.000Z' };
  folder.run('publish', 'consents', '--file', folder.write('consents.ndjson', [consent]), '--dir', 'data');
  const { code, stdout } = folder.run('topics', 'read', 'consents', '--dir', 'data');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject(consent);
  const again = folder.run('publish', 'consents', '--file', folder.write('again.ndjson', stdout), '--dir', 'other');
  expect(again.code).toBe(0);
  expect(folder.run('topics', 'read', 'consents', '--dir', 'other').stdout).toBe(stdout);
});
