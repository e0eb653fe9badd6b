// --tenant: definitions, users and records of one tenant, beside those of others.
import { expect, test } from 'vitest';
import { Folder } from '../testing/run-cli.ts';
import { post, settled, startOn } from '../testing/start-instance.ts';

const campaign = (id: string, text: string): string =>
  `id: ${id}\nclass: transactional\ntrigger: { event: hello }\nchannels: [email]\ncontent: { text: ${text} }\nholdout: 50%\n`;
const event = (userId: string, tenantId?: string, day = 2): object => ({
  ...(tenantId === undefined ? {} : { tenantId }),
  ...{ eventId: `${userId}-${day}`, userId, type: 'hello', occurredAt: `2026-03-0${day}T09:00:00Z` },
});
const profile = (userId: string, tenantId?: string): object => ({
  ...(tenantId === undefined ? {} : { tenantId }),
  ...{ userId, contacts: { email: `${userId}@example.org` }, updatedAt: '2026-03-01T00:00:00Z' },
});
/** "acme/amina hello sent". */
const decided = (folder: Folder, out: string): readonly string[] =>
  folder
    .lines(`${out}/decisions.ndjson`)
    .map(({ tenantId, userId, campaignId, outcome }) => `${tenantId}/${userId} ${campaignId} ${outcome}`)
    .sort();

function given(): Folder {
  const folder = new Folder();
  folder.write('c/hello.yaml', campaign('hello', 'Hi').replace(/holdout.*\n/, ''));
  folder.write('events.ndjson', [event('amina'), event('juma', 'acme'), event('sara', 'default')]);
  folder.write('profiles.ndjson', [profile('amina'), profile('juma', 'acme'), profile('sara', 'default')]);
  return folder;
}
const FILES = ['--events', 'events.ndjson', '--profiles', 'profiles.ndjson'];

test("a simulation's campaigns are the tenant's alone, and so are the records that name none", () => {
  const folder = given();
  const simulate = (...args: string[]) => folder.run('simulate', ...FILES, '--campaigns', 'c', ...args);
  expect(simulate('--out', 'acme', '--tenant', 'acme').code).toBe(0);
  expect(decided(folder, 'acme')).toEqual(['acme/amina hello sent', 'acme/juma hello sent']);
  expect(simulate('--out', 'out').code).toBe(0);
  expect(decided(folder, 'out')).toEqual(['default/amina hello sent', 'default/sara hello sent']);
  // The default tenant's bytes are those of before there was a choice.
  expect(simulate('--out', 'named', '--tenant', 'default').code).toBe(0);
  for (const name of ['run.json', 'summary.json', 'decisions.ndjson', 'sends.ndjson'])
    expect(folder.text(`named/${name}`)).toBe(folder.text(`out/${name}`));
  expect(folder.text('out/run.json')).not.toContain('tenant');
});

test('what asks a simulation takes its tenant unless another is named', () => {
  const folder = given();
  expect(folder.run('simulate', ...FILES, '--campaigns', 'c', '--out', 'out', '--tenant', 'acme').code).toBe(0);
  const amina = folder.run('explain', 'amina', '--from', 'out');
  expect([amina.code, amina.stdout]).toEqual([
    0,
    expect.stringContaining('User amina (tenant acme): 1 event, 1 profile record'),
  ]);
  expect(amina.stdout).toContain('1. hello, 2026-03-02 09:00:00 UTC\n');
  expect(folder.run('explain', 'sara', '--from', 'out').stderr).toContain('add --tenant default');
  expect(folder.run('explain', 'sara', '--from', 'out', '--tenant', 'default').stdout).toContain('0 requests.');
  const status = (...args: string[]) => folder.run('campaigns', 'status', 'hello', '--from', 'out', '--json', ...args);
  expect(JSON.parse(status().stdout)).toMatchObject({ tenantId: 'acme', results: { costPerMessageMicros: 100 } });
  expect(status('--tenant', 'default')).toMatchObject({
    ...{ code: 2, stderr: 'beckon: --from out: its campaigns are of tenant acme, not default; leave out --tenant\n' },
  });
});

test("the lateness of a tenant's policy is not taken: it is the installation's", () => {
  const folder = given();
  folder.write('policy.yaml', 'lateness: 1h\n');
  folder.write('events.ndjson', [event('amina', undefined, 3), event('juma')]);
  const late = (...args: string[]): unknown => {
    folder.run('simulate', ...FILES, '--policy', 'policy.yaml', '--out', 'out', ...args);
    return JSON.parse(folder.text('out/run.json')).latenessMs;
  };
  expect([late(), late('--tenant', 'acme'), late('--tenant', 'acme', '--lateness', '2h')]).toEqual([
    3_600_000, 300_000, 7_200_000,
  ]);
});

test("a comparison names the tenant's users by their ids", () => {
  const folder = given();
  folder.write('d/hello.yaml', campaign('hello', 'Hi').replace(/holdout.*\n/, 'status: paused\n'));
  const diff = (...args: string[]) => folder.run('campaigns', 'diff', 'c', 'd', ...FILES, '--list', ...args).stdout;
  expect(diff('--tenant', 'acme')).toMatch(/\n-1 amina of hello: .*\n-1 juma of hello: /);
  expect(diff()).toMatch(/\n-1 amina of hello: .*\n-1 sara of hello: /);
});

test('who is held out in a scenario goes by the tenant, as it does when it runs', () => {
  const folder = new Folder();
  folder.write('c/hello.yaml', campaign('hello', 'Hi'));
  // Users of whom one tenant holds out exactly those that the other does not.
  const scenario = (user: string): string =>
    `  - { name: ${user}, given: { user: ${user}, profile: { contacts: { email: a@b.c } }, events: [{ at: day 1, type: hello }] }, after: 1h, expect: [sent] }\n`;
  const users = Array.from({ length: 12 }, (_, i) => `u${i}`);
  folder.write('c/hello.test.yaml', `scenarios:\n${users.map(scenario).join('')}`);
  const passed = (...args: string[]): readonly string[] =>
    [...folder.run('campaigns', 'test', 'c', ...args).stdout.matchAll(/^pass .* (u\d+)$/gm)].map(
      ([, name]) => name ?? '',
    );
  folder.write(
    'events.ndjson',
    users.map((user) => event(user)),
  );
  folder.write(
    'profiles.ndjson',
    users.map((user) => profile(user)),
  );
  const sent = (tenant: string): readonly unknown[] => {
    folder.run('simulate', ...FILES, '--campaigns', 'c', '--out', tenant, '--tenant', tenant);
    return folder.lines(`${tenant}/sends.ndjson`).map(({ userId }) => userId);
  };
  const [ours, theirs] = [passed(), passed('--tenant', 'acme')];
  expect([ours, theirs]).toEqual([sent('default'), sent('acme')]);
  expect(ours).not.toEqual(theirs);
});

test('a tenant gets campaigns and a policy of its own on an instance, and others keep theirs', {
  timeout: 120_000,
}, async () => {
  const folder = new Folder();
  const { url } = await startOn(folder);
  const apply = (dir: string, ...args: string[]) => folder.run('campaigns', 'apply', dir, '--dir', 'data', ...args);
  const rows = (stdout: string): readonly string[] =>
    stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.replace(/ {2,}/g, ' | '));
  folder.write('ours/hello.yaml', campaign('hello', 'Hi').replace(/holdout.*\n/, ''));
  folder.write('theirs/hello.yaml', campaign('hello', 'Hey').replace(/holdout.*\n/, ''));
  folder.write('theirs/paid.yaml', campaign('paid', 'Thanks').replace(/holdout.*\n/, ''));
  folder.write('policy.yaml', 'quietHours: "21:00-08:00"\nsessionGap: 10m\nlateness: 1h\n');
  expect(rows(apply('ours').stdout)).toEqual(['policy | 1 | ever | unchanged', 'hello | 1 | ever | new']);
  expect(rows(apply('theirs', '--tenant', 'acme').stdout)).toEqual([
    'policy | - | - | none of its own: that of default',
    'hello | 1 | ever | new',
    'paid | 1 | ever | new',
  ]);
  const own = apply('theirs', '--tenant', 'acme', '--policy', 'policy.yaml', '--dry-run');
  expect(own.stderr).toContain(
    'warning: policy.yaml:3:11: lateness: is for all tenants at once, so it has no effect here (set it in the policy of default)',
  );
  // In time that follows events, a change has always been in force.
  expect(rows(own.stdout)[0]).toBe('policy | 1 | ever | new');
  // Nobody else's campaigns are gone from a tenant's folder.
  expect(rows(apply('ours', '--prune').stdout)).toEqual([
    'policy | 1 | ever | unchanged',
    'hello | 1 | ever | unchanged',
  ]);
  folder.remove('theirs/paid.yaml');
  expect(rows(apply('theirs', '--tenant', 'acme', '--prune').stdout)[2]).toBe('paid | 2 | ever | ended');

  const publish = (...args: string[]) => folder.run('publish', ...args, '--dir', 'data');
  folder.write('profiles.ndjson', [profile('amina')]);
  folder.write('events.ndjson', [event('amina'), event('sara', 'umbrella')]);
  expect(publish('profiles', '--file', 'profiles.ndjson', '--tenant', 'acme').code).toBe(0);
  expect(publish('events', '--file', 'events.ndjson', '--tenant', 'acme').code).toBe(0);
  await post(url, '/v1/topics/events/records', JSON.stringify(event('juma')));
  await settled(url);
  const read = (topic: string, ...args: string[]): readonly Record<string, string>[] =>
    folder
      .run('topics', 'read', topic, '--dir', 'data', ...args)
      .stdout.split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const outcomes = (...args: string[]): readonly string[] =>
    read('decisions', ...args)
      .map(
        ({ tenantId, userId, campaignId, outcome, reason }) =>
          `${tenantId}/${userId} ${campaignId} ${reason ?? outcome}`,
      )
      .sort();
  // The one without a profile has no address.
  expect(outcomes()).toEqual(['acme/amina hello sent', 'default/juma hello no-channel']);
  expect(outcomes('--tenant', 'acme')).toEqual(['acme/amina hello sent']);
  const told = (...args: string[]): string => folder.run('explain', 'amina', '--dir', 'data', ...args).stdout;
  expect(told('--tenant', 'acme')).toContain('User amina (tenant acme): 1 event, 1 profile record');
  const requests = [{ campaignId: 'hello', outcome: 'sent', requestedAt: '2026-03-02T09:00:00.000Z' }];
  expect(JSON.parse(told('--tenant', 'acme', '--json'))).toMatchObject({ tenantId: 'acme', requests });
  const answer = await fetch(`${url}/v1/explain?user=amina&tenant=acme`);
  expect(await answer.json()).toMatchObject({ explanation: { requests } });
});

test('an instance starts with the files of one tenant, and leaves those of others', { timeout: 60_000 }, async () => {
  const folder = new Folder();
  const common = 'class: transactional\ntrigger: { event: hello }\ncontent: { text: Hi }\n';
  folder.write('policy.yaml', 'channels: { pigeon: {} }\nretention: { events: 1d }\n');
  folder.write('c/hello.yaml', `id: hello\nchannels: [pigeon]\n${common}`);
  const start = async (...more: readonly string[]): Promise<readonly string[]> => {
    const { url, stop } = await startOn(folder, 'data', 'engage', more);
    const text = await (await fetch(`${url}/v1/topics/campaigns/records`)).text();
    await stop();
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, string>)
      .map(({ tenantId, campaignId, version }) => `${tenantId}/${campaignId} ${version}`)
      .sort();
  };
  const acme = ['--tenant', 'acme', '--campaigns', 'c'];
  const theirs = ['acme/hello 1', 'acme/policy 1'];
  expect(await start(...acme, '--policy', 'policy.yaml')).toEqual(theirs);
  expect(await start()).toEqual([...theirs, 'default/policy 1']);
  // Campaigns without a policy's file are held to the tenant's own on the log, which has the channel.
  expect(await start(...acme)).toEqual([...theirs, 'default/policy 1']);
  expect(folder.run('start', '--dir', 'data', '--campaigns', 'c')).toMatchObject({
    ...{
      code: 2,
      stderr: expect.stringMatching(/c\/hello\.yaml:2:12: channels\[0\]: "pigeon" is not a known channel/),
    },
  });
});

test("a tenant's first policy replaces that of the default tenant from now on, where there is one", {
  timeout: 60_000,
}, () => {
  const folder = new Folder();
  folder.write('c/hello.yaml', campaign('hello', 'Hi'));
  folder.write('policy.yaml', 'sessionGap: 10m\n');
  const apply = (...args: string[]): string =>
    folder.run('campaigns', 'apply', 'c', '--policy', 'policy.yaml', '--dir', 'data', ...args).stdout;
  expect(apply('--tenant', 'first')).toMatch(/\npolicy +1 +ever +new\nhello +1 +ever +new\n/);
  apply();
  expect(apply('--tenant', 'second')).toMatch(/\npolicy +1 +20\d\d-\S+Z +new\nhello +1 +ever +new\n/);
});

test.each([
  ['simulate', '--events', 'e', '--out', 'o'],
  ['start'],
  ['publish', 'events', '--file', 'e'],
  ['campaigns', 'apply', 'c'],
  ['campaigns', 'validate', 'c'],
  ['campaigns', 'test', 'c'],
  ['campaigns', 'status', 'c'],
  ['campaigns', 'diff', 'c', 'c', '--events', 'e'],
  ['explain', 'u'],
  ['state', 'inspect', 'u'],
  ['topics', 'read', 'decisions'],
  ['dead-letters', 'list'],
  ['dead-letters', 'replay'],
])('%s %s takes a tenant, and refuses an id that can be none', (...args) => {
  const { code, stderr } = new Folder().run(...args, '--tenant', 'a/b');
  expect([code, stderr]).toEqual([2, expect.stringMatching(/--tenant.*Write the id of a tenant, without "\/"/)]);
});
