import { cpSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseBodies } from '../../schemas/campaign/bodies.ts';
import { parseCampaign } from '../../schemas/campaign.ts';
import { channelIds } from '../../schemas/channels.ts';
import { defaultPolicy, parsePolicy } from '../../schemas/policy.ts';
import { dateDirectives, FILTERS, TAGS } from '../../schemas/template/filters.ts';
import { parseScenarios } from '../scenarios/model.ts';
import { Folder, type Result } from '../testing/run-cli.ts';

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const blocks = (text: string): object[] =>
  [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map((block) => parse(block[1] ?? ''));
/** The first columns of the page's tables. */
const documented = (text: string): string[] =>
  [...text.matchAll(/^\| (.+?) \|/gm)].flatMap((row) => (row[1] ?? '').match(/\w+/g) ?? []);
/** The keys that a model knows, in the words of its own refusal. */
const known = (mend: string | undefined): string[] => (mend ?? '').replace(/^write one of: /, '').split(', ');

describe('docs/campaigns.md', () => {
  const text = page('campaigns.md');
  const base = { id: 'a', trigger: { event: 'x' }, channels: ['sms'], content: { text: 'hi' } };
  const keysOf = (over: object): string[] => {
    const parsed = parseCampaign({ ...base, ...over });
    return parsed.ok ? [] : known(parsed.problems[0]?.mend);
  };

  it('shows campaigns and parts of campaigns that are valid', () => {
    expect(blocks(text)).toHaveLength(6);
    for (const block of blocks(text)) expect(parseCampaign({ ...base, ...block })).toMatchObject({ ok: true });
  });

  it('explains every key of a campaign and of its budget', () => {
    const keys = [...keysOf({ xxxxxxxx: 1 }), ...keysOf({ budget: { total: 1, xxxxxxxx: 1 } })];
    expect(keys.length).toBeGreaterThan(20);
    expect(documented(text)).toEqual(expect.arrayContaining(keys));
  });

  it('lists every channel', () => {
    expect(text).toContain(channelIds.join(', '));
  });
});

describe('docs/content.md', () => {
  const text = page('content.md');

  it('shows a template and variants that are valid', () => {
    const [template, variants] = blocks(text) as [object, { content: object }];
    expect(parseBodies(template)).toMatchObject({ ok: true });
    const base = { id: 'a', trigger: { event: 'x' }, channels: ['sms', 'email'] };
    expect(parseCampaign({ ...base, ...variants })).toMatchObject({ ok: true });
    expect(parseCampaign({ ...base, content: { bodies: template } })).toMatchObject({ ok: true });
  });

  it('lists every tag, filter and part of a date', () => {
    const named = [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining([...TAGS.filter((tag) => tag !== 'if'), ...FILTERS]));
    expect(text).toContain(dateDirectives.join(' '));
  });
});

describe('docs/policy.md', () => {
  const text = page('policy.md');

  it('shows the defaults as they are, and caps that are valid', () => {
    const [defaults, caps] = blocks(text);
    for (const block of blocks(text)) expect(parsePolicy(block)).toMatchObject({ ok: true });
    expect(parsePolicy(defaults)).toEqual({ ok: true, value: defaultPolicy });
    const parsed = parsePolicy(caps);
    for (const { rule } of parsed.ok ? parsed.value.caps : []) expect(text).toContain(`\`${rule}\``);
    expect(parsed.ok).toBe(true);
  });

  it('explains every key', () => {
    const parsed = parsePolicy({ xxxxxxxx: 1 });
    const keys = parsed.ok ? [] : known(parsed.problems[0]?.mend);
    expect(keys.length).toBeGreaterThan(10);
    expect(documented(text)).toEqual(expect.arrayContaining(keys));
  });
});

describe('docs/explain.md', () => {
  it('shows what explain says of examples/explain, to the letter', { timeout: 120_000 }, () => {
    const folder = new Folder();
    cpSync(new URL('../../examples/explain', import.meta.url), folder.path, { recursive: true });
    const text = page('explain.md');
    const [simulate = ''] = [...text.matchAll(/^```sh\nbeckon (.*?)\n```/gms)].map(([, line = '']) => line);
    const run = (line: string): Result => folder.run(...line.replaceAll('\\\n', ' ').trim().split(/\s+/));
    expect(run(simulate).code).toBe(0);
    const shown = [...text.matchAll(/^```console\n\$ beckon (.*?)\n(.*?)^```/gms)];
    expect(shown).toHaveLength(4);
    for (const [, line = '', answer] of shown) expect(run(line).stdout).toBe(answer);
  });
});

describe('docs/testing.md', () => {
  it('shows scenarios that are valid, and explains every key', () => {
    const text = page('testing.md');
    const [shown] = blocks(text);
    expect(parseScenarios(shown)).toMatchObject({ ok: true });
    const entry = { name: 'a', expect: 'nothing' };
    const keysOf = (file: object): string[] => {
      const parsed = parseScenarios({ scenarios: [entry], ...file });
      return parsed.ok ? [] : known(parsed.problems[0]?.mend);
    };
    const keys = [
      ...keysOf({ xxxxxxxx: 1 }),
      ...keysOf({ given: { xxxxxxxx: 1 } }),
      ...keysOf({ given: { events: [{ at: '1d', type: 'x', xxxxxxxx: 1 }] } }),
      ...keysOf({ given: { requests: [{ at: '1d', xxxxxxxx: 1 }] } }),
      ...keysOf({ given: { receipts: [{ at: '1d', status: 'failed', xxxxxxxx: 1 }] } }),
      ...keysOf({ scenarios: [{ ...entry, xxxxxxxx: 1 }] }),
      ...keysOf({ scenarios: [{ ...entry, expect: [{ sent: { xxxxxxxx: 1 } }] }] }),
      ...keysOf({ scenarios: [{ ...entry, expect: [{ blocked: { xxxxxxxx: 1 } }] }] }),
    ];
    expect(keys.length).toBeGreaterThan(35);
    for (const key of keys) expect(text).toMatch(new RegExp(`\\b${key}\\b`));
  });
});
