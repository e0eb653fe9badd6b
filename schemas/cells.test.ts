import avsc from 'avsc';
import { expect, it } from 'vitest';
import { consentLedger, messages, segments } from './cells.ts';

/** The fields that came after the first version of the user's messages, by their record. */
const LATER: Readonly<Record<string, readonly string[]>> = {
  UserMessages: ['open', 'held', 'heldUntil', 'round'],
  RequestInProgress: ['hop', 'chain', 'variant', 'notBefore', 'judgedAt'],
  WaitingInput: ['receipt', 'follows'],
  WaitingRequest: ['notBefore', 'judgedAt', 'learned'],
  SentMessage: ['costMicros', 'corrected', 'spent'],
  WaitingReceipt: ['channel'],
  UserSegments: ['ahead'],
  ConsentEntry: ['unsubscribed'],
};

/** The schema as it was before them. */
function asOfOld(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asOfOld);
  if (typeof schema !== 'object' || schema === null) return schema;
  const whole = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, asOfOld(value)]));
  const later = LATER[String(whole.name)] ?? [];
  if (!Array.isArray(whole.fields)) return whole;
  return { ...whole, fields: whole.fields.filter(({ name }: { name: string }) => !later.includes(name)) };
}

it("reads a user's messages as they were written before there were fallbacks, holds and learning", () => {
  const old = asOfOld(JSON.parse(messages.codec.json)) as avsc.Schema;
  const request = {
    ...{ requestId: 'r', campaignId: 'c', source: 'api', cause: null, requestedAt: 1, expiresAt: 2 },
    ...{ definitionVersion: 1, dedupeKey: '', channel: 'sms', costMicros: 7500, dueAt: null, budgeted: true },
    ...{ data: { plan: 'pro' }, steps: [{ gate: 'consent', verdict: 'pass', facts: { purpose: 'marketing' } }] },
  };
  const asked = {
    requestId: 'w',
    campaignId: 'c',
    source: 'api',
    cause: null,
    requestedAt: 1,
    data: {},
    audience: null,
  };
  const waiting = { streamTime: 1, time: 1, window: false, due: null, request: asked };
  const sent = {
    ...{ sendId: 's#0', campaignId: 'c', dedupeKey: '', channel: 'sms', class: 'marketing' },
    ...{ sentAt: 1, failed: false, budgeted: true },
  };
  const row = { requests: [request], awaiting: 'r', waiting: [waiting], sent: [sent] };
  const bytes = avsc.Type.forSchema(old, { wrapUnions: false }).toBuffer(row);
  expect(messages.codec.decodeFrom(JSON.stringify(old), bytes)).toEqual({
    requests: [{ ...request, hop: 0, chain: [], variant: null, notBefore: null, judgedAt: null }],
    awaiting: 'r',
    waiting: [
      { ...waiting, request: { ...asked, notBefore: null, judgedAt: null, learned: 0 }, receipt: null, follows: false },
    ],
    sent: [{ ...sent, costMicros: null, corrected: false, spent: false }],
    open: [],
    held: [],
    heldUntil: null,
    round: -1,
  });
});

it("reads a user's segments as they were written before profiles could be ahead", () => {
  const old = asOfOld(JSON.parse(segments.codec.json)) as avsc.Schema;
  const row = { names: ['a'], judgedAt: 1, changes: 2, timerAt: 3 };
  const bytes = avsc.Type.forSchema(old, { wrapUnions: false }).toBuffer(row);
  expect(segments.codec.decodeFrom(JSON.stringify(old), bytes)).toEqual({ ...row, ahead: null });
});

it("reads a user's consents as they were written before receipts could revoke any", () => {
  const old = asOfOld(JSON.parse(consentLedger.codec.json)) as avsc.Schema;
  const entry = { purpose: 'marketing', channel: 'sms', revokedAt: 1, grantedAt: [2] };
  const bytes = avsc.Type.forSchema(old, { wrapUnions: false }).toBuffer({ entries: [entry] });
  expect(consentLedger.codec.decodeFrom(JSON.stringify(old), bytes)).toEqual({
    entries: [{ ...entry, unsubscribed: false }],
  });
});
