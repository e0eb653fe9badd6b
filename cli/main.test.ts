import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Folder, MAIN } from './testing/run-cli.ts';

const CAMPAIGN = 'id: hello\ntrigger: { event: signup }\nchannels: [email]\ncontent: { text: hi }\n';

describe('beckon', () => {
  it('shows every command, with examples and exit codes, and succeeds', () => {
    const { code, stdout, stderr } = new Folder().run('--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const word of ['simulate', 'explain', 'campaigns', 'topology', 'Examples:', 'Exit codes'])
      expect(stdout).toContain(word);
  });

  it.each([['simulate'], ['explain'], ['campaigns'], ['campaigns validate'], ['topology describe']])(
    'shows examples of %s',
    (command) => {
      const { code, stdout } = new Folder().run(...command.split(' '), '--help');
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: beckon ${command}`);
      expect(stdout).toContain('Examples:');
    },
  );

  it.each([
    [['simulat'], /unknown command 'simulat' \(Did you mean simulate\?\)/],
    [['--nonsense'], /unknown option '--nonsense'/],
    [['explain', 'u1', '--tennant', 'a'], /unknown option '--tennant' \(Did you mean --tenant\?\)/],
    [['explain'], /missing required argument 'user'/],
    [['topology'], /Usage: beckon topology/],
    [['campaigns', 'validate', 'a', 'b'], /too many arguments/],
  ])('refuses %j as bad input', (args, message) => {
    const { code, stdout, stderr } = new Folder().run(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    if (!stderr.startsWith('Usage')) expect(stderr.split('\n')).toHaveLength(2);
  });

  it('says nothing when its reader has closed the pipe', async () => {
    const child = spawn(process.execPath, [MAIN, 'topology', 'describe']);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const [code] = await once(child, 'close');
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });
});

describe('beckon topology describe', () => {
  it('prints every consumer group with what it reads, keeps and emits', () => {
    const { code, stdout } = new Folder().run('topology', 'describe');
    expect(code).toBe(0);
    expect(stdout).toMatchSnapshot();
  });
});

describe('beckon campaigns validate', () => {
  it('counts the valid ones', () => {
    const folder = new Folder();
    folder.write('hello.yaml', CAMPAIGN);
    expect(folder.run('campaigns', 'validate', '.')).toEqual({ code: 0, stdout: '1 campaign valid\n', stderr: '' });
  });

  it('prints every problem with file, line, path, reason and mend', () => {
    const folder = new Folder();
    folder.write('a.yaml', `${CAMPAIGN}priority: 900\n`);
    folder.write('b.yaml', CAMPAIGN.replace('email', 'emial').replace('hello', 'other'));
    const { code, stdout, stderr } = folder.run('campaigns', 'validate', folder.path);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    const [first, second] = stderr.split('\n');
    expect(first).toMatch(/a\.yaml:5:11: priority: is 900, more than 100 \(write 100 or less\)$/);
    expect(second).toMatch(/b\.yaml:3:12: channels\[0\]: "emial" is not a known channel \(.*email.*\)$/);
  });

  it('tells what is wrong with the policy and with the campaigns at once', () => {
    const folder = new Folder();
    folder.write('campaigns/a.yaml', `${CAMPAIGN}priority: 900\n`);
    folder.write('policy.yaml', 'sesionGap: 20m\n');
    const { code, stderr } = folder.run('campaigns', 'validate', 'campaigns', '--policy', 'policy.yaml');
    expect(code).toBe(2);
    expect(stderr.split('\n').map((line) => line.split(': ').slice(1, 3).join(' '))).toEqual([
      'policy.yaml:1:12 sesionGap',
      'campaigns/a.yaml:5:11 priority',
      '',
    ]);
  });

  it('warns without failing', () => {
    const folder = new Folder();
    folder.write('hello.yaml', CAMPAIGN.replace('[email]', '[email, sms]'));
    const policy = new Folder().write('policy.yaml', 'channels: { sms: { enabled: false } }\n');
    const { code, stdout, stderr } = folder.run('campaigns', 'validate', '.', '--policy', policy);
    expect(code).toBe(0);
    expect(stdout).toBe('1 campaign valid\n');
    expect(stderr).toMatch(/warning: .*sms is disabled/);
  });

  it.each([
    ['nowhere', /nowhere: does not exist/],
    ['file.yaml', /file\.yaml: is a file, not a folder/],
    ['', /the folder has no name/],
  ])('refuses the folder "%s"', (name, message) => {
    const folder = new Folder();
    folder.write('file.yaml', CAMPAIGN);
    const { code, stderr } = folder.run('campaigns', 'validate', name);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
