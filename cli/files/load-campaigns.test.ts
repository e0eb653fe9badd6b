import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Policy, parsePolicy } from '../../schemas/policy.ts';
import { loadCampaigns } from './load-campaigns.ts';
import { loadPolicy } from './load-policy.ts';
import { describeProblem } from './read-yaml.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-campaigns-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const yaml = (id: string, more = ''): string =>
  `id: ${id}\ntrigger: { event: x }\nchannels: [sms, email]\ncontent: { text: hi }\n${more}`;
const write = (name: string, content: string | Buffer): void => writeFileSync(join(folder, name), content);
const placed = (policy?: Policy): string[] =>
  loadCampaigns(folder, policy).problems.map((found) => describeProblem(found).replaceAll(folder, 'DIR'));
/** Without their columns. */
const lines = (policy?: Policy): string[] => placed(policy).map((line) => line.replace(/(\.yaml:\d+):\d+:/, '$1:'));
const ids = (policy?: Policy): string[] => loadCampaigns(folder, policy).campaigns.map(({ id }) => id);
const policy = (input: unknown): Policy => {
  const parsed = parsePolicy(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
};

describe('a folder of campaigns', () => {
  it('gives the campaigns of its .yaml and .yml files by id', () => {
    write('2.yaml', yaml('b'));
    write('1.yml', yaml('c'));
    write('3.yaml', yaml('a'));
    write('notes.txt', 'not: [yaml');
    write('.4.yaml', 'left by an editor: [');
    expect(ids()).toEqual(['a', 'b', 'c']);
    expect(lines()).toEqual([]);
  });

  it('keeps its valid campaigns beside the problems of the others', () => {
    write('bad.yaml', yaml('bad', 'prioritty: 3\nbudget:\n  total: 5\n  daily: 9\n'));
    write('good.yaml', yaml('good'));
    expect(ids()).toEqual(['good']);
    expect(lines()).toEqual([
      'DIR/bad.yaml:8: budget.daily: impossible budget: daily is more than total (lower daily or raise total)',
      'DIR/bad.yaml:5: prioritty: is not a known key (did you mean "priority"?)',
    ]);
  });

  it('refuses an id that two files share, naming both', () => {
    write('a.yaml', yaml('same'));
    write('b.yaml', yaml('same'));
    expect(lines()).toEqual(['DIR/b.yaml:1: id: "same" is also the id of DIR/a.yaml (give one of the two another id)']);
    expect(ids()).toEqual(['same']);
  });

  it('is refused where it is missing, a file, or without campaigns', () => {
    expect(lines()).toEqual(['DIR: holds no campaign (put *.yaml files directly into it, or name another folder)']);
    write('a.yaml', yaml('a'));
    const line = (path: string): string[] => loadCampaigns(path).problems.map((found) => describeProblem(found));
    expect(line(join(folder, 'none'))).toEqual([`${folder}/none: does not exist (check the path)`]);
    expect(line(join(folder, 'a.yaml'))).toEqual([
      `${folder}/a.yaml: is a file, not a folder (name the folder it lies in)`,
    ]);
  });

  it.each<[string, string | Buffer, string]>([
    ['an empty file', '', 'DIR/x.yaml: is empty (write its keys, or delete the file)'],
    ['only comments', '# soon\n', 'DIR/x.yaml: has nothing but comments (write its keys, or delete the file)'],
    ['a list', '- id: a\n', 'DIR/x.yaml:1: is a list, not keys with values (write keys with values)'],
    ['broken YAML', 'id: a\nchannels: [sms\n', 'DIR/x.yaml:3: is not valid YAML:'],
    [
      'a tab',
      'schedule:\n\tsendTime: asap\n',
      'DIR/x.yaml:2: is not valid YAML: a tab indents a line (indent with spaces)',
    ],
    [
      'a key given twice',
      'id: a\nid: b\n',
      'DIR/x.yaml:2: is not valid YAML: a key is there twice (keep one of the two)',
    ],
    ['two documents', 'id: a\n---\nid: b\n', 'DIR/x.yaml:2: holds several YAML documents (write one file each)'],
    ['an unknown tag', 'id: !secret a\n', 'DIR/x.yaml:1: is not valid YAML: Unresolved tag: !secret'],
    ['an alias to nowhere', 'id: *a\n', 'DIR/x.yaml'],
    [
      'other bytes than UTF-8',
      Buffer.from([0x69, 0x64, 0x3a, 0x20, 0xff]),
      'DIR/x.yaml: is not UTF-8 text (save it in the encoding UTF-8)',
    ],
    ['nesting beyond reason', `audience: ${'['.repeat(20_000)}`, 'DIR/x.yaml'],
    ['a bomb of aliases', bomb(), 'DIR/x.yaml'],
    [
      'too many bytes',
      `# ${'x'.repeat(1_000_001)}`,
      'DIR/x.yaml: has 1000003 bytes, too many for such a file (name a YAML file under 1 MB)',
    ],
  ])('says in one line that a file has %s', (_, content, expected) => {
    write('x.yaml', content);
    const found = lines();
    expect(found).toHaveLength(1);
    expect(found[0]?.slice(0, expected.length)).toBe(expected);
    expect(found[0]).not.toContain('\n');
    expect(found[0]).toMatch(/ \(.+\)$/);
  });

  it('says so where an entry cannot be a campaign file', () => {
    mkdirSync(join(folder, 'a.yaml'));
    symlinkSync(join(folder, 'gone'), join(folder, 'b.yaml'));
    write('policy.yaml', 'sessionGap: 30m\n');
    expect(lines()).toEqual([
      'DIR/a.yaml: is a folder, not a file (name the YAML file in it)',
      'DIR/b.yaml: does not exist (check the path)',
      'DIR/policy.yaml: lies among the campaigns (move it out of the folder and name it as the policy)',
    ]);
  });

  it('finds the line behind an alias and in a list', () => {
    write('a.yaml', 'id: a\ntrigger: { event: x }\nchannels:\n  - sms\n  - smss\ncontent: { text: hi }\n');
    expect(lines()[0]).toMatch(/^DIR\/a.yaml:5: channels\[1\]: "smss" is not a known channel/);
    write('a.yaml', 'id: a\ntrigger: &t\n  event: 5\nchannels: [sms]\ncontent: { text: hi }\naudience: *t\n');
    expect(lines().map((line) => line.slice(0, 24))).toEqual(['DIR/a.yaml:3: trigger.ev', 'DIR/a.yaml:3: audience.e']);
  });

  it('tells all that is wrong at once, whatever kind of wrong it is, and where in its line each stands', () => {
    write('a.yaml', 'id: a\ntrigger: { event: x }\nchannels: [sms, smoke]\ncontent: { text: hi }\npriority: 900\n');
    write('b.yaml', 'id: b\nid: c\ncontent: {\n');
    write('c.yaml', yaml('c', 'budget: { currency: KES, total: 1 }\n'));
    write('d.yaml', yaml('c', 'budget: { currency: KES, total: 1 }\n'));
    const found = placed();
    expect(found.map((line) => line.split(' ')[0])).toEqual([
      'DIR/a.yaml:5:11:',
      'DIR/a.yaml:3:17:',
      ...['DIR/b.yaml:2:1:', 'DIR/b.yaml:4:1:'],
      'DIR/c.yaml:5:21:',
      ...['DIR/d.yaml:1:5:', 'DIR/d.yaml:5:21:'],
    ]);
    expect(found.filter((line) => line.includes('\n'))).toEqual([]);
  });

  it('is not held to a policy that is wrong itself', () => {
    write('a.yaml', yaml('a', 'priority: 900\n').replace('sms', 'smoke'));
    const found = loadCampaigns(folder, null).problems.map(({ path }) => path);
    expect(found).toEqual(['priority']);
  });

  it('lets nothing of a message into an error about broken YAML', () => {
    write('a.yaml', 'id: a\ncontent: { text: "Dear Jane" Doe }\n');
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).not.toMatch(/Jane|Doe/);
  });
});

describe('a campaign under a policy', () => {
  it('waits for one of its inactivity thresholds', () => {
    write('a.yaml', yaml('a').replace('event: x', 'signal: inactive, after: 5d'));
    expect(lines()).toEqual([
      "DIR/a.yaml:2: trigger.after: 5d is none of the policy's inactivity thresholds (write one of 3d, 7d, 14d, 30d, or add it to the policy's inactivity)",
    ]);
    expect(ids(policy({ inactivity: ['5d'] }))).toEqual(['a']);
    write('a.yaml', yaml('a').replace('event: x', 'signal: returned, after: 5d'));
    expect(ids()).toEqual(['a']);
  });

  it('spends in its currency', () => {
    write('a.yaml', yaml('a', 'budget: { currency: KES, total: 100 }\n'));
    expect(lines()[0]).toMatch(/^DIR\/a.yaml:5: budget.currency: is KES, but the policy's costs are in USD/);
    expect(ids(policy({ currency: 'KES', costs: { sms: 1, whatsapp: 1, email: 1 } }))).toEqual(['a']);
  });

  it('can pay a message from every limit', () => {
    write('a.yaml', yaml('a', 'budget: { total: 0.00009, daily: 0.00001, perChannel: { sms: 0.005 } }\n'));
    expect(lines()).toEqual([
      'DIR/a.yaml:5: budget.total: impossible budget: 0.00009 USD cannot pay one message at 0.0001 USD (raise the limit, or leave the channel out)',
      'DIR/a.yaml:5: budget.daily: impossible budget: 0.00001 USD cannot pay one message at 0.0001 USD (raise the limit, or leave the channel out)',
      'DIR/a.yaml:5: budget.perChannel.sms: impossible budget: 0.005 USD cannot pay one message at 0.0075 USD (raise the limit, or leave the channel out)',
    ]);
    expect(ids(policy({ costs: { email: 0.00001, sms: 0.005 } }))).toEqual(['a']);
  });

  it('is warned of a disabled channel, and runs', () => {
    write('a.yaml', yaml('a'));
    const own = policy({ channels: { sms: { enabled: false } } });
    expect(lines(own)).toEqual([
      'warning: DIR/a.yaml:3: channels[0]: sms is disabled by the policy (enable it in the policy, or leave it out here)',
    ]);
    expect(ids(own)).toEqual(['a']);
  });

  it('may use the channels that it registers', () => {
    write('a.yaml', yaml('a').replace('sms', 'rcs'));
    expect(lines()).toHaveLength(1);
    expect(ids(policy({ channels: { rcs: {} } }))).toEqual(['a']);
  });
});

describe('the examples', () => {
  const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

  it('are valid, under their policy and without it', () => {
    const { policy: own, problems } = loadPolicy(join(examples, 'policy.yaml'));
    expect(problems).toEqual([]);
    for (const each of [own ?? undefined, undefined]) {
      const loaded = loadCampaigns(join(examples, 'campaigns'), each);
      expect(loaded.problems).toEqual([]);
      expect(loaded.campaigns.map(({ id }) => id)).toEqual([
        'abandoned-cart',
        'group-savings',
        'savings-reminder',
        'winback-7d',
      ]);
    }
  });
});

function bomb(): string {
  const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(10)}]`);
  return ['l0: &l0 [x]', ...levels].join('\n');
}
