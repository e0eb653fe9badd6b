// A randomised experiment with its published results (Hillstrom's MineThatData e-mail challenge: 64,000 customers in three arms),
// through the whole pipeline: messages of two campaigns, a holdout, visits and purchases; where BECKON_DATA names a folder
// that holds hillstrom.csv.gz.
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { expect, test } from 'vitest';
import { runSimulation } from '../../cli/simulation.ts';
import { statusFromFolder } from '../../cli/status/from-folder.ts';
import { position } from '../../processors/decide/holdout.ts';
import { campaignOf, policyOf } from '../../processors/testing/world.ts';
import { isoTime } from '../../schemas/iso-time.ts';

const data = process.env.BECKON_DATA;
const T0 = Date.UTC(2026, 2, 2, 9);
const HOUR = 3_600_000;
const SHARE = 0.5;

const ARMS: Readonly<Record<string, string>> = {
  'Mens E-Mail': 'mens',
  'Womens E-Mail': 'womens',
  'No E-Mail': 'control',
};
/** As published: share of visits, share of purchases, spend a customer. */
const PUBLISHED = {
  mens: [0.1828, 0.01253, 1.423],
  womens: [0.1514, 0.00884, 1.077],
  control: [0.1062, 0.00573, 0.653],
} as const;

const names = ['mens', 'womens'].flatMap((arm) => [`${arm}-visit`, `${arm}-buy`]);
const campaigns = names.map((id) =>
  campaignOf({
    ...{ id, channels: ['email'], trigger: { event: 'enrolled' }, holdout: SHARE },
    audience: { attribute: 'arm', in: [id.split('-')[0] as string, 'control'] },
    conversion: id.endsWith('visit')
      ? { event: 'visit', within: '14d' }
      : { event: 'buy', within: '14d', value: 'spend' },
  }),
);

/** An id that the campaigns' holdouts treat as the experiment did: the arms were drawn there, by chance. */
function idFor(row: number, arm: string): string {
  const asked = arm === 'control' ? names : names.filter((name) => name.startsWith(arm));
  for (let salt = 0; ; salt++) {
    const id = `c${row}-${salt}`;
    if (asked.every((name) => position('default', name, id) < SHARE === (arm === 'control'))) return id;
  }
}

test.skipIf(data === undefined)('measured rates are the published ones', { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-hillstrom-'));
  try {
    const first: string[] = [];
    const later: string[] = [];
    const profiles: string[] = [];
    const consents: string[] = [];
    const csv = createReadStream(join(data as string, 'hillstrom.csv.gz')).pipe(createGunzip());
    let row = 0;
    for await (const line of createInterface({ input: csv })) {
      if (row++ === 0) continue;
      const [segment = '', visit, conversion, spend] = line.split(',').slice(-4);
      const arm = ARMS[segment] as string;
      const userId = idFor(row, arm);
      const event = (type: string, at: number, properties = {}): string =>
        JSON.stringify({ eventId: `${type}-${row}`, userId, type, occurredAt: isoTime(at), properties });
      profiles.push(
        JSON.stringify({ userId, contacts: { email: `${userId}@example.com` }, attributes: { arm }, updatedAt: 0 }),
      );
      consents.push(JSON.stringify({ userId, purpose: 'marketing', granted: true, changedAt: 0 }));
      first.push(event('enrolled', T0 + row));
      if (visit === '1') later.push(event('visit', T0 + 24 * HOUR + row));
      if (conversion === '1') later.push(event('buy', T0 + 24 * HOUR + row, { spend: Number(spend) }));
    }
    const write = (name: string, lines: readonly string[]): string => {
      const path = join(folder, name);
      writeFileSync(path, `${lines.join('\n')}\n`);
      return path;
    };
    const out = join(folder, 'out');
    const summary = await runSimulation({
      events: write('events.ndjson', [...first, ...later]),
      profiles: write('profiles.ndjson', profiles),
      consents: write('consents.ndjson', consents),
      ...{ campaigns, policy: policyOf({}), out },
    });
    expect(summary.inputs.events).toMatchObject({ read: first.length + later.length, late: 0, deadLetters: 0 });
    // The status tells the value of conversions alone: the holdout's is summed from the file.
    const outcomes = readFileSync(join(out, 'outcomes.ndjson'), 'utf8').trim().split('\n');
    const told = outcomes.map((line) => JSON.parse(line) as { campaignId: string; kind: string; value: number | null });
    for (const arm of ['mens', 'womens'] as const) {
      const visits = (await statusFromFolder(out, 'default', `${arm}-visit`)).results;
      const bought = (await statusFromFolder(out, 'default', `${arm}-buy`)).results;
      const held = told.filter((o) => o.campaignId === `${arm}-buy` && o.kind === 'holdout-conversion');
      const spend = held.reduce((sum, { value }) => sum + (value ?? 0), 0);
      const sent = summary.campaigns[`${arm}-buy`]?.sent ?? 0;
      const measured = {
        [arm]: [visits.conversionRate, bought.conversionRate, (bought.value ?? 0) / sent],
        control: [visits.holdoutRate, bought.holdoutRate, spend / (bought.holdoutUsers ?? 0)],
      };
      process.stdout.write(`${JSON.stringify({ sent, held: bought.holdoutUsers, ...measured })}\n`);
      for (const name of [arm, 'control'] as const) {
        const digits = PUBLISHED[name].map((rate) => String(rate).split('.')[1]?.length ?? 0);
        expect(measured[name]?.map((rate, i) => Number(rate?.toFixed(digits[i])))).toEqual(PUBLISHED[name]);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
