import { expect, test } from 'vitest';
import { Folder, type Result } from '../testing/run-cli.ts';
import { post, settled, startOn } from '../testing/start-instance.ts';

const campaign = (id: string, text = 'hi'): string =>
  `id: ${id}\nclass: transactional\ntrigger: { event: ${id} }\nchannels: [email]\ncontent: { text: ${text} }\n`;
const event = (type: string, userId: string, day: number): object => ({
  eventId: `${type}-${userId}`,
  userId,
  type,
  occurredAt: `2026-03-0${day}T09:00:00Z`,
});

/** What became of each campaign, by its id. */
const outcomes = ({ stdout }: Result): Record<string, string> =>
  Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ {2,}/))
      .map(([id = '', version = '', , outcome = '']) => [id, `${version} ${outcome}`]),
  );

test('tasks that run take up what is applied, without a restart', { timeout: 120_000 }, async () => {
  const folder = new Folder();
  const { url } = await startOn(folder);
  const apply = (...args: string[]): Result => folder.run('campaigns', 'apply', 'campaigns', '--dir', 'data', ...args);
  const publish = async (...lines: readonly object[]): Promise<void> => {
    await post(url, '/v1/topics/events/records', lines.map((line) => JSON.stringify(line)).join('\n'));
    await settled(url);
  };
  const decided = async (): Promise<string[]> => {
    const response = await fetch(`${url}/v1/topics/decisions/records`);
    return (await response.text())
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, string>)
      .map(({ userId, campaignId, definitionVersion }) => `${userId} ${campaignId} ${definitionVersion}`);
  };
  folder.write('campaigns/hello.yaml', campaign('hello'));
  await publish(event('hello', 'before', 1));
  expect(apply('--dry-run').stderr).toContain('1 definition would be published');
  await publish(event('hello', 'dry', 2));
  expect(await decided()).toEqual([]);

  const first = apply();
  expect([first.code, outcomes(first)]).toEqual([0, { policy: '1 unchanged', hello: '1 new' }]);
  await publish(event('hello', 'after', 3));
  expect(await decided()).toEqual(['after hello 1']);

  folder.write('campaigns/hello.yaml', campaign('hello', 'changed'));
  folder.write('campaigns/other.yaml', campaign('other'));
  expect(outcomes(apply())).toEqual({ policy: '1 unchanged', hello: '2 changed', other: '1 new' });
  await publish(event('hello', 'again', 4), event('other', 'again', 4));
  expect((await decided()).sort()).toEqual(['after hello 1', 'again hello 2', 'again other 1']);

  folder.remove('campaigns/other.yaml');
  expect(outcomes(apply())).toEqual({
    policy: '1 unchanged',
    hello: '2 unchanged',
    other: '1 not in the folder, left alone',
  });
  expect(outcomes(apply('--prune'))).toMatchObject({ other: '2 ended' });
  await publish(event('other', 'late', 5));
  expect(await decided()).toHaveLength(3);
  expect(outcomes(apply('--prune'))).not.toHaveProperty('other');
});

test('an instance takes no definition that it could not read', async () => {
  const folder = new Folder();
  const { url } = await startOn(folder);
  const record = { campaignId: 'c', version: 1, effectiveFrom: 0, definition: '{"id":"c"}' };
  expect(await post(url, '/v1/topics/campaigns/records', JSON.stringify(record))).toMatchObject({
    accepted: 0,
    bad: [{ line: 1, message: expect.stringMatching(/^definition: .*channels/) }],
  });
});

test('into a folder on which nothing runs, for the next start', { timeout: 60_000 }, () => {
  const folder = new Folder();
  folder.write('campaigns/hello.yaml', campaign('hello'));
  const policy = folder.write('policy.yaml', 'sessionGap: 10m\n');
  const args = ['campaigns', 'apply', 'campaigns', '--dir', 'data'];
  expect(outcomes(folder.run(...args, '--policy', policy))).toEqual({ policy: '1 new', hello: '1 new' });
  expect(outcomes(folder.run(...args))).toEqual({ policy: '1 unchanged', hello: '1 unchanged' });
});

test('a change takes effect when it is asked for, and never before the version that it follows', {
  timeout: 60_000,
}, () => {
  const folder = new Folder();
  const write = (text: string): string => folder.write('campaigns/hello.yaml', campaign('hello', text));
  const apply = (...args: string[]): Result => folder.run('campaigns', 'apply', 'campaigns', '--dir', 'data', ...args);
  write('one');
  apply();
  write('two');
  expect(apply('--effective-from', '2050-04-01T00:00:00Z').stdout).toMatch(
    /hello +2 +2050-04-01T00:00:00.000Z +changed/,
  );
  write('three');
  expect(apply().stdout).toMatch(/hello +3 +2050-04-01T00:00:00.000Z +changed/);
});

test.each([
  ['campaigns', /campaigns.*hello\.yaml:\d+:\d+: channels\[0\]: "emial" is not a known channel/],
  ['nowhere', /nowhere: does not exist/],
  ['', /the folder has no name/],
])('publishes nothing of %j, which is refused with every problem', { timeout: 60_000 }, (name, message) => {
  const folder = new Folder();
  folder.write('campaigns/hello.yaml', campaign('hello').replace('email', 'emial'));
  folder.write('campaigns/good.yaml', campaign('good'));
  const { code, stdout, stderr } = folder.run('campaigns', 'apply', name, '--dir', 'data');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(folder.run('topics', 'read', 'campaigns', '--dir', 'data').stdout).toBe('');
});
