// Decides every request: runs the gates in order, asks pace for budget, holds what is due later, sends, and tries the next
// channel where delivery fails.
import { consentLedger, engagement, messages, metrics, profile, windows } from '../schemas/cells.ts';
import type { Definitions } from '../schemas/definitions.ts';
import { acceptedRequests, requests } from '../schemas/streams.ts';
import { candidates, decisions, receipts, sends, verdicts } from '../schemas/topics.ts';
import { Desk } from './decide/desk.ts';
import { answer, due, receive, take } from './decide/turns.ts';
import { on, type Processor, timers } from './processor.ts';

export function decide(definitions: Definitions): Processor {
  return {
    name: 'decide',
    emits: [decisions, sends, candidates],
    reads: [profile, consentLedger, metrics, windows, engagement],
    writes: [messages],
    on: [
      on(requests, (request, context) => take(new Desk(definitions, context), request)),
      on(acceptedRequests, ({ data, ...request }, context) =>
        take(new Desk(definitions, context), { ...request, cause: null, data }),
      ),
      on(verdicts, (verdict, context) => answer(new Desk(definitions, context), verdict)),
      on(receipts, (receipt, context) => receive(new Desk(definitions, context), receipt)),
    ],
    timers: [
      {
        kind: timers.due,
        fire: (timer, context) => due(new Desk(definitions, context), timer.id),
      },
    ],
  };
}
