// Whatever is done to a valid file, reading it gives a campaign or problems that say where and how to mend; never a crash.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { campaignFromJson, campaignToJson, parseCampaign } from '../../schemas/campaign.ts';
import { compileCondition, explainCondition, type Lookup } from '../../schemas/condition.ts';
import { defaultPolicy, parsePolicy, policyFromJson, policyToJson } from '../../schemas/policy.ts';
import { expectUseful, outcomes } from '../testing/mutations.ts';
import { checkCampaign } from './check-campaign.ts';
import { loadCampaigns } from './load-campaigns.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const campaigns = readdirSync(join(examples, 'campaigns'))
  .filter((name) => /^(?!.*\.test).*\.yaml$/.test(name))
  .map((name) => readFileSync(join(examples, 'campaigns', name), 'utf8'));
const policy = readFileSync(join(examples, 'policy.yaml'), 'utf8');

const lookups: Lookup[] = [() => null, () => 5, () => 'KE', () => true];

describe('a thousand mutations', () => {
  it.each(campaigns.map((text) => [/^id: (.+)$/m.exec(text)?.[1] ?? '', text]))(
    'of %s are campaigns or problems',
    (_, text) => {
      const counts = outcomes(text, parseCampaign, (campaign) => {
        expect(campaignFromJson(campaignToJson(campaign))).toEqual({ ok: true, value: campaign });
        const found = checkCampaign(campaign, defaultPolicy);
        if (found.length > 0) expectUseful(found);
        for (const lookup of lookups) {
          if (campaign.audience === null) continue;
          const holds = compileCondition(campaign.audience)(lookup);
          expect(explainCondition(campaign.audience, lookup) === undefined).toBe(holds);
        }
      });
      expect(counts.valid).toBeGreaterThan(20);
      expect(counts.refused).toBeGreaterThan(500);
    },
  );

  it('of the policy are policies or problems', () => {
    const counts = outcomes(policy, parsePolicy, (each) => {
      expect(policyFromJson(policyToJson(each))).toEqual({ ok: true, value: each });
    });
    expect(counts.valid).toBeGreaterThan(20);
    expect(counts.refused).toBeGreaterThan(500);
  });
});

describe('a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-fuzz-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('with any piece replaced is read or refused, line by line', () => {
    const pieces = fc.constantFrom(
      '',
      '\t',
      ':',
      '- ',
      '[',
      '}',
      '"',
      '\n',
      '&a ',
      '*a',
      '!x ',
      '---\n',
      '# ',
      '\0',
      '|\n',
      '? ',
      '<<: ',
      'é',
    );
    fc.assert(
      fc.property(fc.constantFrom(...campaigns), fc.nat(), fc.nat({ max: 12 }), pieces, (text, at, length, piece) => {
        const start = at % text.length;
        writeFileSync(join(folder, 'a.yaml'), text.slice(0, start) + piece + text.slice(start + length));
        const { campaigns: read, problems } = loadCampaigns(folder);
        if (read.length === 0) expectUseful(problems);
        for (const { line } of problems) expect(line === null || line >= 1).toBe(true);
      }),
      { numRuns: 300, seed: 20_260_102 },
    );
  });
});
