import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { defaultPolicy, parsePolicy } from '../../schemas/policy.ts';
import { type LoadedDefinitions, loadDefinitions } from '../files/load-definitions.ts';
import { describeProblem } from '../files/read-yaml.ts';
import { Folder, type Result } from '../testing/run-cli.ts';
import { loadScenarios } from './load.ts';
import { outcomeText } from './report.ts';
import { type Outcome, runScenario } from './run.ts';

const CAMPAIGN = `id: hello
trigger: { event: signup }
audience: { attribute: country, eq: KE }
channels: [sms, email]
content: { text: "Hi {{ profile.name }}" }
dedupe: { window: 1h }
`;
const GIVEN = `given:
  profile: { timezone: Africa/Nairobi, contacts: { sms: "+1", email: a@b.c }, attributes: { country: KE, name: Amina } }
  consents: [marketing]
`;

function folderWith(scenarios: string, campaign = CAMPAIGN): string {
  const folder = new Folder();
  folder.write('hello.yaml', campaign);
  folder.write('hello.test.yaml', scenarios);
  return folder.path;
}

function definitionsIn(folder: string): LoadedDefinitions {
  return loadDefinitions({ folder, policyFile: undefined });
}

function run(scenarios: string, campaign = CAMPAIGN): readonly Outcome[] {
  const folder = folderWith(scenarios, campaign);
  const definitions = definitionsIn(folder);
  const { campaigns } = definitions;
  const loaded = loadScenarios(folder, definitions);
  expect(loaded.problems.map(describeProblem)).toEqual([]);
  return loaded.scenarios.map((scenario) => runScenario(scenario, campaigns, defaultPolicy));
}

function one(expected: string, given = '', more = ''): Outcome {
  const events = '{ at: day 1 09:00, type: signup }';
  const scenario = `  - { name: it, given: { ${given === '' ? `events: [${events}]` : given} }, after: 1d, expect: ${expected}${more} }\n`;
  return run(`${GIVEN}scenarios:\n${scenario}`)[0] as Outcome;
}

function problemsOf(text: string): readonly string[] {
  const path = folderWith(text);
  return loadScenarios(path, definitionsIn(path)).problems.map((found) =>
    describeProblem(found).replace(`${path}/`, ''),
  );
}

describe('a scenario', () => {
  it.each([
    'nothing',
    '[sent, sent]',
    '[blocked]',
    '[scheduled]',
    '[{ sent: { channel: email } }]',
    '[{ sent: { at: day 1 09:01 } }]',
    '[{ sent: { at: day 2 } }]',
    '[{ sent: { text: Hallo } }]',
    '[{ sent: { variant: a } }]',
    '[{ blocked: no-consent }]',
    '[{ campaign: hello, scheduled: }]',
  ])('whose message is sent does not expect %s', (expected) => {
    expect(one(expected).passed).toBe(false);
  });

  it.each([
    '[sent]',
    '[{ sent: }]',
    '[{ sent: { channel: sms, at: day 1 09:00, text: Hi Amina } }]',
    '[{ sent: { at: "2026-03-02T06:00:00Z" } }]',
    '[{ sent: { at: day 1 }, campaign: hello }]',
  ])('whose message is sent expects %s', (expected) => {
    expect(one(expected).passed).toBe(true);
  });

  it('tells what a text lacks', () => {
    const given =
      'events: [{ at: day 1 09:00, type: signup }], profile: { contacts: { sms: "+1" }, attributes: { country: KE } }';
    expect(one('[{ blocked: { reason: bad-request, missing: profile.name } }]', given).passed).toBe(true);
    expect(one('[{ blocked: { reason: bad-request, missing: profile.age } }]', given).passed).toBe(false);
  });

  it('shows what was expected, what happened, and the steps of that', () => {
    const events =
      '[{ at: day 1 09:00, type: signup }, { at: day 1 09:10, type: signup }, { at: day 1 11:00, type: signup }]';
    const outcome = one('[sent, sent, { sent: { channel: email } }]', `events: ${events}`);
    expect(outcomeText(outcome, defaultPolicy).replaceAll(/^ {8}/gm, '')).toBe(`FAIL  hello.test.yaml:5  it
  sent on sms at day 1 09:00 with "Hi Amina"
+ blocked because duplicate at day 1 09:10
    a message of the same campaign or dedupe key is pending, or was sent within the dedupe window
    holdout: passed: not held out
    consent: passed: purpose marketing, sms granted 2026-02-28 21:00:00 UTC, email granted 2026-02-28 21:00:00 UTC
    duplicate: blocked: one was sent at 2026-03-02 06:00:00 UTC, so none may follow within 1h
  sent on sms at day 1 11:00 with "Hi Amina"
- sent on email
`);
  });

  it('that nothing came of says why the trigger made no request', () => {
    const outcome = one(
      '[sent]',
      'events: [{ at: day 1 09:00, type: signup }], profile: { attributes: { country: UG } }',
    );
    expect(outcomeText(outcome, defaultPolicy).replaceAll(/^ {8}/gm, '')).toBe(`FAIL  hello.test.yaml:5  it
- sent
+ nothing
    the trigger fired on day 1 09:00, but audience: attribute country is "UG", needs "KE"
`);
  });

  it('takes requests, and receipts of what was sent', () => {
    const given = 'requests: [{ at: day 1 09:00, data: { a: 1 } }], receipts: [{ at: day 1 09:01, status: failed }]';
    // What failed for good is tried on the next channel.
    const chain = '[{ sent: { channel: sms, at: day 1 09:00 } }, { sent: { channel: email, at: day 1 09:01 } }]';
    expect(one(chain, given)).toMatchObject({ passed: true, faults: [] });
    const early = 'requests: [{ at: day 1 09:00 }], receipts: [{ at: day 1 08:59, status: failed }]';
    expect(one('[sent]', early)).toMatchObject({
      passed: false,
      faults: ['no message was sent that the receipt failed could be for'],
    });
  });

  it('chooses a user of the variant, in or outside the holdout, as it wishes', () => {
    const campaign = `${CAMPAIGN.replace(/content: .*\n/, '')}holdout: 50%
content: { variants: [{ name: a, share: 50%, text: A }, { name: b, share: 50%, text: B }] }
`;
    const scenario = (given: string, expected: string): string =>
      `  - { name: x, given: { events: [{ at: day 1, type: signup }], ${given} }, after: 1h, expect: [${expected}] }\n`;
    const outcomes = run(
      `${GIVEN}scenarios:\n${scenario('variant: a', '{ sent: { text: A, variant: a } }')}${scenario('variant: b', '{ sent: { text: B } }')}${scenario('holdout: true', '{ blocked: holdout }')}`,
      campaign,
    );
    expect(outcomes.map(({ passed }) => passed)).toEqual([true, true, true]);
  });

  it('minds what other campaigns do only where it names them', () => {
    const folder = new Folder();
    folder.write('hello.yaml', CAMPAIGN);
    folder.write('other.yaml', CAMPAIGN.replace('id: hello', 'id: other'));
    const scenario = (expected: string): string =>
      `  - { name: x, given: { events: [{ at: day 1, type: signup }] }, after: 1h, expect: [${expected}] }\n`;
    folder.write(
      'hello.test.yaml',
      `${GIVEN}scenarios:\n${scenario('sent')}${scenario('sent, { campaign: other, sent: }')}${scenario('sent, sent')}`,
    );
    const definitions = definitionsIn(folder.path);
    const { campaigns } = definitions;
    const { scenarios } = loadScenarios(folder.path, definitions);
    expect(scenarios.map((each) => runScenario(each, campaigns, defaultPolicy).passed)).toEqual([true, true, false]);
  });
});

describe('a scenario file', () => {
  const scenario = (text: string): readonly string[] => problemsOf(`scenarios:\n  - ${text}\n`);

  it.each([
    [
      '{ name: a, expect: nothing, after: 3 days }',
      /^hello\.test\.yaml:2:40: scenarios\[0\]\.after: "3 days" is not a duration/,
    ],
    ['{ name: a }', /scenarios\[0\]\.expect: is missing \(add it: a list\)/],
    ['{ name: a, expect: sent }', /scenarios\[0\]\.expect: is text, not a list/],
    ['{ name: a, expect: [sentt] }', /expect\[0\]\.sentt: is not a known key \(did you mean "sent"\?\)/],
    [
      '{ name: a, expect: [{ blocked: no-consnt }] }',
      /blocked\.reason: is "no-consnt" \(did you mean "no-consent"\?\)/,
    ],
    ['{ name: a, expect: [{ sent: , blocked: }] }', /expect\[0\]: says sent and blocked at once/],
    ['{ name: a, expect: [{ sent: { at: noon } }] }', /sent\.at: "noon" is no moment \(write -3d, 2h, day 8 09:30/],
    [
      '{ name: a, expect: [{ campaign: helo, sent: }] }',
      /expect\[0\]\.campaign: "helo" is no campaign .*did you mean "hello"/,
    ],
    ['{ name: a, expect: nothing, after: 1d, until: day 3 }', /until: has after and until/],
    ['{ name: a, expect: nothing, given: { variant: z } }', /given\.variant: fits no user/],
    ['{ name: a, expect: nothing, given: { holdout: true } }', /given\.holdout: fits no user/],
    ['{ name: a, expect: nothing, given: { events: [{ type: x }] } }', /given\.events\[0\]\.at: is missing/],
    ['{ name: a, expect: nothing, given: { profile: { ages: 5 } } }', /given\.profile\.ages: unknown field/],
    ['{ name: a, expect: nothing, given: { profile: { contacts: { sms: 5 } } } }', /given\.profile\.contacts\.sms: /],
    [
      '{ name: a, expect: nothing, given: { events: [{ at: day 5, type: x }] }, until: day 3 }',
      /until: is before the last/,
    ],
    ['{ name: a, expect: nothing, given: { consents: [{ at: day 1 }] } }', /given\.consents\[0\]\.purpose: is missing/],
  ])('%s is refused with file, line, path, reason and mend', (text, expected) => {
    const [first = ''] = scenario(text);
    expect(first).toMatch(expected);
    expect(first).toMatch(/^hello\.test\.yaml:2:\d+: .+ \(.+\)$/);
  });

  it('is about the campaign of its name, or says which', () => {
    const folder = new Folder();
    folder.write('hello.yaml', CAMPAIGN);
    folder.write('helo.test.yaml', 'scenarios: [{ name: a, expect: nothing }]\n');
    folder.write('other.test.yaml', 'campaign: hello\nscenarios: [{ name: a, expect: nothing }]\n');
    const { scenarios, problems } = loadScenarios(folder.path, definitionsIn(folder.path));
    expect(scenarios.map(({ campaignId }) => campaignId)).toEqual(['hello']);
    expect(problems.map(({ reason, mend }) => `${reason} (${mend})`)).toEqual([
      '"helo" is no campaign of the folder (did you mean "hello"? Or name it as campaign:)',
    ]);
  });
});

describe('campaigns test', () => {
  it('runs the scenarios of the examples, which all pass', () => {
    const examples = fileURLToPath(new URL('../../examples/campaigns', import.meta.url));
    const definitions = definitionsIn(examples);
    const { campaigns } = definitions;
    const { scenarios, problems } = loadScenarios(examples, definitions);
    expect(problems).toEqual([]);
    expect(new Set(scenarios.map(({ campaignId }) => campaignId))).toEqual(new Set(campaigns.map(({ id }) => id)));
    const failed = scenarios.map((each) => runScenario(each, campaigns, defaultPolicy)).filter(({ passed }) => !passed);
    expect(failed.map((each) => outcomeText(each, defaultPolicy))).toEqual([]);
  });

  const scenario = (name: string, expected: string): string =>
    `  - { name: ${name}, given: { events: [{ at: day 1, type: signup }] }, after: 1h, expect: ${expected} }\n`;
  const GOOD = `${GIVEN}scenarios:\n${scenario('good one', '[sent]')}`;
  const run = (file: string | undefined, ...args: string[]): Result => {
    const folder = new Folder();
    folder.write('c/hello.yaml', CAMPAIGN);
    if (file !== undefined) folder.write('c/hello.test.yaml', file);
    return folder.run('campaigns', 'test', 'c', ...args);
  };

  it('ends with 0 when all pass', () => {
    expect(run(GOOD)).toEqual({
      code: 0,
      stdout: 'pass  hello.test.yaml:5  good one\n1 scenario: 1 passed, 0 failed\n',
      stderr: expect.stringMatching(/^beckon: 1 scenario in \d+ ms\n$/),
    });
  });

  it('ends with 1 when one fails, and runs only what the filter lets through', () => {
    const both = GOOD + scenario('bad one', 'nothing');
    const failed = run(both);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/beckon: 1 scenario failed\n$/) });
    expect(failed.stdout).toMatch(/^pass .*\nFAIL .*:6 {2}bad one\n {8}- nothing\n {8}\+ sent on sms .*"Hi Amina"\n/);
    expect(run(both, '--filter', 'GOOD').code).toBe(0);
  });

  it.each([
    [GOOD, ['--filter', 'none'], /^beckon: --filter none: fits none of the 1 scenarios; write a part of a name\n$/],
    ['scenarios: []\n', [], /^beckon: c\/hello\.test\.yaml:1:12: scenarios: is empty \(.+\)\n$/],
    [undefined, [], /holds no scenario/],
  ])('ends with 2 when a file is wrong or there is nothing to run', (file, args, expected) => {
    const { code, stderr } = run(file, ...args);
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
  });

  it('tells what is wrong in policy, campaigns, templates and scenarios at once', () => {
    const folder = new Folder();
    folder.write('policy.yaml', 'sessionGap: 10 m\n');
    folder.write('c/bad.yaml', CAMPAIGN.replace('id: hello', 'id: bad\nclas: x'));
    folder.write('c/hello.yaml', CAMPAIGN);
    folder.write(
      'c/templated.yaml',
      'id: templated\nclas: x\ntrigger: { event: x }\nchannels: [sms]\ncontent: { template: t }\n',
    );
    folder.write('c/templates/t.yaml', 'en: { default: { text: "{{ open" } }\n');
    folder.write('c/bad.test.yaml', 'scenarios: [{ name: a, expect: nothing, given: { holdout: true } }]\n');
    folder.write('c/hello.test.yaml', 'scenarios: [{ name: a, expect: [{ campaign: helo, sent: }] }]\n');
    folder.write('c/typo.test.yaml', 'scenarios: [{ name: a, expect: nothing, after: 3 days }]\n');
    const { code, stderr } = folder.run('campaigns', 'test', 'c', '--policy', 'policy.yaml');
    expect(code).toBe(2);
    expect(stderr.split('\n').map((line) => line.replace(/^beckon: (\S+: [^ ]+).*$/, '$1'))).toEqual([
      'policy.yaml:1:13: sessionGap:',
      'c/bad.yaml:2:7: clas:',
      'c/templated.yaml:2:7: clas:',
      expect.stringMatching(/^c\/templates\/t\.yaml:1:\d+: /),
      'c/hello.test.yaml:1:45: scenarios[0].expect[0].campaign:',
      'c/typo.test.yaml:1:48: scenarios[0].after:',
      '',
    ]);
  });

  it('holds no reference against a scenario where a file does not tell whose campaign it is', () => {
    const folder = new Folder();
    folder.write('c/hello.yaml', CAMPAIGN);
    folder.write('c/broken.yaml', 'id: [\n');
    folder.write('c/other.test.yaml', 'scenarios: [{ name: a, expect: nothing }]\n');
    const { stderr } = folder.run('campaigns', 'test', 'c');
    expect(stderr).toContain('c/broken.yaml:');
    expect(stderr).not.toContain('no campaign');
  });

  it('judges by the policy that is named', () => {
    const path = folderWith(
      `${GIVEN}scenarios: [{ name: a, given: { events: [{ at: day 1 22:00, type: signup }] }, after: 1h, expect: [{ scheduled: { at: day 2 08:00 } }] }]\n`,
    );
    const policy = parsePolicy({ quietHours: '21:00-08:00' });
    if (!policy.ok) throw new Error('the policy is wrong');
    const definitions = loadDefinitions({ folder: path, policyFile: undefined }, policy.value);
    const { campaigns } = definitions;
    const { scenarios } = loadScenarios(path, definitions);
    expect(scenarios.map((each) => runScenario(each, campaigns, policy.value).passed)).toEqual([true]);
  });
});
