// Sample records of every topic, with the values that are easily got wrong.
import {
  campaigns,
  candidates,
  consents,
  decisions,
  events,
  outcomes,
  profiles,
  receipts,
  sendRequests,
  sends,
  sessions,
  signals,
  type Topic,
  verdicts,
} from '../../../schemas/topics.ts';
import type { Decision, SendCommand, UserEvent } from '../../../schemas/types.ts';
import type { SinkBatch, SinkContext } from '../../sink.ts';

/** 2026-03-14T09:26:53.589Z */
export const AT = 1_773_480_413_589;
const tenantId = 'default';

export function event(i: number): UserEvent {
  return {
    eventId: `e${i}`,
    tenantId,
    userId: `u${i % 7}`,
    sessionId: null,
    occurredAt: AT + i,
    type: 'view',
    properties: { amount: i },
  };
}

export function decision(i: number): Decision {
  const requestId = `r${i}`;
  return {
    decisionId: `${requestId}#final`,
    requestId,
    tenantId,
    userId: `u${i}`,
    campaignId: 'winback-7d',
    source: 'trigger',
    cause: 'e1',
    requestedAt: AT,
    decidedAt: AT + 1,
    outcome: i % 2 === 0 ? 'sent' : 'blocked',
    reason: i % 2 === 0 ? null : 'frequency-cap',
    steps: [
      { gate: 'holdout', verdict: 'pass', facts: {} },
      {
        gate: 'frequency-cap',
        verdict: i % 2 === 0 ? 'pass' : 'block',
        facts: { rule: '3 a day', count: 3, scaled: false, none: null },
      },
    ],
    channel: i % 2 === 0 ? 'sms' : null,
    dueAt: i % 2 === 0 ? AT + 5 : null,
    costMicros: i % 2 === 0 ? 7500 : null,
    definitionVersion: 3,
    hop: i % 2,
    fallbacks: i % 2 === 0 ? ['email', 'push'] : [],
    variant: i % 2 === 0 ? 'b' : null,
  };
}

export function send(i: number): SendCommand {
  return {
    sendId: `r${i}#0`,
    requestId: `r${i}`,
    hop: 0,
    tenantId,
    userId: `u${i}`,
    campaignId: 'winback-7d',
    channel: 'sms',
    address: '+254700000001',
    content: { text: 'Dear Amina' },
    costMicros: 7500,
    dueAt: AT,
    expiresAt: AT + 9,
    idempotencyKey: `k${i}`,
    variant: i % 2 === 0 ? 'b' : null,
  };
}

/** A topic with records of it. */
export interface Sample<T = unknown> {
  readonly topic: Topic<T>;
  readonly values: readonly T[];
}

const sample = <T>(topic: Topic<T>, ...values: T[]): Sample => ({ topic, values }) as unknown as Sample;
const who = { tenantId, userId: 'u1' };
const whose = { ...who, campaignId: 'winback-7d' };

export const samples: readonly Sample[] = [
  sample(
    events,
    event(1),
    {
      ...event(2),
      sessionId: 'app-1',
      occurredAt: 1000,
      properties: {
        text: 'quote " back \\ tab \t line \n ☕ \u0000',
        big: 1e21,
        tiny: 5e-324,
        minus: -0.5,
        yes: true,
        none: null,
        'a.b': '7',
      },
    },
    { ...event(3), occurredAt: 4_102_444_799_999 },
  ),
  sample(profiles, {
    ...who,
    timezone: 'Africa/Nairobi',
    locale: null,
    contacts: { sms: '+254700000001' },
    channelPreferences: ['sms', 'email'],
    customerType: null,
    device: 'android',
    notificationFrequency: 'low',
    attributes: { country: 'KE', loans: 2, vip: true },
    groups: ['savings-1', 'savings-2'],
    updatedAt: AT,
  }),
  sample(
    consents,
    { ...who, purpose: 'marketing', channel: null, granted: true, version: 3, source: 'signup-form', changedAt: AT },
    { ...who, purpose: 'all', channel: 'sms', granted: false, version: 'v4', source: null, changedAt: AT + 1 },
  ),
  sample(campaigns, {
    tenantId,
    campaignId: 'winback-7d',
    version: 1,
    effectiveFrom: AT,
    definition: '{"id":"winback-7d"}',
  }),
  sample(sendRequests, {
    ...whose,
    requestId: 'r1',
    source: 'api',
    requestedAt: AT,
    data: { name: 'Amina' },
    notBefore: AT + 1,
  }),
  sample(sessions, {
    ...who,
    sessionId: 's1',
    startedAt: AT,
    endedAt: AT + 60_000,
    durationMs: 60_000,
    eventCount: 3,
    eventTypes: { view: 2, buy: 1 },
    appSessionIds: ['app-1'],
  }),
  sample(signals, { ...who, signalId: 'g1', kind: 'returned', firedAt: AT, facts: { silentMs: 259_200_000 } }),
  sample(
    candidates,
    {
      ...whose,
      kind: 'reserve',
      requestId: 'r1',
      hop: 0,
      requestedAt: AT,
      channels: [{ channel: 'sms', maxCostMicros: 7500 }],
      earliestAt: AT,
      expiresAt: AT + 1,
      sendingWindow: { quietHours: '21:00-08:00', timezone: 'Africa/Nairobi', holidays: [] },
      costMicros: null,
    },
    {
      ...whose,
      kind: 'correct',
      requestId: 'r1',
      hop: 0,
      requestedAt: AT,
      channels: [],
      earliestAt: AT,
      expiresAt: AT + 1,
      sendingWindow: null,
      costMicros: 9_007_199_254_740_991,
    },
  ),
  sample(verdicts, {
    ...whose,
    requestId: 'r1',
    hop: 0,
    requestedAt: AT,
    outcome: 'reserved',
    channel: 'sms',
    costMicros: 7500,
    slotAt: AT + 5,
    reason: null,
    facts: { burst: 5e6 },
  }),
  sample(sends, send(1), send(2)),
  sample(decisions, decision(1), decision(2)),
  sample(receipts, {
    ...whose,
    receiptId: 'r1#0#sent',
    sendId: 'r1#0',
    requestId: 'r1',
    hop: 0,
    channel: 'sms',
    status: 'sent',
    occurredAt: AT,
    costMicros: 7000,
    providerMessageId: 'SM1',
    error: null,
  }),
  sample(outcomes, {
    ...whose,
    outcomeId: 'o1',
    sendId: 'r1#0',
    requestId: null,
    kind: 'conversion',
    event: 'loan_repaid',
    value: 99.5,
    occurredAt: AT,
  }),
];

/** A batch of consecutive records, named as the runtime names it. */
export function batchOf<T>(topic: Topic<T>, values: readonly T[], first = 0, partition = 0): SinkBatch {
  const records = values.map((value, i) => ({ key: topic.keyOf(value), value, partition, offset: first + i }));
  const id = `${topic.topic}/${partition}/${first}-${first + values.length - 1}`;
  return { id, topic, partition, records } as unknown as SinkBatch;
}

/** The port of a sink that emits nothing and keeps no notes. */
export const context: SinkContext = {
  emit: () => undefined,
  notes: { get: () => Promise.resolve(undefined), put: () => Promise.resolve() },
  now: (eventTime) => eventTime,
  signal: new AbortController().signal,
};
