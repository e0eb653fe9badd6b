import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at, campaign, consent, event, input, MINUTE, policy, profile, request, T0 } from './build.ts';
import { byBytes, DAY, HOUR } from './common.ts';
import { decisionsOf } from './decisions.ts';
import type { Campaign, DecisionInput } from './model.ts';

const costs = { sms: 10, email: 1 };

describe('a campaign with a budget', () => {
  const budget = { pacing: 'asap', total: 20, daily: 10 } as const;
  const run = (rest: Partial<DecisionInput>) => decisionsOf(input({ policy: policy({ costs }), ...rest }));
  const campaigns = [campaign({ channels: ['sms'], budget })];
  const users = ['u1', 'u2', 'u3'];
  const rest = {
    profiles: users.map((userId) => profile({ userId })),
    consents: users.map((userId) => consent({ userId })),
    sendRequests: users.map((userId, i) => request(at(9, i), { userId })),
  };

  it('sends in its slots and refuses what the total has no room for', () => {
    const { decisions, ledgers } = run({ ...rest, campaigns });
    expect(decisions.map((d) => [d.userId, d.reason ?? d.outcome, d.decidedAt, d.steps.at(-1)?.gate])).toEqual([
      ['u1', 'sent', at(9), 'send'],
      ['u2', 'scheduled', at(9, 1), 'budget'],
      ['u3', 'budget-total', at(9, 2), 'budget'],
      ['u2', 'sent', at(24), 'send'],
    ]);
    expect(ledgers.get('default/c1')?.reserved).toBe(20);
  });

  it('gives back what is blocked at the moment of sending', () => {
    const revoked = consent({ userId: 'u2', granted: false, changedAt: at(12) });
    const later = request(at(25), { userId: 'u3' });
    const sendRequests = [...rest.sendRequests, later];
    const { decisions, ledgers } = run({ ...rest, campaigns, sendRequests, consents: [...rest.consents, revoked] });
    expect(decisions.map((d) => [d.userId, d.reason ?? d.outcome]).slice(2)).toEqual([
      ['u3', 'budget-total'],
      ['u2', 'no-consent'],
      ['u3', 'sent'],
    ]);
    expect(ledgers.get('default/c1')?.days).toEqual(
      new Map([
        ['2026-03-02', 10],
        ['2026-03-03', 10],
      ]),
    );
  });

  it('is not asked for a message that quiet hours move past its end', () => {
    const late = campaign({ budget, quietHours: '08:00-12:00', expiresAfterMs: HOUR });
    const { decisions } = run({ ...rest, campaigns: [late], sendRequests: [request(at(9))] });
    expect(decisions.map((d) => [d.reason, d.steps.at(-1)?.gate])).toEqual([['expired', 'send-time']]);
  });
});

describe('whatever comes in', () => {
  const users = ['u1', 'u2', 'u3'];
  const total = 60;
  const campaigns: Campaign[] = [
    campaign({ id: 'event', trigger: { event: 'view' }, dedupe: { windowMs: HOUR }, quietHours: '21:00-08:00' }),
    campaign({ id: 'session', trigger: { session: 'closed' }, priority: 70, dedupe: { windowMs: 0 } }),
    campaign({
      ...{ id: 'paced', dedupe: { windowMs: 0 }, trigger: { signal: 'inactive' }, timezone: 'Africa/Nairobi' },
      budget: { pacing: 'even', total, daily: 25, perChannel: { sms: 40 }, from: T0, to: T0 + 10 * DAY },
    }),
  ];
  const caps = [
    { max: 2, windowMs: DAY },
    { max: 1, windowMs: 6 * HOUR, channel: 'sms' },
  ];
  const row = fc.record({
    user: fc.constantFrom(...users),
    time: fc.nat(8 * 24 * 6),
    delay: fc.nat(8),
    kind: fc.nat(4),
  });
  const inputs = fc.array(row, { minLength: 1, maxLength: 60 }).map((rows): DecisionInput => {
    const sorted = rows.toSorted((a, b) => a.time + a.delay - b.time - b.delay);
    const when = (one: (typeof rows)[number]): number => T0 + one.time * 10 * MINUTE;
    const of = (...kinds: number[]) => sorted.filter((one) => kinds.includes(one.kind));
    return input({
      ...{ campaigns, lateness: HOUR, policy: policy({ caps, costs, gapMs: HOUR, thresholds: [6 * HOUR, DAY] }) },
      profiles: users.map((userId) => profile({ userId, timezone: 'America/New_York' })),
      consents: [
        ...users.map((userId) => consent({ userId })),
        ...of(4).map((one) =>
          consent({ userId: one.user, granted: one.delay > 4, changedAt: when(one), channel: 'sms' }),
        ),
      ],
      events: of(0, 1).map((one) => event(when(one), { userId: one.user })),
      sendRequests: of(2, 3).map((one) => request(when(one), { userId: one.user, campaignId: 'paced' })),
    });
  });

  it('caps and budgets hold, and every request has one final decision', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        const { decisions, sends, ledgers, counts } = decisionsOf(given);
        expect(counts.processed + counts.late + counts.duplicate).toBe(given.events.length);
        const final = decisions.filter((d) => d.outcome !== 'scheduled');
        const asked = final.filter((d) => d.source !== 'trigger').map((d) => d.requestId ?? '');
        expect(asked.sort(byBytes)).toEqual(given.sendRequests.map((one) => one.requestId).sort(byBytes));
        expect(final.filter((d) => d.outcome === 'sent')).toHaveLength(sends.length);
        for (const end of sends) {
          const near = sends.filter((one) => one.userId === end.userId && one.dueAt <= end.dueAt);
          expect(near.filter((one) => one.dueAt > end.dueAt - DAY).length).toBeLessThanOrEqual(2);
          const sms = near.filter((one) => one.channel === 'sms' && one.dueAt > end.dueAt - 6 * HOUR);
          if (end.channel === 'sms') expect(sms.length).toBeLessThanOrEqual(1);
        }
        const paced = sends.filter((one) => one.campaignId === 'paced').sort((a, b) => a.dueAt - b.dueAt);
        const cost = (some: typeof paced): number => some.reduce((sum, one) => sum + one.costMicros, 0);
        expect(ledgers.get('default/paced')?.reserved ?? 0).toBe(cost(paced));
        expect(cost(paced.filter((one) => one.channel === 'sms'))).toBeLessThanOrEqual(40);
        for (const [i, one] of paced.entries()) {
          const curve = (total * (one.dueAt - T0)) / (10 * DAY) + Math.max(Math.floor(total / 100), 10);
          expect(cost(paced.slice(0, i + 1))).toBeLessThanOrEqual(curve);
        }
      }),
      { numRuns: 150 },
    );
  });
});
