import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { campaignOf } from '../../processors/testing/world.ts';
import { Folder } from '../testing/run-cli.ts';
import { compare, type Difference } from './compare.ts';
import type { Digest, Request } from './digest.ts';

function digestOf(requests: Readonly<Record<string, Request>>): Digest {
  const none = new Map<string, number>();
  return {
    requests: new Map(Object.entries(requests)),
    spend: none,
    sent: none,
    days: none,
    reasons: none,
    caps: none,
  };
}

const request = (user: string, sent: number, reason: string | null = null, campaignId = 'c'): Request => ({
  ...{ user, campaignId, sent, reason },
});
const differenceOf = (
  before: Readonly<Record<string, Request>>,
  after: Readonly<Record<string, Request>>,
): Difference => {
  const campaigns = ['c', 'd'].map((id) => campaignOf({ id }));
  return compare({ campaigns, digest: digestOf(before) }, { campaigns, digest: digestOf(after) });
};

describe('two runs', () => {
  it('differ by who gets more or fewer messages, each with why not in the other run', () => {
    const before = {
      r1: request('a', 1),
      r2: request('b', 0, 'frequency-cap'),
      r3: request('c', 1),
      r4: request('d', 1),
      r5: request('e', 1),
    };
    const after = {
      r1: request('a', 1),
      r2: request('b', 1),
      r3: request('c', 0, 'no-consent'),
      r5: request('e', 0),
    };
    expect(differenceOf(before, after).users).toEqual([
      { user: 'b', campaignId: 'c', messages: 1, reasons: ['frequency-cap'] },
      { user: 'c', campaignId: 'c', messages: -1, reasons: ['no-consent'] },
      { user: 'd', campaignId: 'c', messages: -1, reasons: ['not-asked'] },
      { user: 'e', campaignId: 'c', messages: -1, reasons: ['scheduled'] },
    ]);
  });

  it('do not differ where a user gets as many messages of a campaign for other requests', () => {
    expect(differenceOf({ early: request('a', 1) }, { late: request('a', 1) }).users).toEqual([]);
    const other = { late: request('a', 1, null, 'd') };
    expect(differenceOf({ early: request('a', 1) }, other).users.map(({ messages }) => messages)).toEqual([-1, 1]);
  });

  it('say that a campaign is not there, where one of them lacks it', () => {
    const both = [campaignOf({ id: 'c' })];
    const [has, hasNot] = [{ r: request('a', 1), s: request('a', 1, null, 'd') }, {}].map(digestOf) as [Digest, Digest];
    const removed = compare(
      { campaigns: [...both, campaignOf({ id: 'd' })], digest: has },
      { campaigns: both, digest: hasNot },
    );
    expect(removed.users.map(({ campaignId, reasons }) => [campaignId, reasons])).toEqual([
      ['c', ['not-asked']],
      ['d', ['no-campaign']],
    ]);
    const added = compare(
      { campaigns: both, digest: hasNot },
      { campaigns: [...both, campaignOf({ id: 'd' })], digest: has },
    );
    expect(added.users.map(({ messages, reasons }) => [messages, reasons])).toEqual([
      [1, ['not-asked']],
      [1, ['no-campaign']],
    ]);
  });

  it('say which definitions changed', () => {
    const side = (files: readonly Readonly<Record<string, unknown>>[]) => ({
      campaigns: files.map((file) => campaignOf({ id: 'x', ...file })),
      digest: digestOf({}),
    });
    const before = side([{ id: 'same' }, { id: 'other' }, { id: 'gone' }]);
    const after = side([{ id: 'same' }, { id: 'other', priority: 60 }, { id: 'new' }]);
    const { campaigns } = compare(before, after);
    expect(Object.entries(campaigns).map(([id, { definition }]) => `${id} ${definition}`)).toEqual([
      ...['gone gone', 'new new', 'other changed', 'same same'],
    ]);
  });

  it('have differences that add up for every user and campaign', () => {
    const requests = fc
      .dictionary(
        // An id belongs to one user and campaign.
        fc.constantFrom(
          ...['1', '2', '3', '4'].flatMap((n) => ['a c', 'a d', 'b c', 'b d'].map((own) => `${own} ${n}`)),
        ),
        fc.record({ sent: fc.integer({ min: 0, max: 2 }), reason: fc.constantFrom('audience', 'duplicate') }),
      )
      .map((all) =>
        Object.fromEntries(
          Object.entries(all).map(([id, { sent, reason }]): [string, Request] => [
            id,
            request(id.charAt(0), sent, reason, id.charAt(2)),
          ]),
        ),
      );
    fc.assert(
      fc.property(requests, requests, (before, after) => {
        const total = (all: Readonly<Record<string, Request>>, user: string, campaignId: string): number =>
          Object.values(all)
            .filter((one) => one.user === user && one.campaignId === campaignId)
            .reduce((sum, { sent }) => sum + sent, 0);
        const { users } = differenceOf(before, after);
        for (const user of ['a', 'b']) {
          for (const campaignId of ['c', 'd']) {
            const own = users.filter((one) => one.user === user && one.campaignId === campaignId);
            const expected = total(after, user, campaignId) - total(before, user, campaignId);
            expect(own.map(({ messages }) => messages)).toEqual(expected === 0 ? [] : [expected]);
            expect(own.flatMap(({ reasons }) => reasons)).toHaveLength(Math.abs(expected));
          }
        }
      }),
    );
  });
});

describe('campaigns diff', () => {
  const hello = (more: string, id = 'hello'): string =>
    `id: ${id}\ntrigger: { event: signup }\nchannels: [sms]\ncontent: { text: hi }\ndedupe: { window: 1s }\n${more}`;
  const at = (hour: number, day = 2): string => `2026-03-0${day}T${String(hour).padStart(2, '0')}:00:00Z`;

  function prepared(): Folder {
    const folder = new Folder();
    const users = ['amina', 'brian', 'chipo'];
    folder.write(
      'profiles.ndjson',
      users.map((userId) => ({
        ...{ userId, contacts: { sms: '+1', email: 'a@b.c' }, updatedAt: at(0, 1) },
        attributes: { country: userId === 'chipo' ? 'ZW' : 'KE' },
      })),
    );
    folder.write(
      'consents.ndjson',
      users.map((userId) => ({ userId, purpose: 'marketing', granted: true, changedAt: at(0, 1) })),
    );
    folder.write(
      'events.ndjson',
      [8, 9, 10, 11].flatMap((hour) =>
        users
          .slice(hour === 8 ? 0 : 1)
          .map((userId) => ({ userId, eventId: `${userId}-${hour}`, type: 'signup', occurredAt: at(hour) })),
      ),
    );
    return folder;
  }
  const INPUTS = ['--events', 'events.ndjson', '--profiles', 'profiles.ndjson', '--consents', 'consents.ndjson'];

  it('prints who gains and loses a message and why, spend, blocks and messages by day', () => {
    const folder = prepared();
    folder.write('a/hello.yaml', hello(''));
    folder.write('b/hello.yaml', hello('audience: { attribute: country, eq: KE }\n'));
    folder.write('b/other.yaml', hello('class: transactional\n', 'other'));
    const { code, stdout, stderr } = folder.run('campaigns', 'diff', 'a', 'b', ...INPUTS, '--list');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `CAMPAIGN  DEFINITION  BEFORE  AFTER  CHANGE  GAINED  BY USERS  LOST  BY USERS
hello     changed          7      4      -3       0         0     3         1
other     new              0      9      +9       9         3     0         0

MESSAGES  CAMPAIGN  BECAUSE IN THE OTHER RUN  COUNT
lost      hello     not-asked                     3
gained    other     no-campaign                   9

SPEND      BEFORE       AFTER       CHANGE
hello  0.0525 USD    0.03 USD  -0.0225 USD
other    0.00 USD  0.0675 USD  +0.0675 USD

NOT SENT BECAUSE  BEFORE  AFTER  CHANGE
frequency-cap          2      1      -1

FREQUENCY CAP  BEFORE  AFTER  CHANGE
3 per 1d            2      1      -1

MESSAGES ON  BEFORE  AFTER  CHANGE
2026-03-02        7     13      +6

+1 amina of other: no-campaign
+4 brian of other: no-campaign, no-campaign, no-campaign, no-campaign
-3 chipo of hello: not-asked, not-asked, not-asked
+4 chipo of other: no-campaign, no-campaign, no-campaign, no-campaign
`,
    });
    expect(stderr).toMatch(/^beckon: 1 of 2: simulating a\n.* records in .*\nbeckon: 2 of 2: simulating b\n/);
  });

  it('compares policies too, and prints JSON', () => {
    const folder = prepared();
    folder.write('a/hello.yaml', hello(''));
    folder.write('wide.yaml', 'caps: [{ max: 4, window: 1d }]\n');
    const { code, stdout } = folder.run(
      ...['campaigns', 'diff', 'a', 'a', ...INPUTS, '--policy-after', 'wide.yaml', '--json'],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      campaigns: {
        hello: {
          definition: 'same',
          messages: { before: 7, after: 9 },
          spendMicros: { before: 52_500, after: 67_500 },
          gained: { users: 2, messages: 2, reasons: { 'frequency-cap': 2 } },
          lost: { users: 0, messages: 0, reasons: {} },
        },
      },
      reasons: { 'frequency-cap': { before: 2, after: 0 } },
      caps: { '3 per 1d': { before: 2, after: 0 } },
      days: { '2026-03-02': { before: 7, after: 9 } },
    });
  });

  it('says that nothing changes', () => {
    const folder = prepared();
    folder.write('a/hello.yaml', hello(''));
    const { code, stdout } = folder.run('campaigns', 'diff', 'a', 'a', ...INPUTS);
    expect(stdout).toContain('Nobody gains or loses a message.\n');
    expect(code).toBe(0);
  });

  it.each([
    [['a', 'a'], [], /required option '--events <file>'/],
    [['a', 'b'], INPUTS, /^beckon: b: does not exist/],
    [['a', 'a'], ['--events', 'none.ndjson'], /none\.ndjson: no such file/],
    [['a', 'a'], [...INPUTS, '--policy-after', 'kes.yaml'], /count in USD and KES/],
  ])('refuses %j %j, and says why', (folders, inputs, expected) => {
    const folder = prepared();
    folder.write('a/hello.yaml', hello(''));
    folder.write('kes.yaml', 'currency: KES\ncosts: { sms: 1, whatsapp: 1, email: 1 }\n');
    const { code, stderr } = folder.run('campaigns', 'diff', ...folders, ...inputs);
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
  });
});
