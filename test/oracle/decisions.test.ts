import { describe, expect, it } from 'vitest';
import { at, campaign, consent, event, input, MINUTE, policy, profile, request, T0 } from './build.ts';
import { DAY, HOUR } from './common.ts';
import { decisionsOf } from './decisions.ts';
import type { DecisionInput, Trigger } from './model.ts';

const LATENESS = 5 * MINUTE;
const run = (rest: Partial<DecisionInput>) => decisionsOf(input(rest));
/** Outcome, or reason when there is one, of every decision in order. */
const outcomes = (rest: Partial<DecisionInput>): string[] => run(rest).decisions.map((d) => d.reason ?? d.outcome);
const lastGate = (rest: Partial<DecisionInput>): string | undefined => run(rest).decisions.at(-1)?.steps.at(-1)?.gate;

describe('a request from the API', () => {
  it('is sent at once, with every gate in its record', () => {
    const { decisions, sends } = run({ sendRequests: [request(at(9), { requestId: 'r' })] });
    const gates = ['audience', 'holdout', 'consent', 'duplicate', 'frequency-cap', 'channel', 'send-time', 'send'];
    const message = { tenantId: 'default', userId: 'u1', campaignId: 'c1', requestId: 'r' };
    const made = { channel: 'sms', dueAt: at(9), costMicros: 7500 };
    const asked = { source: 'api', cause: null, requestedAt: at(9), decidedAt: at(9), definitionVersion: 1 };
    // Email is at its best hour, and sms an hour from it: 0.1 and 0.09167 of what they get for the time of day.
    const scores = { email: 4800, sms: 4917 };
    const steps = gates.map((gate) => ({ gate, verdict: 'pass', ...(gate === 'channel' ? { scores } : {}) }));
    expect(decisions).toEqual([
      { ...message, ...asked, ...made, outcome: 'sent', reason: null, steps, hop: 0, fallbacks: ['email'] },
    ]);
    expect(sends).toEqual([{ ...message, ...made, hop: 0, address: '+100', expiresAt: at(9) + 2 * DAY }]);
  });

  it('is a bad request for an unknown campaign', () => {
    const rest = { sendRequests: [request(at(9), { campaignId: 'nope' })] };
    expect(outcomes(rest)).toEqual(['bad-request']);
    expect(run(rest).decisions[0]).toMatchObject({ steps: [{ gate: 'campaign' }], definitionVersion: 0 });
  });

  it('finds the campaign inactive before it is in force and when its newest version is paused', () => {
    const campaigns = [
      campaign({ effectiveFrom: at(9) }),
      campaign({ effectiveFrom: at(11), version: 2, status: 'paused' }),
    ];
    const sendRequests = [request(at(9) - 1), request(at(9)), request(at(11))];
    expect(outcomes({ campaigns, sendRequests })).toEqual(['campaign-inactive', 'sent', 'campaign-inactive']);
  });

  it('is stopped by the audience', () => {
    const campaigns = [campaign({ audience: { attribute: 'country', in: ['KE'] } })];
    const profiles = [profile(), profile({ userId: 'u2', attributes: { country: 'KE' } })];
    const consents = [consent(), consent({ userId: 'u2' })];
    const sendRequests = [request(at(9)), request(at(10), { userId: 'u2' })];
    expect(outcomes({ campaigns, profiles, consents, sendRequests })).toEqual(['audience', 'sent']);
  });

  it('has its data asked by the audience, as property and as fact', () => {
    const audience = {
      all: [
        { property: 'plan', eq: 'pro' },
        { fact: 'plan', gt: 'free' },
      ],
    };
    const sendRequests = [request(at(9), { data: { plan: 'pro' } }), request(at(10), { data: { plan: 'free' } })];
    expect(outcomes({ campaigns: [campaign({ audience })], sendRequests })).toEqual(['sent', 'audience']);
  });

  it('is dropped when its id repeats within the hour', () => {
    const sendRequests = [at(9), at(10), at(11)].map((time) => request(time, { requestId: 'r' }));
    expect(outcomes({ sendRequests })).toEqual(['sent', 'sent']);
    expect(run({ sendRequests }).counts.duplicateRequests).toBe(1);
  });
});

describe('the holdout', () => {
  // SHA-256 of default/global/u1 begins with 0.1911 of 2^32; that of default/c1/u1 with 0.6221.
  it.each([
    ['global, just above the hash', { policy: policy({ holdout: 0.1912 }) }, 'holdout'],
    ['global, just below it', { policy: policy({ holdout: 0.1911 }) }, 'sent'],
    ['of the campaign, just above the hash', { campaigns: [campaign({ holdout: 0.6221 })] }, 'holdout'],
    ['of the campaign, just below it', { campaigns: [campaign({ holdout: 0.622 })] }, 'sent'],
  ])('is decided by the share: %s', (_name, rest, outcome) => {
    expect(outcomes({ ...rest, sendRequests: [request(at(9))] })).toEqual([outcome]);
  });
});

describe('consent', () => {
  const one = (consents: DecisionInput['consents'], rest: Partial<DecisionInput> = {}) =>
    outcomes({ consents, sendRequests: [request(at(9))], ...rest });

  it('is needed for marketing', () => {
    expect(one([])).toEqual(['no-consent']);
    expect(one([consent({ purpose: 'all' })])).toEqual(['sent']);
    expect(one([consent({ purpose: 'news' })])).toEqual(['no-consent']);
    expect(one([consent({ purpose: 'news' })], { campaigns: [campaign({ purpose: 'news' })] })).toEqual(['sent']);
  });

  it('goes with the later of the general change and the channel’s, a revocation on a tie', () => {
    const only = { campaigns: [campaign({ channels: ['sms'] })] };
    const general = consent({ changedAt: at(1) });
    const revoke = (time: number) => consent({ channel: 'sms', granted: false, changedAt: time });
    expect(one([revoke(at(0)), general], only)).toEqual(['sent']);
    expect(one([general, revoke(at(1))], only)).toEqual(['no-consent']);
    expect(one([general, revoke(at(2))], only)).toEqual(['no-consent']);
  });

  it('makes a channel without it not viable', () => {
    const consents = [consent(), consent({ channel: 'sms', granted: false })];
    expect(run({ consents, sendRequests: [request(at(9))] }).sends[0]?.channel).toBe('email');
  });

  it('is counted from its time for a grant, at once for a revocation', () => {
    // The changes stand before the request in their file, so they are known; their times lie after the request's.
    const first = consent({ purpose: 'other', changedAt: at(8) });
    const events = [event(at(9, 2)), event(at(9), { type: 'buy' })];
    const campaigns = [campaign({ trigger: { event: 'buy' } })];
    const grant = consent({ changedAt: at(9, 1) });
    expect(outcomes({ events, campaigns, consents: [first, grant] })).toEqual(['no-consent']);
    const revoke = consent({ changedAt: at(9, 1), granted: false });
    expect(outcomes({ events, campaigns, consents: [consent(), revoke] })).toEqual(['no-consent']);
  });

  it('is not needed for transactional messages, but an opt-out stops them', () => {
    const rest = { campaigns: [campaign({ class: 'transactional' })] };
    expect(one([], rest)).toEqual(['sent']);
    expect(one([consent({ granted: false })], rest)).toEqual(['sent']);
    expect(one([consent({ purpose: 'transactional', granted: false })], rest)).toEqual(['no-consent']);
    expect(one([consent({ purpose: 'all', granted: false })], rest)).toEqual(['no-consent']);
    const again = consent({ purpose: 'transactional', changedAt: at(1) });
    expect(one([consent({ purpose: 'all', granted: false }), again], rest)).toEqual(['sent']);
  });
});

describe('duplicates', () => {
  it('are blocked within the window; exactly the window later passes', () => {
    const campaigns = [campaign({ dedupe: { windowMs: 2 * HOUR } })];
    const sendRequests = [request(at(9)), request(at(11) - 1), request(at(11))];
    expect(outcomes({ campaigns, sendRequests })).toEqual(['sent', 'duplicate', 'sent']);
  });

  it('are blocked across campaigns that share a key, by the window of the new request', () => {
    const campaigns = [
      campaign({ dedupe: { windowMs: 0, key: 'k' } }),
      campaign({ id: 'c2', dedupe: { windowMs: HOUR, key: 'k' } }),
      campaign({ id: 'c3', dedupe: { windowMs: HOUR } }),
    ];
    const ask = (campaignId: string, time: number) => request(time, { campaignId });
    const sendRequests = [ask('c1', at(9)), ask('c2', at(9, 59)), ask('c3', at(9, 59)), ask('c1', at(9, 59))];
    expect(outcomes({ campaigns, sendRequests })).toEqual(['sent', 'duplicate', 'sent', 'sent']);
  });

  it('are blocked while the first is scheduled, however long ago it was asked for', () => {
    const campaigns = [campaign({ quietHours: '08:00-20:00' })];
    const sendRequests = [request(at(9)), request(at(19))];
    expect(outcomes({ campaigns, sendRequests })).toEqual(['scheduled', 'duplicate', 'sent']);
  });
});

describe('frequency caps', () => {
  const caps = [{ max: 1, windowMs: HOUR }];

  it('hold in a rolling window that excludes its own beginning', () => {
    const sendRequests = [request(at(9)), request(at(10) - 1), request(at(10))];
    expect(outcomes({ policy: policy({ caps }), sendRequests })).toEqual(['sent', 'frequency-cap', 'sent']);
    expect(lastGate({ policy: policy({ caps }), sendRequests: sendRequests.slice(0, 2) })).toBe('frequency-cap');
  });

  it('neither block nor count transactional messages', () => {
    const campaigns = [campaign(), campaign({ id: 't', class: 'transactional' })];
    const ask = (campaignId: string, minute: number) => request(at(9, minute), { campaignId });
    const sendRequests = [ask('t', 0), ask('c1', 1), ask('t', 2), ask('c1', 3)];
    const expected = ['sent', 'sent', 'sent', 'frequency-cap'];
    expect(outcomes({ policy: policy({ caps }), campaigns, sendRequests })).toEqual(expected);
  });

  it('of a channel make the next channel the first, until none is left', () => {
    const rest = {
      policy: policy({ caps: ['sms', 'email'].map((channel) => ({ max: 1, windowMs: HOUR, channel })) }),
      sendRequests: [request(at(9)), request(at(9, 1)), request(at(9, 2))],
    };
    expect(run(rest).sends.map((send) => send.channel)).toEqual(['sms', 'email']);
    expect(outcomes(rest)).toEqual(['sent', 'sent', 'no-channel']);
    expect(lastGate(rest)).toBe('channel');
  });

  it('over calendar days begin anew at the user’s midnight', () => {
    const calendar = (days: number) => policy({ caps: [{ max: 1, windowMs: days * DAY, calendar: true }] });
    const profiles = [profile({ timezone: 'Africa/Nairobi' })];
    // Midnight in Nairobi is 21:00 UTC.
    const sendRequests = [request(at(20)), request(at(21) - 1), request(at(21)), request(at(44)), request(at(45))];
    const oneDay = ['sent', 'frequency-cap', 'sent', 'frequency-cap', 'sent'];
    expect(outcomes({ policy: calendar(1), profiles, sendRequests })).toEqual(oneDay);
    const twoDays = ['sent', 'frequency-cap', 'frequency-cap', 'frequency-cap', 'sent'];
    expect(outcomes({ policy: calendar(2), profiles, sendRequests })).toEqual(twoDays);
  });

  it('are judged for the moment after quiet hours and once more then', () => {
    const campaigns = [
      campaign({ id: 'a', quietHours: '09:00-12:00' }),
      campaign({ id: 'b', quietHours: '09:00-12:00' }),
    ];
    const ask = (campaignId: string, hour: number) => request(at(hour), { campaignId });
    // Scheduled messages don't count at the request, so both pass; the second is stopped at noon.
    const both = [ask('b', 9), ask('a', 10)];
    const rest = { policy: policy({ caps }), campaigns, sendRequests: both };
    expect(run(rest).decisions.map((d) => [d.campaignId, d.reason ?? d.outcome, d.decidedAt])).toEqual([
      ['b', 'scheduled', at(9)],
      ['a', 'scheduled', at(10)],
      ['b', 'sent', at(12)],
      ['a', 'frequency-cap', at(12)],
    ]);
    expect(lastGate(rest)).toBe('send');
  });
});

describe('a cap that no longer binds when quiet hours end', () => {
  it('lets the message pass', () => {
    const rules = [
      { max: 1, windowMs: HOUR },
      { max: 1, windowMs: HOUR, channel: 'sms' },
    ];
    const campaigns = [campaign(), campaign({ id: 'quiet', channels: ['sms'], quietHours: '09:00-12:00' })];
    const sendRequests = [request(at(9)), request(at(9, 30), { campaignId: 'quiet' })];
    expect(outcomes({ policy: policy({ caps: rules }), campaigns, sendRequests })).toEqual([
      'sent',
      'scheduled',
      'sent',
    ]);
  });
});

describe('the channel', () => {
  it('needs an address and must not be disabled', () => {
    const one = (rest: Partial<DecisionInput>) => run({ ...rest, sendRequests: [request(at(9))] });
    expect(one({ profiles: [profile({ contacts: { email: 'x' } })] }).sends[0]?.channel).toBe('email');
    expect(one({ policy: policy({ disabledChannels: ['sms'] }) }).sends[0]?.channel).toBe('email');
    expect(one({ profiles: [] }).decisions[0]?.reason).toBe('no-channel');
  });
});

describe('the moment of sending', () => {
  it('is the end of the policy’s quiet hours for marketing only, and of a campaign’s own instead', () => {
    const quiet = policy({ quietHours: '21:00-08:00' });
    const due = (rest: Parameters<typeof campaign>[0]) =>
      run({ policy: quiet, campaigns: [campaign(rest)], sendRequests: [request(at(22))] }).sends[0]?.dueAt;
    expect(due({})).toBe(at(32));
    expect(due({ class: 'transactional' })).toBe(at(22));
    expect(due({ class: 'transactional', quietHours: '20:00-23:00' })).toBe(at(23));
    expect(due({ quietHours: '20:00-23:00' })).toBe(at(23));
  });

  it('expires when it lies after the request’s end', () => {
    const one = (expiresAfterMs: number) =>
      outcomes({
        campaigns: [campaign({ quietHours: '09:00-12:00', expiresAfterMs })],
        sendRequests: [request(at(9))],
      });
    expect(one(3 * HOUR)).toEqual(['scheduled', 'sent']);
    expect(one(3 * HOUR - 1)).toEqual(['expired']);
  });

  it('expires when the request comes after its end: by then the watermark is past it', () => {
    const campaigns = [campaign(), campaign({ id: 'c2' })];
    const late = (behind: number) => {
      const first = request(at(9) + 2 * DAY + LATENESS + behind, { campaignId: 'c2' });
      return outcomes({ campaigns, sendRequests: [first, request(at(9))] });
    };
    expect([late(0), late(1)]).toEqual([
      ['sent', 'sent'],
      ['sent', 'expired'],
    ]);
  });

  it('expires late requests whatever the user was sent: duplicates and caps have no say any more', () => {
    const rest = {
      policy: policy({ caps: [{ max: 1, windowMs: DAY }] }),
      sendRequests: [request(at(9)), request(at(9) + 10 * DAY), request(at(10))],
    };
    expect(outcomes(rest)).toEqual(['sent', 'sent', 'expired']);
    expect(
      run(rest)
        .decisions.at(-1)
        ?.steps.map((step) => step.gate),
    ).toEqual(['audience', 'holdout', 'consent', 'send-time']);
  });

  it('sees what changed since the request', () => {
    const base = { campaigns: [campaign({ quietHours: '09:00-12:00' })], sendRequests: [request(at(9))] };
    const paused = campaign({ version: 2, effectiveFrom: at(11), status: 'paused' });
    expect(outcomes({ ...base, campaigns: [...base.campaigns, paused] })).toEqual(['scheduled', 'campaign-inactive']);
    const revoked = [consent(), consent({ granted: false, changedAt: at(11) })];
    expect(outcomes({ ...base, consents: revoked })).toEqual(['scheduled', 'no-consent']);
    const gone = [profile(), profile({ contacts: { email: 'x' }, updatedAt: at(11) })];
    expect(outcomes({ ...base, profiles: gone })).toEqual(['scheduled', 'no-channel']);
    const moved = [profile(), profile({ contacts: { sms: '+200' }, updatedAt: at(11) })];
    expect(run({ ...base, profiles: moved }).sends[0]?.address).toBe('+200');
  });

  it('knows the tables of its own instant and not those after it', () => {
    const base = { campaigns: [campaign({ quietHours: '09:00-12:00' })], sendRequests: [request(at(9))] };
    const revoked = (time: number) => [consent(), consent({ granted: false, changedAt: time })];
    expect(outcomes({ ...base, consents: revoked(at(12)) })).toEqual(['scheduled', 'no-consent']);
    expect(outcomes({ ...base, consents: revoked(at(12) + 1) })).toEqual(['scheduled', 'sent']);
  });
});

describe('triggers', () => {
  const causes = (trigger: Trigger, events: DecisionInput['events'], rest: Partial<DecisionInput> = {}) =>
    run({ events, campaigns: [campaign({ trigger })], ...rest }).decisions.map((d) => [d.cause, d.requestedAt]);

  it('fire for an event of their type at its time, when `where` holds', () => {
    const trigger: Trigger = { event: 'buy', where: { property: 'value', gte: 10 } };
    const buy = (time: number, value: number) =>
      event(time, { eventId: `b${value}`, type: 'buy', properties: { value } });
    expect(causes(trigger, [event(at(9)), buy(at(10), 9), buy(at(11), 10)])).toEqual([['event:b10', at(11)]]);
  });

  it('fire for a closed session at its close and the lateness', () => {
    const trigger: Trigger = { session: 'closed', where: { fact: 'eventTypes.view', eq: 2 } };
    const closed = at(9, 40) + LATENESS;
    expect(causes(trigger, [event(at(9)), event(at(9, 10)), event(at(12))])).toEqual([[`session:${at(9)}`, closed]]);
  });

  it('fire for every threshold of inactivity, or for the one named', () => {
    const inactivity = (days: number) => T0 + days * DAY + LATENESS;
    const all: Trigger = { signal: 'inactive' };
    expect(causes(all, [event(T0)])).toEqual([
      ['signal:inactive:3d', inactivity(3)],
      ['signal:inactive:7d', inactivity(7)],
    ]);
    expect(causes({ ...all, afterMs: 7 * DAY }, [event(T0)])).toEqual([['signal:inactive:7d', inactivity(7)]]);
  });

  it('fire for a return after the least silence named', () => {
    const events = [event(T0), event(T0 + 5 * DAY), event(T0 + 9 * DAY)];
    const returned = T0 + 5 * DAY + LATENESS;
    expect(causes({ signal: 'returned', afterMs: 5 * DAY }, events)).toEqual([['signal:returned:', returned]]);
  });

  it('make no request outside the audience or for a campaign that is not active', () => {
    const trigger: Trigger = { event: 'view' };
    const campaigns = [
      campaign({ trigger, audience: { metric: 'events', gte: 2 } }),
      campaign({ id: 'draft', trigger, status: 'draft' }),
    ];
    expect(causes(trigger, [event(at(9), { eventId: 'a' }), event(at(10), { eventId: 'b' })], { campaigns })).toEqual([
      ['event:b', at(10)],
    ]);
  });

  it('go by priority, then by the campaign’s id', () => {
    const trigger: Trigger = { event: 'view' };
    const campaigns = [
      ['a', 50],
      ['c', 50],
      ['b', 50],
      ['z', 60],
    ] as const;
    const rest = { campaigns: campaigns.map(([id, priority]) => campaign({ id, priority, trigger })) };
    expect(run({ ...rest, events: [event(at(9))] }).decisions.map((d) => d.campaignId)).toEqual(['z', 'a', 'b', 'c']);
  });

  it('ignore late events, which still count in the metrics', () => {
    const campaigns = [campaign({ trigger: { event: 'view' }, audience: { metric: 'events.view', gte: 2 } })];
    const events = [event(at(9)), event(at(8)), event(at(9, 30), { eventId: 'third' })];
    expect(run({ events, campaigns }).decisions.map((d) => d.cause)).toEqual(['event:third']);
    expect(run({ events, campaigns }).counts.late).toBe(1);
  });

  it('see metrics at the time of the request', () => {
    const where = (metric: string, eq: number): Trigger => ({
      signal: 'inactive',
      afterMs: 3 * DAY,
      where: { metric, eq },
    });
    const count = (metric: string, eq: number) => causes(where(metric, eq), [event(T0), event(T0 + DAY)]).length;
    expect([count('daysSinceLastSeen', 3), count('daysSinceFirstSeen', 4), count('sessions', 2)]).toEqual([1, 1, 1]);
  });
});

describe('the order of things', () => {
  it('fires due messages, sessions, inactivity and returns of one instant in that order, then by user', () => {
    const lateness = 0;
    const instant = T0 + 3 * DAY;
    const thresholds = [3 * DAY];
    const campaigns = [
      campaign({ id: 'due', quietHours: '20:00-00:00' }),
      campaign({ id: 'closed', trigger: { session: 'closed' } }),
      campaign({ id: 'gone', trigger: { signal: 'inactive' } }),
      campaign({ id: 'back', trigger: { signal: 'returned' } }),
    ];
    const users = ['v', 'u1'];
    const events = users.flatMap((userId) => [T0, instant - 30 * MINUTE].map((time) => event(time, { userId })));
    const more = event(T0, { userId: 'w' });
    const result = run({
      ...{ lateness, campaigns, policy: policy({ thresholds }) },
      profiles: [...users, 'w'].map((userId) => profile({ userId })),
      consents: [...users, 'w'].map((userId) => consent({ userId })),
      events: [...events, more, event(instant, { userId: 'w' })].sort((a, b) => a.occurredAt - b.occurredAt),
      sendRequests: [request(instant - HOUR, { userId: 'v', campaignId: 'due' })],
    });
    const then = result.decisions.filter((d) => d.decidedAt === instant).map((d) => [d.campaignId, d.userId]);
    expect(then).toEqual([
      ['due', 'v'],
      ['closed', 'u1'],
      ['closed', 'v'],
      ['gone', 'w'],
      ['back', 'w'],
    ]);
  });

  it('takes tables before events before requests of one time', () => {
    const rest = {
      profiles: [profile({ updatedAt: at(9) })],
      consents: [consent({ changedAt: at(9) })],
      events: [event(at(9))],
      campaigns: [campaign({ audience: { metric: 'events', eq: 1 } })],
      sendRequests: [request(at(9))],
    };
    expect(outcomes(rest)).toEqual(['sent']);
  });

  it('fires a moment that has passed already before the next record', () => {
    const campaigns = [campaign({ trigger: { event: 'buy' }, quietHours: '08:00-09:00' })];
    const buy = event(at(8, 59), { type: 'buy' });
    const result = run({
      campaigns,
      events: [event(at(9, 2)), buy],
      sendRequests: [request(at(9, 3), { campaignId: 'x' })],
    });
    expect(result.decisions.map((d) => [d.reason ?? d.outcome, d.decidedAt])).toEqual([
      ['scheduled', at(8, 59)],
      ['sent', at(9)],
      ['bad-request', at(9, 3)],
    ]);
  });

  it('ends before `until`', () => {
    const campaigns = [campaign({ quietHours: '09:00-12:00' })];
    const sendRequests = [request(at(9)), request(at(13))];
    const end = (until: number) => run({ campaigns, sendRequests, until });
    expect(end(at(12)).decisions.map((d) => d.outcome)).toEqual(['scheduled']);
    expect(end(at(12)).counts.notReached).toBe(1);
    expect(end(at(12) + 1).decisions.map((d) => d.outcome)).toEqual(['scheduled', 'sent']);
  });
});
