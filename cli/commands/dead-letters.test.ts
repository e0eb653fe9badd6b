import { expect, test } from 'vitest';
import { Folder, type Result } from '../testing/run-cli.ts';
import { post, type Started, settled, startOn } from '../testing/start-instance.ts';

const event = (eventId: string, occurredAt: string): object => ({
  eventId,
  userId: 'u',
  type: 'view',
  occurredAt,
  properties: { note: 'ann@example.org' },
});
const FAR = event('far', '2028-06-01T00:00:00Z');

/** An instance among whose dead letters is the event "far", more than 400 days ahead of the one before. */
async function withDeadLetter(folder: Folder): Promise<Started & { publish(...lines: object[]): Promise<void> }> {
  const started = await startOn(folder);
  const publish = async (...lines: object[]): Promise<void> => {
    await post(started.url, '/v1/topics/events/records', lines.map((line) => JSON.stringify(line)).join('\n'));
    await settled(started.url);
  };
  await publish(event('first', '2026-03-02T00:00:00Z'), FAR);
  return { ...started, publish };
}

test('lists what could not be taken and why; values only where they are asked for', { timeout: 120_000 }, async () => {
  const folder = new Folder();
  const { stop } = await withDeadLetter(folder);
  const list = (...args: string[]): Result => folder.run('dead-letters', 'list', '--dir', 'data', ...args);
  const { code, stdout } = list();
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^PLACE +FROM +TIME +CODE +KEY +WHY\n\d:0 +events \d:1 +2028-06-01T00:00:00.000Z +time-jump +default\/u +events time 20[0-9]{2}-\S+ is further/,
  );
  expect(stdout).not.toContain('ann@example.org');
  expect(list('--code', 'not-avro')).toMatchObject({ code: 0, stdout: '', stderr: 'beckon: no dead letters\n' });
  await stop();
  expect(list().stdout).toBe(stdout);
  const shown = list('--json', '--values', '--topic', 'events', '--since', '2028-06-01T00:00:00Z');
  expect(JSON.parse(shown.stdout)).toMatchObject({
    code: 'time-jump',
    value: { eventId: 'far', properties: { note: 'ann@example.org' } },
  });
});

test('puts each back once, as it was, however often it is asked for', { timeout: 120_000 }, async () => {
  const folder = new Folder();
  const { url, publish, stop } = await withDeadLetter(folder);
  const replay = (...args: string[]): Result => folder.run('dead-letters', 'replay', '--dir', 'data', ...args);
  const read = async (): Promise<string[]> => {
    const response = await fetch(`${url}/v1/topics/events/records`);
    return (await response.text()).split('\n').filter((line) => line.includes('far'));
  };
  expect(replay('--dry-run').stdout).toBe('events: 1 would go back\n');
  expect(await read()).toHaveLength(1);

  // Time comes near, so that the record can be taken now.
  await publish(event('second', '2027-04-01T00:00:00Z'), event('third', '2028-05-01T00:00:00Z'));
  expect(replay()).toEqual({ code: 0, stdout: 'events: 1 went back\n', stderr: '' });
  const again = {
    code: 0,
    stdout: 'nothing went back\n',
    stderr: 'beckon: 1 went back in an earlier replay, and not again\n',
  };
  expect(replay()).toEqual(again);
  await settled(url);
  const [before, after, ...more] = await read();
  expect([after, more]).toEqual([before, []]);
  const state = (await (await fetch(`${url}/v1/state?id=u`)).json()) as { readonly cells: unknown };
  expect(state.cells).toMatchObject({ metrics: { events: 4, lastSeenAt: '2028-06-01T00:00:00.000Z' } });
  await stop();
  expect(replay()).toEqual(again);
});

test.each([
  [['list', '--topic', 'evnts'], /--topic: there is no topic "evnts"/],
  [['list', '--limit', '0'], /Write a whole number from 1 to 1000/],
  [['replay', '--offset', '17'], /Write a partition and an offset/],
  [['list', '--url', 'ftp://x'], /--url ftp:\/\/x: is no http address/],
  [['list'], /holds no log, and no instance runs on it/],
])('refuses %j in one line', (args, message) => {
  const { code, stdout, stderr } = new Folder().run('dead-letters', ...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('says that no instance answers', () => {
  const { code, stderr } = new Folder().run('dead-letters', 'list', '--url', 'http://127.0.0.1:9');
  expect(code).toBe(1);
  expect(stderr).toMatch(/no instance answers at http:\/\/127.0.0.1:9; start one/);
});

test.each([['list'], ['replay']])('shows the options of %s, with examples', (name) => {
  const { code, stdout } = new Folder().run('dead-letters', name, '--help');
  expect(code).toBe(0);
  for (const word of [`Usage: beckon dead-letters ${name}`, '--code', 'Examples:']) expect(stdout).toContain(word);
});
