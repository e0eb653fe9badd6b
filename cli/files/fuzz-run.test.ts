// A changed file that is valid also runs: on the real topologies, over a few users, no processor ever fails.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { TestDriver } from '../../runtime/testing/driver.ts';
import { parseBodies } from '../../schemas/campaign/bodies.ts';
import { type Campaign, parseCampaign } from '../../schemas/campaign.ts';
import { Definitions } from '../../schemas/definitions.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { defaultPolicy, type Policy, parsePolicy } from '../../schemas/policy.ts';
import {
  consents,
  decisions,
  events,
  profiles,
  receipts,
  sendRequests,
  sends,
  type Topic,
} from '../../schemas/topics.ts';
import { engage } from '../../topologies/engage.ts';
import { pace } from '../../topologies/pace.ts';
import { loadScenarios } from '../scenarios/load.ts';
import { parseScenarios } from '../scenarios/model.ts';
import { outcomeText } from '../scenarios/report.ts';
import { runScenario } from '../scenarios/run.ts';
import { expectUseful, outcomes } from '../testing/mutations.ts';
import { definitionRecords } from './definition-records.ts';
import { loadCampaigns } from './load-campaigns.ts';
import { describeProblem } from './read-yaml.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const text = (name: string): string => readFileSync(join(examples, name), 'utf8');
const { campaigns } = loadCampaigns(join(examples, 'campaigns'));
const ids = campaigns.map(({ id }) => id);
const scratch = mkdtempSync(join(tmpdir(), 'beckon-fuzz-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const START = Date.parse('2026-01-05T06:00:00Z');
const HOUR = 3_600_000;

interface GivenRecord {
  readonly topic: Topic<unknown>;
  readonly value: unknown;
}

/** A few users of all kinds and what they do in six weeks, in order of time; whatever a campaign asks, somebody has it. */
const population = ((): readonly GivenRecord[] => {
  const made: { readonly at: number; readonly record: GivenRecord }[] = [];
  const add = (at: number, topic: Topic<unknown>, value: object): void => {
    made.push({ at, record: { topic, value: jsonForm(topic).read(value) } });
  };
  const zones = ['Africa/Nairobi', 'America/New_York', 'Nowhere/Land', undefined];
  for (let n = 0; n < 4; n++) {
    const userId = `user-${n}`;
    const contacts = { sms: '+1', whatsapp: '+1', email: 'a@b.c', push: 'token' };
    const known = { country: 'KE', plan: 'weekly', firstName: 'Amina', churned: false };
    if (n !== 3) {
      add(START - HOUR, profiles, {
        ...{
          userId,
          updatedAt: START - HOUR,
          contacts: n === 2 ? { email: 'a@b.c' } : contacts,
          attributes: n === 1 ? {} : known,
        },
        ...(zones[n] === undefined ? {} : { timezone: zones[n] }),
        ...(n === 0 ? { locale: 'sw-KE', notificationFrequency: 'low', customerType: 'new' } : {}),
      });
    }
    for (const purpose of ['marketing', 'savings']) {
      add(START - HOUR, consents, { userId, purpose, granted: true, changedAt: START - HOUR });
    }
    for (const [i, day] of [0, 0, 1, 9, 10, 27, 42].entries()) {
      const type = ['add_to_cart', 'view', 'savings_deposit_missed', 'purchase'][(i + n) % 4] as string;
      const occurredAt = START + day * 24 * HOUR + i * HOUR;
      const properties = n === 1 ? {} : { amount: 250 * i };
      add(occurredAt, events, { userId, eventId: `e${i}`, type, occurredAt, properties });
    }
    for (const [i, campaignId] of [...ids, 'nobody'].entries()) {
      const requestedAt = START + (12 + i) * 24 * HOUR;
      const data = n === 0 ? { amount: 5, lastSeenAt: '2026-01-01' } : { amount: 'much', lastSeenAt: 'today' };
      add(requestedAt, sendRequests, { userId, requestId: `r${i}`, campaignId, source: 'api', requestedAt, data });
    }
  }
  return made.sort((a, b) => a.at - b.at).map(({ record }) => record);
})();

/** Runs the population, answers every second message, and lets two months pass. Returns how many requests were decided. */
function run(all: readonly Campaign[], policy: Policy): number {
  const definitions = new Definitions();
  for (const record of definitionRecords(all, policy)) definitions.apply(record);
  const driver = new TestDriver({ topologies: [engage(definitions), pace(definitions)] });
  let answered = 0;
  for (const { topic, value } of population) {
    for (const fate of driver.pipe(topic, value)) expect(fate).toBeTypeOf('string');
    for (const { sendId, dueAt, ...send } of driver.read(sends)) {
      const { tenantId, userId, campaignId, requestId, hop, channel } = send;
      if (++answered % 2 === 0) continue;
      const ids = { receiptId: sendId, sendId, tenantId, userId, campaignId, requestId, hop, channel };
      const rest = { costMicros: null, providerMessageId: null, error: null };
      driver.pipe(receipts, { ...ids, ...rest, status: answered % 4 === 1 ? 'failed' : 'opened', occurredAt: dueAt });
    }
  }
  // Throws when a processor fails.
  driver.advance('60d');
  const final = driver.outputs(decisions).filter(({ outcome }) => outcome !== 'scheduled');
  expect(new Set(final.map(({ decisionId }) => decisionId)).size).toBe(final.length);
  return final.length;
}

describe('a thousand mutations', () => {
  it.each(ids)(
    'of %s run where they are valid',
    (id) => {
      const others = campaigns.filter((one) => one.id !== id);
      let decided = 0;
      const { valid } = outcomes(text(`campaigns/${id}.yaml`), parseCampaign, (campaign) => {
        decided += run([...others.filter((one) => one.id !== campaign.id), campaign], defaultPolicy);
      });
      expect(valid).toBeGreaterThan(20);
      expect(decided).toBeGreaterThan(valid * 10);
    },
    300_000,
  );

  it('of the policy run where they are valid', () => {
    const { valid } = outcomes(text('policy.yaml'), parsePolicy, (policy) => void run(campaigns, policy));
    expect(valid).toBeGreaterThan(20);
  }, 300_000);

  it.each(['winback', 'savings-reminder'])(
    'of the template %s are refused, or run',
    (name) => {
      const file = text(`campaigns/templates/${name}.yaml`);
      let ran = 0;
      const tried = outcomes(file, parseBodies, (_, bodies) => {
        const base = { id: 'mutated', trigger: { api: true }, channels: ['sms', 'email'], class: 'transactional' };
        const parsed = parseCampaign({ ...base, trigger: { event: 'savings_deposit_missed' }, content: { bodies } });
        if (!parsed.ok) return expectUseful(parsed.problems);
        run([parsed.value], defaultPolicy);
        ran++;
      });
      expect(ran).toBeGreaterThan(20);
      expect(tried.refused).toBeGreaterThan(200);
    },
    300_000,
  );

  it('of the words of a template are refused, or run', () => {
    const pieces = fc.constantFrom(
      ...[
        '{{',
        '}}',
        '{%',
        '%}',
        '{% if data.amount %}',
        '{% endif %}',
        '{% assign x = 1 %}',
        '{{ x }}',
        "'",
        '"',
        '|',
      ],
      ...[
        '| date: "%d"',
        '| upcase',
        '| slice: 0, 3',
        '| split: ""',
        '| times: data.amount',
        '| divided_by: 0',
        '.',
        '[0]',
      ],
      ...[
        'data',
        'profile.locale',
        'user.id',
        '| truncate: -5',
        '| round: 99',
        '| default: nil',
        '{{ data.amount }}',
        '',
      ],
    );
    const bodies = Object.values(
      parse(text('campaigns/templates/winback.yaml')) as Record<string, { default: string }>,
    );
    const cut = fc.tuple(fc.nat(), fc.nat({ max: 10 }), pieces);
    let ran = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...bodies.map((body) => body.default)),
        fc.array(cut, { minLength: 1, maxLength: 3 }),
        (original, cuts) => {
          let changed = original;
          for (const [at, length, piece] of cuts) {
            const start = at % (changed.length + 1);
            changed = changed.slice(0, start) + piece + changed.slice(start + length);
          }
          const base = { id: 'mutated', channels: ['sms', 'email'], class: 'transactional' };
          const parsed = parseCampaign({ ...base, trigger: { event: 'view' }, content: { text: changed } });
          if (!parsed.ok) return expectUseful(parsed.problems);
          run([parsed.value], defaultPolicy);
          ran++;
        },
      ),
      { numRuns: 1000, seed: 20_260_103 },
    );
    expect(ran).toBeGreaterThan(100);
  }, 300_000);

  it.each(ids)(
    'of the scenarios of %s are refused, or run',
    (id) => {
      const folder = join(scratch, id);
      mkdirSync(folder);
      const { valid } = outcomes(text(`campaigns/${id}.test.yaml`), parseScenarios, (_, input) => {
        // A file cannot say all that a value can: what it says is read again.
        writeFileSync(join(folder, `${id}.test.yaml`), stringify(input));
        const { scenarios, problems } = loadScenarios(folder, { campaigns, ids, policy: defaultPolicy });
        if (problems.length > 0) expectUseful(problems);
        for (const problem of problems) expect(describeProblem(problem)).toMatch(/\.test\.yaml.*: .+ \(.+\)$/);
        for (const scenario of scenarios) {
          expect(outcomeText(runScenario(scenario, campaigns, defaultPolicy), defaultPolicy)).toMatch(/^(pass|FAIL) /);
        }
      });
      expect(valid).toBeGreaterThan(20);
    },
    300_000,
  );
});
