import { expect, test } from 'vitest';
import { Folder } from '../testing/run-cli.ts';

const event = (n: number): object => ({
  eventId: `e${n}`,
  userId: 'u',
  type: 'view',
  occurredAt: '2026-03-02T09:00:00Z',
});

test('shows its options, with examples', () => {
  const { code, stdout, stderr } = new Folder().run('publish', '--help');
  expect([code, stderr]).toEqual([0, '']);
  for (const word of ['Usage: beckon publish', '--advance', 'Examples:']) expect(stdout).toContain(word);
});

test.each([
  [
    ['decisions', '--file', 'x'],
    /can't publish to "decisions"; choose from events, profiles, consents, send-requests, receipts/,
  ],
  [['events'], /nothing to publish; give --file, --advance or both/],
  [['events', '--advance', 'tomorrow'], /Write a time with its zone/],
  [['events', '--file', 'nowhere.ndjson'], /nowhere\.ndjson: no such file; check the path/],
])('refuses %j as bad input, in one line', (args, message) => {
  const { code, stdout, stderr } = new Folder().run('publish', ...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('publishes the good lines, reports the bad ones by number and exits with 1', () => {
  const folder = new Folder();
  const lines = [JSON.stringify(event(1)), 'not json', '{"userId":"secret-user"}', JSON.stringify(event(2))];
  const file = folder.write('events.ndjson', `${lines.join('\n')}\n`);
  const { code, stderr } = folder.run('publish', 'events', '--file', file, '--dir', 'data');
  expect(code).toBe(1);
  expect(stderr).toContain(`${file}:2: `);
  expect(stderr).toContain(`${file}:3: `);
  expect(stderr).toMatch(/2 records published in .* 2 bad lines/);
  expect(stderr).toContain('2 bad lines were left out; mend them and publish them again');
  expect(stderr).not.toContain('secret-user');
  const read = folder.run('topics', 'read', 'events', '--dir', 'data').stdout.trim().split('\n');
  expect(read.map((line) => (JSON.parse(line) as { readonly eventId: string }).eventId)).toEqual(['e1', 'e2']);
});

test('can not wait where nothing runs, nor reach an instance that does not', () => {
  const folder = new Folder();
  const file = folder.write('events.ndjson', [event(1)]);
  const waited = folder.run('publish', 'events', '--file', file, '--dir', 'data', '--wait');
  expect(waited.code).toBe(1);
  expect(waited.stderr).toContain('no instance runs on data that could be waited for; start one, or leave out --wait');
  expect(folder.run('topics', 'read', 'events', '--dir', 'data').stdout).toBe('');
  const away = folder.run('publish', 'events', '--file', file, '--url', 'http://127.0.0.1:1');
  expect(away.code).toBe(1);
  expect(away.stderr).toContain('no instance answers at http://127.0.0.1:1');
});
