import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { campaignFromJson, campaignToJson } from '../../schemas/campaign.ts';
import { loadCampaigns } from './load-campaigns.ts';
import { describeProblem } from './read-yaml.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-templates-'));
  mkdirSync(join(folder, 'templates'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const campaign = (id: string, content: string, more = ''): void =>
  write(`${id}.yaml`, `id: ${id}\ntrigger: { session: closed }\nchannels: [sms, email]\ncontent: ${content}\n${more}`);
/** Without their columns. */
const told = (): string[] =>
  loadCampaigns(folder).problems.map((found) =>
    describeProblem(found)
      .replaceAll(`${folder}/`, '')
      .replace(/(\.yaml:\d+):\d+:/, '$1:'),
  );

const WINBACK = `en:
  default: "Hi {{ profile.name }}, {{ data.eventCount }} things wait."
  email:
    subject: "We miss you"
    body: "Dear {{ profile.name }}"
sw: "Habari {{ profile.name }}"
`;

describe('a template beside the campaigns', () => {
  it('is put into every campaign that names it, so that what travels needs no file', () => {
    write('templates/winback.yaml', WINBACK);
    campaign('a', '{ template: winback }');
    campaign(
      'b',
      '{ variants: [{ name: x, share: 50%, template: winback, locales: [sw] }, { name: y, share: 50%, text: hi }] }',
    );
    const { campaigns, problems } = loadCampaigns(folder);
    expect(problems).toEqual([]);
    const own = { default: { text: 'Habari {{ profile.name }}' } };
    expect(campaigns[0]?.content).toMatchObject({ template: 'winback', locales: ['en', 'sw'], bodies: { sw: own } });
    expect(campaigns[1]?.content).toMatchObject({
      variants: [{ locales: ['sw'], bodies: { sw: own } }, { text: 'hi' }],
    });
    for (const each of campaigns) expect(campaignFromJson(campaignToJson(each))).toEqual({ ok: true, value: each });
  });

  it('is the provider’s own where there is no such file', () => {
    campaign('a', '{ template: winback, locales: [en, sw] }');
    const { campaigns, problems } = loadCampaigns(folder);
    expect(campaigns[0]?.content).toEqual({ template: 'winback', locales: ['en', 'sw'] });
    expect(problems).toEqual([]);
  });

  it('tells its problems by its own file and line, once, whoever uses it', () => {
    write('templates/winback.yaml', `${WINBACK}fr:\n  default: "{{ profile.name | upcas }}"\n`);
    campaign('a', '{ template: winback }');
    campaign('b', '{ template: winback }');
    expect(told()).toEqual([
      'templates/winback.yaml:8: fr.default: has no filter "upcas", in line 1, column 1 (did you mean "upcase"?)',
    ]);
    expect(loadCampaigns(folder).campaigns).toEqual([]);
  });

  it('tells what a campaign needs of it, and which one', () => {
    write(
      'templates/winback.yaml',
      WINBACK.replace('data.eventCount', 'data.amount').replace(/^sw: (.*)$/m, 'sw: { email: $1 }'),
    );
    campaign('a', '{ template: winback, locales: [en, sw] }');
    campaign('b', '{ template: winback, locales: [en, de] }');
    expect(told()).toEqual([
      'templates/winback.yaml:6: sw: has no text for sms; a needs it (add sms: or default:)',
      expect.stringMatching(
        /^templates\/winback\.yaml:2: en\.default\.text: data\.amount is not among the facts of a closed session; a needs it \(/,
      ),
      'b.yaml:4: content.locales[1]: "de" is not in the template (it has en, sw: add de there, or leave it out here)',
    ]);
  });

  it('that nobody names, or is named with a slip of the pen, is warned of', () => {
    write('templates/winback.yaml', WINBACK);
    campaign('a', '{ template: winbak }');
    expect(told()).toEqual([
      'warning: a.yaml:4: content.template: has no file in templates/, so it is the provider\'s own (did you mean "winback"?)',
      'warning: templates/winback.yaml: is used by no campaign (name it as content.template, or delete the file)',
    ]);
  });

  it('that is no YAML stops the campaigns that use it, and them alone', () => {
    write('templates/winback.yaml', 'en: [\n');
    campaign('a', '{ template: winback }');
    campaign('b', '{ text: hi }');
    const { campaigns, problems } = loadCampaigns(folder);
    expect(campaigns.map(({ id }) => id)).toEqual(['b']);
    expect(problems.map(({ file }) => file)).toEqual([join(folder, 'templates/winback.yaml')]);
  });
});

describe('the folder of campaigns', () => {
  it('may hold scenarios', () => {
    campaign('a', '{ text: hi }');
    write('a.test.yaml', 'anything: at all\n');
    expect(loadCampaigns(folder)).toMatchObject({ campaigns: [{ id: 'a' }], problems: [] });
  });

  it('is warned of texts that take several SMS segments, and why', () => {
    campaign('a', `{ text: "${'x'.repeat(161)}" }`);
    campaign('b', `{ bodies: { en: { sms: "${'’'.repeat(71)}", email: "${'x'.repeat(500)}" } } }`);
    campaign('c', '{ text: "{{ profile.name }} and more" }');
    const mend = '(shorten it for sms, or set costs.sms in the policy to what so many segments cost)';
    expect(told()).toEqual([
      `warning: a.yaml:4: content.text: takes 2 SMS segments (161 units in GSM-7) ${mend}`,
      `warning: b.yaml:4: content.bodies.en.sms.text: takes 2 SMS segments (71 units in UCS-2, as "’" is not in the GSM-7 alphabet) ${mend}`,
    ]);
    expect(loadCampaigns(folder).campaigns).toHaveLength(3);
  });
});
