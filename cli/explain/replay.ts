// One user's records run again by themselves, to see what their triggers did and why some made no request.
import { Pipeline } from '../../runtime/pipeline.ts';
import { type Source, simulate, TABLE_RANK } from '../../runtime/simulation.ts';
import type { Definitions } from '../../schemas/definitions.ts';
import { type Unmatched, unmatched } from '../../schemas/streams.ts';
import {
  consents,
  decisions,
  events,
  profiles,
  sendRequests,
  sessions,
  signals,
  type Topic,
} from '../../schemas/topics.ts';
import type {
  ConsentChange,
  Decision,
  SendRequest,
  Session,
  Signal,
  UserEvent,
  UserProfile,
} from '../../schemas/types.ts';
import { engage } from '../../topologies/engage.ts';
import { pace } from '../../topologies/pace.ts';
import { collect } from './collect.ts';

/** One user's records, each list in the order of its file or log. */
export interface UserRecords {
  readonly events: readonly UserEvent[];
  readonly profiles: readonly UserProfile[];
  readonly consents: readonly ConsentChange[];
  readonly sendRequests: readonly SendRequest[];
}

export interface ReplayOptions {
  readonly definitions: Definitions;
  readonly latenessMs: number;
  /** Epoch ms: nothing at or after it happens. Undefined: until nothing is pending. */
  readonly until: number | undefined;
  /** Ids of the sessions and signals that the run emitted, where they are known. */
  readonly emitted: ReadonlySet<string> | undefined;
}

export interface Replay extends Pick<ReplayOptions, 'latenessMs' | 'until'> {
  /** The run emitted fewer sessions or signals: other users' records had moved time on, so that events were late in it. */
  readonly differs: boolean;
  /** Budget is not shared with anybody here, so only what was asked is the user's true story, not what was spent. */
  readonly decisions: readonly Decision[];
  readonly unmatched: readonly Unmatched[];
  /** Segments entered and left. */
  readonly signals: readonly Signal[];
  /** Events that triggered nothing because they came late or twice. */
  readonly late: number;
  readonly duplicate: number;
}

export async function replay(
  records: UserRecords,
  { definitions, latenessMs, until, emitted }: ReplayOptions,
): Promise<Replay> {
  const asked: Decision[] = [];
  const missed: Unmatched[] = [];
  const happened: string[] = [];
  const segmentSignals: Signal[] = [];
  const counts = { late: 0, duplicate: 0 };
  const explain = collect(unmatched, (value) => missed.push(value));
  const pipeline = new Pipeline({
    topologies: [engage(definitions, { explain, measures: false }), pace(definitions)],
    lateness: latenessMs,
    onOutput: (topic, value) => {
      if (topic === sessions) happened.push((value as Session).sessionId);
      else if (topic === signals) {
        const signal = value as Signal;
        if (signal.kind.startsWith('segment-')) segmentSignals.push(signal);
        else happened.push(signal.signalId);
      } else if (topic === decisions) asked.push(value as Decision);
    },
  });
  await simulate({
    pipeline,
    sources: [
      inMemory(profiles, records.profiles, TABLE_RANK),
      inMemory(consents, records.consents, TABLE_RANK),
      inMemory(events, records.events, 1),
      inMemory(sendRequests, records.sendRequests, 2),
    ],
    ...(until === undefined ? {} : { until }),
    onFate: ({ topic }, fate) => {
      if (topic === events && (fate === 'late' || fate === 'duplicate')) counts[fate]++;
    },
  });
  // A session or signal that the run did not emit has triggered nothing in it.
  const imagined = new Set(emitted === undefined ? [] : happened.filter((id) => !emitted.has(id)));
  return {
    decisions: asked,
    unmatched: missed.filter(({ cause }) => !imagined.has(cause)),
    signals: segmentSignals,
    differs: imagined.size > 0,
    ...counts,
    latenessMs,
    until,
  };
}

function inMemory<T>(topic: Topic<T>, values: readonly T[], rank: number): Source {
  const batches = [values.map((value, i) => ({ topic, value, line: i + 1 }))];
  return { rank, next: async () => batches.shift() };
}
