import { expect, test } from 'vitest';
import { Folder } from '../testing/run-cli.ts';
import { post, settled, startOn } from '../testing/start-instance.ts';

const CAMPAIGN = `
id: hello
name: Say hello
trigger: { event: signup }
channels: [sms]
content: { text: hi }
dedupe: { window: 1s }
budget: { total: 1, daily: 0.015, from: 2026-03-01, to: 2026-03-11 }
conversion: { event: buy, within: 1d, value: amount }
`;

const event = (eventId: string, userId: string, occurredAt: string, type = 'signup', properties = {}): object => ({
  ...{ eventId, userId, occurredAt, type, properties },
});
const EVENTS = [
  event('1', 'u1', '2026-03-02T09:00:00Z'),
  event('2', 'u2', '2026-03-02T10:00:00Z'),
  // The day has no room for a third.
  event('3', 'u3', '2026-03-02T11:00:00Z'),
  event('4', 'u1', '2026-03-02T12:00:00Z', 'buy', { amount: 0.06 }),
];
const users = ['u1', 'u2', 'u3'];
const PROFILES = users.map((userId) => ({ userId, contacts: { sms: '+1' }, updatedAt: '2026-03-01T00:00:00Z' }));
const CONSENTS = users.map((userId) => ({
  ...{ userId, purpose: 'marketing', granted: true, changedAt: '2026-03-01T00:00:00Z' },
}));

const FILES = ['--events', 'events.ndjson', '--profiles', 'profiles.ndjson', '--consents', 'consents.ndjson'];
const UNTIL = ['--until', '2026-03-02T18:00:00Z', '--out', 'out'];

/** A folder with the campaign's files, and what a simulation of them leaves in `out`. */
function simulated(): Folder {
  const folder = new Folder();
  folder.write('campaigns/hello.yaml', CAMPAIGN);
  folder.write('events.ndjson', EVENTS);
  folder.write('profiles.ndjson', PROFILES);
  folder.write('consents.ndjson', CONSENTS);
  expect(folder.run('simulate', ...FILES, '--campaigns', 'campaigns', ...UNTIL).code).toBe(0);
  return folder;
}

test('is told from the files of a simulation, as of its end', () => {
  const folder = simulated();
  expect(folder.lines('out/outcomes.ndjson')).toMatchObject([{ kind: 'conversion', userId: 'u1', value: 0.06 }]);
  expect(JSON.parse(folder.text('out/summary.json'))).toMatchObject({
    outcomes: { conversion: 1 },
    campaigns: { hello: { sent: 2, conversions: 1, value: 0.06 } },
  });
  const told = folder.run('campaigns', 'status', 'hello', '--from', 'out');
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(told.stdout).toBe(`Say hello (hello), version 1, active, as of 2026-03-02T18:00:00.000Z

Budget 1.00 USD, even, 2026-03-01T00:00:00.000Z to 2026-03-11T00:00:00.000Z

ideal by now             0.175 USD (8.57 % of it is spent)
spent                    0.015 USD for 2 messages
reserved or spent        0.0225 USD for 3 messages
remaining                0.9775 USD
today, 2026-03-02        0.015 USD spent, 0.015 USD reserved or spent, 0.00 USD left
recommendation           increase: less is spent than planned
daily limit to reach it  0.119393 USD
used up                  2026-04-21T00:00:00.000Z, if it goes on as in the last seven days

channel      spent  reserved or spent  limit
sms      0.015 USD         0.0225 USD      -

cost of a message        0.0075 USD
conversions              1
cost of a conversion     0.015 USD
value                    0.06 USD
return on what is spent  300 %
users who converted      50 %
`);
  const { stdout } = folder.run('campaigns', 'status', 'hello', '--from', 'out', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ spend: { reservedMicros: 22_500, recommendation: 'increase' } });
  expect(folder.run('campaigns', 'status', 'helo', '--from', 'out')).toMatchObject({
    ...{ code: 2, stdout: '', stderr: 'beckon: --from out: has no campaign helo; choose from hello\n' },
  });
  expect(folder.run('campaigns', 'status', 'hello', '--dir', 'nowhere').stderr).toMatch(
    /^beckon: no instance runs on nowhere: start one, /,
  );
});

test('is told by a running instance, whose task of pace keeps it', { timeout: 120_000 }, async () => {
  const folder = new Folder();
  folder.write('campaigns/hello.yaml', CAMPAIGN);
  const { url } = await startOn(folder, 'data', 'engage,pace,deliver');
  expect(folder.run('campaigns', 'apply', 'campaigns', '--dir', 'data').code).toBe(0);
  for (const [topic, records] of Object.entries({ profiles: PROFILES, consents: CONSENTS, events: EVENTS })) {
    await post(url, `/v1/topics/${topic}/records`, records.map((record) => JSON.stringify(record)).join('\n'));
  }
  await settled(url);
  const told = folder.run('campaigns', 'status', 'hello', '--dir', 'data', '--json');
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(told.stdout)).toMatchObject({
    ...{ campaignId: 'hello', at: '2026-03-02T12:00:00.000Z' },
    spend: {
      ...{ reservedMicros: 22_500, messagesReserved: 3, idealMicros: 150_000 },
      // The outbox has taken two; the third waits for the next day.
      ...{ spentMicros: 15_000, messagesSent: 2, overrunMicros: 0 },
      today: { day: '2026-03-02', reservedMicros: 15_000, messagesReserved: 2, remainingMicros: 0 },
    },
    // Nobody counts outcomes here.
    results: { conversions: null, lift: null },
  });
  const unknown = folder.run('campaigns', 'status', 'nobody', '--dir', 'data');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/tenant default has no campaign nobody; check the id\n$/);
});

test('counts what failed, by the receipts of a simulation, as given back', () => {
  const folder = new Folder();
  folder.write('campaigns/hello.yaml', CAMPAIGN);
  folder.write('events.ndjson', EVENTS);
  folder.write('profiles.ndjson', PROFILES);
  folder.write('consents.ndjson', CONSENTS);
  const files = ['--events', 'events.ndjson', '--profiles', 'profiles.ndjson', '--consents', 'consents.ndjson'];
  const simulate = (...more: readonly string[]) =>
    folder.run(
      'simulate',
      ...files,
      '--campaigns',
      'campaigns',
      '--until',
      '2026-03-02T10:30:00Z',
      '--out',
      'out',
      ...more,
    );
  expect(simulate().code).toBe(0);
  const [send] = folder.lines('out/sends.ndjson');
  const { sendId, userId, campaignId, requestId, hop, channel } = send ?? {};
  const ids = { receiptId: 'r', sendId, userId, campaignId, requestId, hop, channel };
  folder.write('receipts.ndjson', [{ ...ids, status: 'failed', occurredAt: '2026-03-02T09:30:00Z' }]);
  expect(simulate('--receipts', 'receipts.ndjson').code).toBe(0);
  const { stdout } = folder.run('campaigns', 'status', 'hello', '--from', 'out', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ spend: { reservedMicros: 7500, spentMicros: 7500, messagesSent: 1 } });
});

test('counts no conversion of a message that failed, though it was told before', () => {
  const folder = new Folder();
  folder.write('campaigns/hello.yaml', CAMPAIGN);
  folder.write('events.ndjson', EVENTS);
  folder.write('profiles.ndjson', PROFILES);
  folder.write('consents.ndjson', CONSENTS);
  const files = ['--events', 'events.ndjson', '--profiles', 'profiles.ndjson', '--consents', 'consents.ndjson'];
  const simulate = (...more: readonly string[]) =>
    folder.run('simulate', ...files, '--campaigns', 'campaigns', '--out', 'out', ...more);
  expect(simulate().code).toBe(0);
  const { sendId, userId, campaignId, requestId, hop, channel } = folder.lines('out/sends.ndjson')[0] ?? {};
  const ids = { receiptId: 'r', sendId, userId, campaignId, requestId, hop, channel };
  folder.write('receipts.ndjson', [{ ...ids, status: 'failed', occurredAt: '2026-03-02T18:00:00Z' }]);
  expect(simulate('--receipts', 'receipts.ndjson').code).toBe(0);
  expect(folder.lines('out/outcomes.ndjson').map(({ kind }) => kind)).toEqual(['conversion', 'withdrawn']);
  const { outcomes, campaigns } = JSON.parse(folder.text('out/summary.json'));
  expect([outcomes, campaigns.hello.conversions]).toEqual([undefined, undefined]);
  const { stdout } = folder.run('campaigns', 'status', 'hello', '--from', 'out', '--json');
  expect(JSON.parse(stdout).results).toMatchObject({ conversions: 0, value: 0 });
});

test('counts what messages really cost, by receipts of the simulation or of its own', () => {
  const folder = simulated();
  const status = (...more: readonly string[]): unknown => {
    const { code, stdout } = folder.run('campaigns', 'status', 'hello', '--from', 'out', '--json', ...more);
    expect(code).toBe(0);
    return JSON.parse(stdout).spend;
  };
  expect(status()).toMatchObject({ reservedMicros: 22_500, spentMicros: 15_000, overrunMicros: 0 });
  const [cheap, dear] = folder.lines('out/sends.ndjson');
  const receiptFor = (send: typeof cheap, receiptId: string, costMicros: number, rest: object = {}): object => {
    const { sendId, userId, campaignId, requestId, hop, channel } = send ?? {};
    const ids = { receiptId, sendId, userId, campaignId, requestId, hop, channel };
    return { ...ids, status: 'delivered', occurredAt: '2026-03-02T12:00:00Z', costMicros, ...rest };
  };
  folder.write('receipts.ndjson', [
    receiptFor(cheap, '1', 5000),
    receiptFor(cheap, '2', 1),
    receiptFor(dear, '3', 9000),
    receiptFor(dear, '4', 1, { channel: 'email' }),
    receiptFor(dear, '5', 1, { status: 'failed', occurredAt: '2026-03-03T12:00:00Z' }),
  ]);
  const real = { reservedMicros: 20_000, spentMicros: 14_000, overrunMicros: 1500, messagesSent: 2 };
  expect(status('--receipts', 'receipts.ndjson')).toMatchObject(real);
  const again = ['--receipts', 'receipts.ndjson', ...UNTIL];
  expect(folder.run('simulate', ...FILES, '--campaigns', 'campaigns', ...again).code).toBe(0);
  expect(status()).toMatchObject(real);
  expect(folder.run('campaigns', 'status', 'hello', '--receipts', 'receipts.ndjson')).toMatchObject({
    ...{ code: 2, stdout: '', stderr: expect.stringContaining('--receipts goes with --from') },
  });
});
