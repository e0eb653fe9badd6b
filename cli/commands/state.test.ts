import { expect, test } from 'vitest';
import { Folder } from '../testing/run-cli.ts';
import { post, settled, startOn } from '../testing/start-instance.ts';

test('shows a user, whether the instance runs or not, and hides what is personal', { timeout: 120_000 }, async () => {
  const folder = new Folder();
  const { url, stop } = await startOn(folder);
  const event = { eventId: 'e', userId: 'u', type: 'view', occurredAt: '2026-03-02T09:00:00Z' };
  const profile = { userId: 'u', contacts: { email: 'ann@example.org' }, updatedAt: '2026-03-02T08:00:00Z' };
  await post(url, '/v1/topics/profiles/records', JSON.stringify(profile));
  await post(url, '/v1/topics/events/records', JSON.stringify(event));
  await settled(url);
  const running = folder.run('state', 'inspect', 'u', '--dir', 'data');
  expect(running.code).toBe(0);
  expect(running.stdout).toMatch(/^default\/u in engage\.\d, whose time is 2026-03-02T09:00:00.000Z\n/);
  expect(running.stdout).toMatch(/ {2}metrics\n(?: {4}.*\n)* {4}lastSeenAt: 2026-03-02T09:00:00.000Z\n/);
  expect(running.stdout).toMatch(/ {2}timers\n {4}2026-03-02T09:35:00.000Z {2}session/);
  expect(running.stdout).toContain('email: (hidden)');
  await stop();
  expect(folder.run('state', 'inspect', 'u', '--dir', 'data').stdout).toBe(running.stdout);
  const { stdout } = folder.run('state', 'inspect', 'u', '--dir', 'data', '--values', '--json');
  expect(JSON.parse(stdout).cells.profiles.contacts).toEqual({ email: 'ann@example.org' });
  const nobody = folder.run('state', 'inspect', 'c', '--topology', 'pace', '--dir', 'data');
  expect(nobody).toMatchObject({ code: 2, stdout: '' });
  expect(nobody.stderr).toBe('beckon: nothing is kept for default/c in pace; check the id and --tenant\n');
});
