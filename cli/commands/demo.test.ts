import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbedded } from '../../sinks/clickhouse/front.ts';
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

test('runs a population through a real instance and sums up what became of it', { timeout: 180_000 }, async () => {
  const folder = new Folder();
  const { code, stdout, stderr } = folder.run('demo', '--users', '20', '--dir', 'demo');
  expect(stderr).toContain('Generating 20 users');
  expect(code).toBe(0);
  expect(stdout).toMatch(/\n[\d,]+ events in [\d.]+ s, everything included\.\n/);
  expect(stdout).toMatch(/sent/);
  expect(stdout).toContain('explain ');
  expect(folder.lines('demo/outbox/messages.ndjson').length).toBeGreaterThan(0);

  // Every query of the documentation, as it is written there, over the demo's data.
  const page = readFileSync(new URL('../../docs/clickhouse.md', import.meta.url), 'utf8');
  const [, sql = ''] = /^```sql\n(.*?)^```/ms.exec(page) ?? [];
  const queries = sql.split(';').filter((query) => query.trim() !== '');
  expect(queries).toHaveLength(6);
  const embedded = await startEmbedded({ folder: folder.at('demo/clickhouse') });
  onTestFinished(() => embedded.close());
  for (const query of queries) {
    const body = `${query} FORMAT JSONEachRow`;
    const answer = await fetch(`${embedded.url}/?database=beckon`, { method: 'POST', body });
    const text = await answer.text();
    expect([query, answer.status, answer.ok ? '' : text]).toEqual([query, 200, '']);
    const rows = text
      .trim()
      .split('\n')
      .filter((line) => line !== '');
    expect([query, rows.length > 0]).toEqual([query, true]);
  }
});
