import { expect, test } from 'vitest';
import { definitionRecords } from '../../cli/files/definition-records.ts';
import { loadCampaigns } from '../../cli/files/load-campaigns.ts';
import { TestDriver } from '../../runtime/testing/driver.ts';
import { messages } from '../../schemas/cells.ts';
import { Definitions } from '../../schemas/definitions.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { defaultPolicy } from '../../schemas/policy.ts';
import { consents, decisions, events, profiles, sends } from '../../schemas/topics.ts';
import { engage } from '../../topologies/engage.ts';
import { pace } from '../../topologies/pace.ts';

/** The campaigns of examples/campaigns, with the policy's defaults, as they run in production. */
function start(): TestDriver {
  const { campaigns } = loadCampaigns('examples/campaigns');
  const definitions = new Definitions();
  for (const record of definitionRecords(campaigns, defaultPolicy)) definitions.apply(record);
  return new TestDriver({ topologies: [engage(definitions), pace(definitions)] });
}

/** A user in Kenya who consented and was last seen on 2 March 2026 at noon. */
function meet(driver: TestDriver, userId: string): void {
  const updatedAt = '2026-03-01T00:00:00Z';
  const contacts = { whatsapp: '+254700000001' };
  driver.pipe(
    profiles,
    jsonForm(profiles).read({ userId, timezone: 'Africa/Nairobi', contacts, attributes: { country: 'KE' }, updatedAt }),
  );
  driver.pipe(consents, jsonForm(consents).read({ userId, purpose: 'marketing', granted: true, changedAt: updatedAt }));
  driver.pipe(
    events,
    jsonForm(events).read({ eventId: 'e1', userId, type: 'purchase', occurredAt: '2026-03-02T12:00:00Z' }),
  );
}

test('a user who is silent for a week is written to once', () => {
  const driver = start();
  meet(driver, 'amina');

  driver.advance('6d');
  expect(driver.read(sends)).toEqual([]);

  driver.advance('4d');
  expect(driver.read(decisions).map((d) => [d.campaignId, d.outcome])).toEqual([
    ['winback-7d', 'scheduled'],
    ['winback-7d', 'sent'],
  ]);
  expect(driver.read(sends).map((send) => send.channel)).toEqual(['whatsapp']);
  expect(driver.state('default/amina', messages)?.sent).toHaveLength(1);

  driver.advance('30d');
  expect(driver.read(sends)).toEqual([]);
});

test('a user who comes back on the sixth day is left alone, and one who revokes too', () => {
  const driver = start();
  meet(driver, 'amina');
  driver.advance('2026-03-08T00:00:00Z');
  driver.pipe(
    events,
    jsonForm(events).read({ eventId: 'e2', userId: 'amina', type: 'view', occurredAt: '2026-03-08T00:00:00Z' }),
  );
  driver.pipe(
    consents,
    jsonForm(consents).read({
      userId: 'amina',
      purpose: 'marketing',
      granted: false,
      changedAt: '2026-03-09T00:00:00Z',
    }),
  );
  driver.advance('2026-03-12T00:00:00Z');
  expect(driver.outputs(decisions)).toEqual([]);

  driver.advance('2026-03-20T00:00:00Z');
  expect(driver.read(decisions).map((d) => d.reason)).toEqual(['no-consent']);
});
