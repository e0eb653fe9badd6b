import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Folder } from '../testing/run-cli.ts';

const campaign = (id: string, more = ''): string =>
  `id: ${id}\ntrigger: { event: x }\nchannels: [email]\ncontent: { text: hi }\n${more}`;

/** A policy and two campaigns that are wrong, and one that is not. */
function wrong(): Folder {
  const folder = new Folder();
  folder.write('policy.yaml', 'sessionGap: 10 m\nquietHours: night\n');
  folder.write('c/a.yaml', campaign('a', 'priority: high\nclas: x\n'));
  folder.write('c/b.yaml', 'id: [b\n');
  folder.write('c/good.yaml', campaign('good'));
  return folder;
}

/** File, line, column and path of each. */
const places = (stderr: string): readonly string[] =>
  stderr.split('\n').map((line) => line.replace(/^beckon: (\S+:\d+:\d+: )(\S+: )?.*$/, '$1$2'));

const EXPECTED = [
  'policy.yaml:1:13: sessionGap: ',
  'policy.yaml:2:13: quietHours: ',
  'c/a.yaml:5:11: priority: ',
  'c/a.yaml:6:7: clas: ',
  expect.stringMatching(/^c\/b\.yaml:\d+:\d+: /),
  '',
];

test.each([
  ['start', '--campaigns', 'c', '--dir', 'data', '--port', '0'],
  ['simulate', '--campaigns', 'c', '--events', 'policy.yaml', '--out', 'out'],
  ['campaigns', 'validate', 'c'],
  ['campaigns', 'apply', 'c', '--dir', 'data'],
  ['campaigns', 'test', 'c'],
  ['campaigns', 'diff', 'c', 'c', '--events', 'policy.yaml'],
])('%s %s tells all that is wrong in all files at once', (...args) => {
  const folder = wrong();
  const { code, stdout, stderr } = folder.run(...args, '--policy', 'policy.yaml');
  expect([code, stdout]).toEqual([2, '']);
  expect(places(stderr)).toEqual(EXPECTED);
  expect(existsSync(folder.at('data'))).toBe(false);
});

test('what the second folder and policy of a comparison, and its records, lack is told with the rest', () => {
  const folder = wrong();
  folder.write('other.yaml', 'hold: yes\n');
  folder.write('d/c.yaml', campaign('c', 'priority: 200\n'));
  const { code, stderr } = folder.run(
    ...['campaigns', 'diff', 'c', 'd', '--policy', 'policy.yaml', '--policy-after', 'other.yaml'],
    ...['--events', 'none.ndjson', '--profiles', 'c'],
  );
  expect(code).toBe(2);
  expect(places(stderr)).toEqual([
    ...EXPECTED.slice(0, -1),
    'other.yaml:1:7: hold: ',
    'd/c.yaml:5:11: priority: ',
    'beckon: c: is a directory; name an .ndjson or .ndjson.gz file in it',
    'beckon: none.ndjson: no such file; check the path',
    '',
  ]);
});

test('campaigns that are held to the policy on the log are told with what is wrong by itself', {
  timeout: 60_000,
}, () => {
  const folder = new Folder();
  folder.write('c/good.yaml', campaign('good'));
  folder.write('policy.yaml', 'channels: { carrier-pigeon: {} }\ninactivity: [5d]\n');
  const apply = ['campaigns', 'apply', 'c', '--dir', 'data'];
  expect(folder.run(...apply, '--policy', 'policy.yaml').code).toBe(0);
  folder.write('c/bird.yaml', campaign('bird').replace('email', 'carrier-pigeon'));
  expect(folder.run(...apply).code).toBe(0);
  folder.write('c/silent.yaml', campaign('silent').replace('event: x', 'signal: inactive, after: 7d'));
  folder.write('c/typo.yaml', campaign('typo', 'clas: x\n'));
  for (const args of [apply, ['start', '--campaigns', 'c', '--dir', 'data', '--port', '0', '--topology', 'engage']]) {
    const { code, stderr } = folder.run(...args);
    expect(code).toBe(2);
    expect(places(stderr)).toEqual(['c/silent.yaml:2:37: trigger.after: ', 'c/typo.yaml:5:7: clas: ', '']);
  }
});
