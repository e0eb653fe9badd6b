// Decides every request: runs the gates in order, asks pace for budget, holds what is due later, sends, and tries the next
// channel where delivery fails.
import { consentLedger, engagement, messages, metrics, profile, windows } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { acceptedRequests, requests } from '../schemas/streams.ts';
import { candidates, decisions, receipts, sends, verdicts } from '../schemas/topics.ts';
import { Desk } from './decide/desk.ts';
import { answer, due, receive, take } from './decide/turns.ts';
import { type Context, on, type Processor, timers } from './processor.ts';

export interface DecideOptions {
  /** False: no receipt will ever come, so nothing is kept to answer one, and none is waited for; default true. */
  readonly receipts?: boolean;
}

export function decide(definitions: Definitions, { receipts: answered = true }: DecideOptions = {}): Processor {
  const deskOf = (context: Context): Desk => new Desk(definitions, context, answered);
  return {
    name: 'decide',
    emits: [decisions, sends, candidates],
    reads: [profile, consentLedger, metrics, windows, engagement],
    writes: [messages],
    on: [
      on(requests, (request, context) => take(deskOf(context), request)),
      on(acceptedRequests, ({ data, ...request }, context) => take(deskOf(context), { ...request, cause: null, data })),
      on(verdicts, (verdict, context) => answer(deskOf(context), verdict)),
      on(receipts, (receipt, context) => receive(deskOf(context), receipt)),
    ],
    timers: [
      {
        kind: timers.due,
        fire: (timer, context) => due(deskOf(context), timer.id),
      },
    ],
  };
}
