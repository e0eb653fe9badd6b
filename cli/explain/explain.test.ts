import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseCampaign } from '../../schemas/campaign.ts';
import { Definitions } from '../../schemas/definitions.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { defaultPolicy } from '../../schemas/policy.ts';
import { decisions, events } from '../../schemas/topics.ts';
import { definitionRecords } from '../files/definition-records.ts';
import { Folder, type Result } from '../testing/run-cli.ts';
import { explain, explainUser } from './explain.ts';
import { askInstance } from './from-instance.ts';
import { gatherStory } from './story.ts';

const WINBACK = `id: winback
name: Win back
trigger: { signal: inactive, after: 7d }
audience: { attribute: country, in: [KE, UG] }
channels: [sms, email]
content: { text: MESSAGE-TEXT }
schedule: { quietHours: "21:00-08:00" }
budget: { total: 10, daily: 1 }
`;
const CART = `id: cart
trigger: { event: add_to_cart, where: { property: amount, gte: 100 } }
channels: [email]
content: { text: MESSAGE-TEXT }
dedupe: { window: 1h }
`;
const ASKED = 'id: asked\ntrigger: { api: true }\nchannels: [email]\ncontent: { text: MESSAGE-TEXT }\n';
const PAUSED = 'id: paused\nstatus: paused\ntrigger: { session: closed }\nchannels: [email]\ncontent: { text: hi }\n';

let n = 0;
const event = (userId: string, occurredAt: string, type = 'visit', properties: object = {}): object => ({
  eventId: `e${++n}`,
  userId,
  occurredAt,
  type,
  properties,
});
const profile = (userId: string, country: string): object => ({
  userId,
  timezone: 'Africa/Nairobi',
  contacts: { sms: '+254700ADDRESS', email: 'ADDRESS@example.org' },
  attributes: { country },
  updatedAt: '2025-12-01T00:00:00Z',
});
const consent = (userId: string): object => ({
  userId,
  purpose: 'marketing',
  granted: true,
  changedAt: '2025-12-01T00:00:00Z',
});

function simulated(...args: readonly string[]): Folder {
  const folder = new Folder();
  mkdirSync(folder.at('campaigns'));
  for (const [name, text] of Object.entries({ WINBACK, CART, ASKED, PAUSED }))
    folder.write(`campaigns/${name}.yaml`, text);
  folder.write('events.ndjson', [
    ...[9, 10, 11, 12].map((hour) =>
      event('cap', `2026-01-01T${String(hour).padStart(2, '0')}:30:00Z`, 'add_to_cart', { amount: 150 }),
    ),
    event('cap', '2026-01-01T14:00:00Z', 'add_to_cart', { amount: 50 }),
    event('abroad', '2026-01-01T15:00:00Z'),
    event('quiet', '2026-01-01T18:30:00Z'),
    event('nobody', '2026-01-01T18:30:00Z', 'add_to_cart', { amount: 100 }),
    event('o\'neil/é "x"', '2026-01-01T18:31:00Z'),
    { ...event('acme-user', '2026-01-01T18:32:00Z'), tenantId: 'acme' },
    event('brief', '2026-01-03T18:30:00Z'),
    event('brief', '2026-01-05T21:30:00Z'),
  ]);
  folder.write('profiles.ndjson', [profile('cap', 'KE'), profile('abroad', 'NG'), profile('quiet', 'UG')]);
  folder.write('consents.ndjson', ['cap', 'abroad', 'quiet'].map(consent));
  folder.write('requests.ndjson', [
    { requestId: 'r1', userId: 'quiet', campaignId: 'asked', source: 'api', requestedAt: '2026-01-02T09:00:00Z' },
  ]);
  const inputs = ['--events', 'events.ndjson', '--profiles', 'profiles.ndjson', '--consents', 'consents.ndjson'];
  const { code, stderr } = folder.run(
    'simulate',
    ...inputs,
    '--send-requests',
    'requests.ndjson',
    '--campaigns',
    'campaigns',
    '--out',
    'out',
    ...args,
  );
  expect(stderr).toMatch(/records in/);
  expect(code).toBe(0);
  return folder;
}

describe('beckon explain --from', () => {
  it('tells every situation of a simulation in words', () => {
    const folder = simulated();
    const ask = (...args: readonly string[]): Result => folder.run('explain', ...args, '--from', 'out');
    const told = (...args: readonly string[]): string => {
      const { code, stdout, stderr } = ask(...args);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/ADDRESS|MESSAGE-TEXT/);
      return stdout;
    };

    const cap = told('cap');
    expect(cap).toContain('User cap (tenant default): 5 events, 1 profile record, 1 consent change, 0 send-requests.');
    expect(cap).toContain('5 requests: 4 sent, 1 blocked.');
    expect(cap).toMatch(
      /4\. cart, 2026-01-01 12:30:00 UTC\n {3}asked for by the event add_to_cart \(e4\) of 2026-01-01 12:30:00 UTC\n/,
    );
    expect(cap).toMatch(
      / {3}frequency cap: blocked: 3 of 3 messages in 1d, the last of them from cart, at 2026-01-01 12:30:00 UTC\n {3}=> not sent \(frequency-cap\): the user has/,
    );
    expect(cap).toMatch(
      /5\. winback \(Win back\), 2026-01-08 14:05:00 UTC\n {3}asked for by the signal inactive after 7d of 2026-01-08 14:00:00 UTC/,
    );
    expect(cap).toMatch(/ {3}budget: passed: total 10\.00 USD, 1\.00 USD a day\n/);
    expect(cap).toMatch(
      / {3}=> sent by sms at 2026-01-08 14:05:00 UTC \(2026-01-08 17:05 in Africa\/Nairobi\) for 0\.0075 USD\n/,
    );
    expect(cap).toContain(
      'asked: never asked for\n   it is asked for by send-requests alone, and there was none for this user',
    );
    expect(cap).toContain('paused: never asked for\n   the campaign is paused');
    expect(told('cap', '--campaign', 'cart')).toContain(
      'the where part does not hold: property amount is 50, needs at least 100',
    );

    // Scheduled and sent are one story.
    const quiet = told('quiet');
    expect(quiet).toContain('2 requests: 2 sent.');
    expect(quiet).toContain('asked for by the send-request r1 (api)');
    expect(quiet).toMatch(
      /send time: passed: earliest 2026-01-09 05:00:00 UTC \(2026-01-09 08:00 in Africa\/Nairobi\), outside the quiet hours 21:00-08:00 \(Africa\/Nairobi\)/,
    );
    expect(quiet).toMatch(
      /=> scheduled at 2026-01-08 18:35:00 UTC \(2026-01-08 21:35 in Africa\/Nairobi\) for 2026-01-09 05:00:00 UTC \(2026-01-09 08:00 in Africa\/Nairobi\) by sms\n {3}=> sent by sms at 2026-01-09 05:00:00 UTC \(/,
    );

    expect(told('abroad')).toContain('the audience part does not hold: attribute country is "NG", needs one of KE, UG');
    expect(told('abroad')).toContain(
      'its trigger never happened: no event "add_to_cart" (the user\'s events: visit 1)',
    );
    expect(told('nobody')).toContain('consent: blocked: purpose marketing, email never granted');
    expect(told('o\'neil/é "x"')).toContain('1 event, 0 profile records');
    expect(told('acme-user', '--tenant', 'acme')).toContain('0 requests.');

    const json = JSON.parse(told('cap', '--campaign', 'winback', '--json')) as { requests: object[]; silent: object[] };
    expect(json).toMatchObject({
      tenantId: 'default',
      userId: 'cap',
      requests: [{ campaignId: 'winback', outcome: 'sent', requestedAt: '2026-01-08T14:05:00.000Z' }],
    });

    expect(ask('cap', '--campaign', 'nope')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('known are asked, cart, paused, winback'),
    });
    expect(ask('stranger')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^beckon: no event, profile or request of user "stranger" \(tenant default\) .*; check the id\n$/,
      ),
    });
    expect(ask('acme-user')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('in tenant acme: add --tenant acme'),
    });
  });

  it('tells of segments and schedules: which moment asked, and why a user was in none', () => {
    const folder = new Folder();
    mkdirSync(folder.at('campaigns'));
    const common = 'class: transactional\nchannels: [email]\ncontent: { text: hi }\n';
    const triggers = {
      once: 'trigger: { schedule: { at: "2026-01-09T09:00" } }\naudience: { segment: buyer }',
      buyers: 'trigger: { segment: buyer }',
      lapsed: 'trigger: { segment: buyer, on: left }',
      weekly: 'trigger: { schedule: { every: friday, at: "09:00" } }\naudience: { segment: buyer }',
      loan: 'trigger: { schedule: { attribute: due, before: 3d, at: "09:00" } }',
    };
    for (const [id, text] of Object.entries(triggers))
      folder.write(`campaigns/${id}.yaml`, `id: ${id}\n${text}\n${common}`);
    folder.write('policy.yaml', 'segments: { buyer: { metric: events.buy@7d, gte: 2 } }\n');
    folder.write('events.ndjson', [
      event('u1', '2026-01-01T10:00:00Z', 'buy'),
      event('u2', '2026-01-01T10:00:00Z', 'buy'),
      event('u1', '2026-01-01T11:00:00Z', 'buy'),
    ]);
    folder.write('profiles.ndjson', [profile('u1', 'KE'), profile('u2', 'KE')]);
    const inputs = ['--events', 'events.ndjson', '--profiles', 'profiles.ndjson', '--campaigns', 'campaigns'];
    const until = ['--policy', 'policy.yaml', '--until', '2026-01-10T00:00:00Z', '--out', 'out'];
    expect(folder.run('simulate', ...inputs, ...until).code).toBe(0);
    const [one, two] = ['u1', 'u2'].map((user) => folder.run('explain', user, '--from', 'out').stdout);

    expect(one).toContain('asked for by entering segment buyer of 2026-01-01 11:00:00 UTC');
    expect(one).toContain('asked for by leaving segment buyer of 2026-01-08 10:00:00 UTC');
    expect(one).toContain('asked for by its schedule of 2026-01-02 06:00:00 UTC');
    expect(one).toContain(
      'no moment of its schedule came while the user was known: 3d before the day of due at 09:00; the profile has no attribute due',
    );
    expect(one).toContain('the user left segment buyer on 2026-01-08 10:00:00 UTC');
    expect(two).toContain('the user never entered segment buyer, and was not in it');
    expect(two).toContain(
      'its trigger happened (a moment of its schedule, 2026-01-09 06:00:00 UTC), but the audience part does not hold: the user is not in segment buyer (metric events.buy@7d is 0, needs at least 2)',
    );
  });

  it('measures the longest silence up to where time had come', () => {
    const folder = simulated('--until', '2026-01-06T00:00:00Z');
    const { stdout } = folder.run('explain', 'abroad', '--campaign', 'winback', '--from', 'out');
    expect(stdout).toContain('no `inactive` signal after 7d: the longest silence was 4d 8h, up to where time had come');
    expect(folder.run('explain', 'brief', '--from', 'out').stdout).toContain('the longest silence was 2d 3h\n');
  });

  it('does not take a trigger of records that were late in the run for one that happened', () => {
    const folder = new Folder();
    mkdirSync(folder.at('campaigns'));
    folder.write('campaigns/winback.yaml', WINBACK);
    folder.write('events.ndjson', [event('ahead', '2026-01-02T09:00:00Z'), event('behind', '2026-01-01T09:00:00Z')]);
    const { stderr } = folder.run('simulate', '--events', 'events.ndjson', '--campaigns', 'campaigns', '--out', 'out');
    expect(stderr).toContain('1 of 2 events came late');
    const told = (user: string): string => folder.run('explain', user, '--from', 'out').stdout;
    expect(told('ahead')).toContain('the audience part does not hold');
    expect(told('behind')).toContain('its trigger never happened: no `inactive` signal after 7d');
    expect(told('behind')).toContain(
      "in the run some of the user's events came more than 5m behind the time that the run had reached",
    );
  });

  it('says when the files are not those of the simulation any more', () => {
    const folder = simulated();
    folder.write('profiles.ndjson', [profile('cap', 'KE')]);
    const { code, stderr } = folder.run('explain', 'cap', '--from', 'out');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^beckon: warning: .*profiles\.ndjson changed since the simulation; run it again\n$/);
    rmSync(folder.at('events.ndjson'));
    expect(folder.run('explain', 'cap', '--from', 'out')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('events.ndjson: no such file'),
    });
  });

  it('refuses a folder that is no result of a simulation', () => {
    const folder = new Folder();
    expect(folder.run('explain', 'u1', '--from', '.')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('holds no run.json'),
    });
    folder.write('run.json', '{');
    expect(folder.run('explain', 'u1', '--from', '.')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is damaged'),
    });
  });
});

describe('explain', () => {
  it("works on records from a log, of which it takes the user's own", async () => {
    const parsed = parseCampaign({
      id: 'late',
      trigger: { event: 'visit' },
      channels: ['email'],
      content: { text: 'hi' },
    });
    if (!parsed.ok) throw new Error('the campaign is valid');
    const definitions = new Definitions();
    for (const record of definitionRecords([parsed.value], defaultPolicy)) definitions.apply(record);
    const read = jsonForm(events);
    const log = [event('u1', '2026-01-01T09:00:00Z'), event('u2', '2026-01-01T09:00:00Z')].map((e) => read.read(e));
    async function* streamed<T>(list: readonly T[]): AsyncGenerator<T> {
      yield* list;
    }
    const sources = {
      tenantId: 'default',
      userId: 'u1',
      where: 'in the log',
      definitions,
      latenessMs: 300_000,
      events: streamed(log),
      profiles: [],
      consents: [],
      sendRequests: [],
      decisions: [],
    };
    const story = await gatherStory(sources);
    expect(story.records.events).toHaveLength(1);
    // The run made no request although the user's own records ask for one: other users' had moved time on.
    expect(explain(story)).toContain('a late event triggers nothing');
    const scheduled = jsonForm(decisions).read({
      decisionId: 'r#scheduled',
      requestId: 'r',
      userId: 'u1',
      campaignId: 'late',
      source: 'trigger',
      cause: 'returned:default/u1@0',
      requestedAt: 0,
      decidedAt: 0,
      outcome: 'scheduled',
      steps: [{ gate: 'new-gate', verdict: 'pass', facts: { n: 1 } }],
      channel: 'email',
      dueAt: 1000,
      costMicros: 0,
      definitionVersion: 1,
    });
    const waiting = await gatherStory({ ...sources, events: log, decisions: [scheduled] });
    expect(explain(waiting)).toMatch(
      /new gate: passed: n 1\n.*scheduled at 1970-01-01 00:00:00 UTC for 1970-01-01 00:00:01 UTC by email\n.*not sent yet/,
    );
    expect(explainUser(waiting).requests).toMatchObject([
      { outcome: 'scheduled', trigger: 'the signal returned of 1970-01-01 00:00:00 UTC' },
    ]);
    // An id that comes again is another request.
    const asked = ['a|request:x@0', 'a|request:x@1'].flatMap((name) => [
      { ...scheduled, requestId: 'x', decisionId: `${name}#scheduled` },
      { ...scheduled, requestId: 'x', decisionId: `${name}#final`, outcome: 'sent' as const },
    ]);
    const both = await gatherStory({ ...sources, events: [], decisions: asked });
    expect(explainUser(both).requests.map(({ results }) => results.length)).toEqual([2, 2]);
  });
});

describe('a message that could not be delivered', () => {
  const setUp = (): Folder => {
    const folder = new Folder();
    mkdirSync(folder.at('campaigns'));
    folder.write(
      'campaigns/hello.yaml',
      'id: hello\ntrigger: { event: visit }\nchannels: [sms, email]\ncontent: { text: MESSAGE-TEXT }\n',
    );
    folder.write('policy.yaml', 'weights: { customerType: 100% }\nchannels: { email: { receiptWithin: 1h } }\n');
    folder.write('events.ndjson', [event('u', '2026-01-01T09:00:00Z')]);
    folder.write('profiles.ndjson', [{ ...profile('u', 'KE'), channelPreferences: ['sms', 'email'] }]);
    folder.write('consents.ndjson', [consent('u')]);
    return folder;
  };
  const inputs = ['--events', 'events.ndjson', '--profiles', 'profiles.ndjson', '--consents', 'consents.ndjson'];
  const given = [...inputs, '--campaigns', 'campaigns', '--policy', 'policy.yaml', '--out', 'out'];

  it('is one story with that on the next channel, of a simulation that is given receipts', () => {
    const folder = setUp();
    expect(folder.run('simulate', ...given).code).toBe(0);
    const [sent] = folder.text('out/sends.ndjson').trim().split('\n');
    const { sendId, userId, campaignId, requestId, hop, channel } = JSON.parse(sent as string) as Record<
      string,
      string
    >;
    const ids = { sendId, userId, campaignId, requestId, hop, channel };
    const failed = { receiptId: 'r', ...ids, status: 'failed', occurredAt: '2026-01-01T09:02:00Z', error: 'no number' };
    folder.write('receipts.ndjson', [failed, { ...failed, receiptId: 'again' }]);
    const { code, stdout } = folder.run('simulate', ...given, '--receipts', 'receipts.ndjson');
    expect(code).toBe(0);
    expect(stdout).toMatch(/│ receipts +│ +2 │ +2 │/);
    expect(stdout).toMatch(/│ hello +│ +1 │ +2 │/);
    const told = folder.run('explain', 'u', '--from', 'out').stdout;
    expect(told).toContain('1 request: 1 sent.');
    expect(told).toContain(
      'delivery: blocked: sms could not deliver the message (no number), so the next channel was tried',
    );
    expect(told).toMatch(
      new RegExp(
        [
          '=> sent by sms at 2026-01-01 09:00:00 UTC \\(2026-01-01 12:00 in Africa/Nairobi\\) for 0.0075 USD',
          '=> sms: failed at 2026-01-01 09:02:00 UTC \\(2026-01-01 12:02 in Africa/Nairobi\\) \\(no number\\)',
          '=> sms: failed .*',
          '=> second try: sent by email at 2026-01-01 09:02:00 UTC \\(2026-01-01 12:02 in Africa/Nairobi\\) for 0.0001 USD',
        ].join('\n +'),
      ),
    );
  });

  it('is none in a simulation without receipts, where every delivery succeeds at once', () => {
    const folder = setUp();
    folder.write('policy.yaml', 'channels: { sms: { receiptWithin: 1h }, email: { receiptWithin: 1h } }\n');
    const { stdout } = folder.run('simulate', ...given);
    expect(stdout).toMatch(/│ hello +│ +1 │ +1 │/);
    folder.write('receipts.ndjson', []);
    const { stdout: silent } = folder.run('simulate', ...given, '--receipts', 'receipts.ndjson');
    expect(silent).toMatch(/│ hello +│ +1 │ +2 │/);
  });

  it('needs campaigns for its receipts', () => {
    const { code, stderr } = setUp().run('simulate', ...inputs, '--out', 'out', '--receipts', 'events.ndjson');
    expect([code, stderr]).toEqual([2, expect.stringContaining('name their folder with --campaigns')]);
  });
});

describe('askInstance', () => {
  const asked = { tenantId: 'acme', userId: 'u 1', campaignId: 'c&d' };
  const serve = async (status: number, body: string): Promise<{ url: string; urls: string[] }> => {
    const urls: string[] = [];
    const server: Server = createServer((request, response) => {
      urls.push(request.url ?? '');
      response.writeHead(status).end(body);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, urls };
  };

  it('asks for tenant, user and campaign and returns the text', async () => {
    const { url, urls } = await serve(200, '{"text":"told","explanation":{"problem":null}}');
    expect(await askInstance(url, asked)).toEqual({ text: 'told', explanation: { problem: null } });
    expect(urls).toEqual(['/v1/explain?tenant=acme&user=u+1&campaign=c%26d']);
  });

  it('passes on why the instance refuses', async () => {
    const { url } = await serve(404, '{"error":"no such user"}');
    await expect(askInstance(url, asked)).rejects.toMatchObject({
      name: 'BadInput',
      message: expect.stringContaining('no such user'),
    });
  });

  it('fails in one line when the answer is none', async () => {
    const { url } = await serve(500, '<html>');
    await expect(askInstance(url, asked)).rejects.toMatchObject({
      name: 'RunFailed',
      message: expect.stringContaining('answered 500'),
    });
  });

  it('refuses an address that is none', async () => {
    await expect(askInstance('localhost:7077', asked)).rejects.toMatchObject({ name: 'BadInput' });
  });

  it('says how to start an instance when none answers', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((done) => server.close(done));
    const { code, stderr } = new Folder().run('explain', 'u1', '--url', url);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `beckon: no instance answers at ${url}; start one with \`beckon start\`, name it with --url, or ask a simulation with --from OUT\n`,
    );
  });
});
