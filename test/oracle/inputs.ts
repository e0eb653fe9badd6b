// The order in which a simulation takes records from its files: the smallest time at any file's head.
import type { ConsentChange, SendRequest, UserEvent, UserProfile } from '../../schemas/types.ts';
import type { DecisionInput, OracleReceipt } from './model.ts';

export type InputRecord =
  | { readonly kind: 'profile'; readonly time: number; readonly value: UserProfile }
  | { readonly kind: 'consent'; readonly time: number; readonly value: ConsentChange }
  | { readonly kind: 'receipt'; readonly time: number; readonly value: OracleReceipt }
  | { readonly kind: 'event'; readonly time: number; readonly value: UserEvent }
  | { readonly kind: 'request'; readonly time: number; readonly value: SendRequest };

/** All records in order of processing; on a tie tables come first, then events, send-requests and receipts. */
export function inOrder(input: DecisionInput): InputRecord[] {
  const files: InputRecord[][] = [
    input.profiles.map((value) => ({ kind: 'profile', time: value.updatedAt, value })),
    input.consents.map((value) => ({ kind: 'consent', time: value.changedAt, value })),
    input.events.map((value) => ({ kind: 'event', time: value.occurredAt, value })),
    input.sendRequests.map((value) => ({ kind: 'request', time: value.requestedAt, value })),
    (input.receipts ?? []).map((value) => ({ kind: 'receipt', time: value.occurredAt, value })),
  ];
  const taken: InputRecord[] = [];
  const next = files.map(() => 0);
  for (;;) {
    let best: { readonly file: number; readonly record: InputRecord } | undefined;
    for (const [file, records] of files.entries()) {
      const record = records[next[file] ?? 0];
      if (record && (!best || record.time < best.record.time)) best = { file, record };
    }
    if (!best) return taken;
    next[best.file] = (next[best.file] ?? 0) + 1;
    taken.push(best.record);
  }
}
