// engage: a user's events become sessions, signals, decisions and sends.
import { decide } from '../processors/decide.ts';
import { deduplicate } from '../processors/deduplicate.ts';
import { detectInactivity } from '../processors/detect-inactivity.ts';
import { keepSchedules } from '../processors/keep-schedules.ts';
import { keepSegments } from '../processors/keep-segments.ts';
import { keepUser } from '../processors/keep-user.ts';
import { learnEngagement } from '../processors/learn-engagement.ts';
import { matchCampaigns } from '../processors/match-campaigns.ts';
import { measureOutcomes } from '../processors/measure-outcomes.ts';
import type { Processor } from '../processors/processor.ts';
import { sessionize } from '../processors/sessionize.ts';
import type { Definitions } from '../schemas/definitions.ts';
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
  verdicts,
} from '../schemas/topics.ts';
import { defineTopology, internal, stream, type Topology, table } from './graph.ts';

export interface EngageOptions {
  /** False: sessions and signals alone, without any campaign. */
  readonly decides?: boolean;
  /** Consumes why triggers made no request (the stream `unmatched`), which is worked out for it alone. */
  readonly explain?: Processor;
  /** False: outcomes are not measured; default true. */
  readonly measures?: boolean;
  /** False: no receipts will come, every delivery succeeds at once; default true. */
  readonly receipts?: boolean;
}

export function engage(
  definitions: Definitions,
  { decides = true, explain, measures = true, receipts: answered = true }: EngageOptions = {},
): Topology {
  const observe = [deduplicate({ outsideRequests: decides }), sessionize(definitions), detectInactivity(definitions)];
  return defineTopology({
    name: 'engage',
    keyed: 'user',
    inputs: [
      stream(events),
      ...(decides
        ? [stream(sendRequests), table(profiles), table(consents), internal(verdicts), internal(receipts)]
        : []),
    ],
    globals: [campaigns],
    processors: decides
      ? [
          ...observe,
          keepUser(),
          keepSegments(definitions),
          keepSchedules(definitions),
          matchCampaigns(definitions, { explain: explain !== undefined }),
          decide(definitions, { receipts: answered }),
          // After the decisions: a request knows what was learned before the record that caused it.
          learnEngagement(definitions),
          ...(measures ? [measureOutcomes(definitions)] : []),
          ...(explain === undefined ? [] : [explain]),
        ]
      : observe,
    outputs: decides
      ? [sessions, signals, decisions, sends, candidates, ...(measures ? [outcomes] : [])]
      : [sessions, signals],
  });
}
