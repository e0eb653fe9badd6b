import { expect, test } from 'vitest';
import { Folder } from '../testing/run-cli.ts';

test('refuses without a cluster, and says what to do instead', { timeout: 60_000 }, () => {
  const { code, stdout, stderr } = new Folder().run('topics', 'create');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^beckon: topics create: KAFKA_BROKERS is not set; .*`beckon start`.*\n$/);
});

test('shows its options, with examples', { timeout: 60_000 }, () => {
  const { code, stdout } = new Folder().run('topics', 'create', '--help');
  expect(code).toBe(0);
  for (const word of ['Usage: beckon topics create', '--partitions', '--replication', 'Examples:'])
    expect(stdout).toContain(word);
});
