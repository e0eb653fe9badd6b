// All that is known of one user, gathered from a log or from files: what an explanation is made of.
import type { Definitions } from '../../schemas/definitions.ts';
import type {
  ConsentChange,
  Decision,
  Receipt,
  SendRequest,
  Session,
  Signal,
  UserEvent,
  UserProfile,
} from '../../schemas/types.ts';
import { type Replay, replay, type UserRecords } from './replay.ts';

/** Decoded records of a topic, in its order; those of other users are passed over. */
export type Records<T> = Iterable<T> | AsyncIterable<T>;

export interface StorySources {
  readonly tenantId: string;
  readonly userId: string;
  /** Asked about this campaign alone. */
  readonly campaignId?: string | undefined;
  /** Where the records are, to end a sentence: "in the files of the simulation in out". */
  readonly where: string;
  /** Undefined: the run decided nothing. */
  readonly definitions: Definitions | undefined;
  readonly latenessMs: number;
  /** Epoch ms: how far time had come; undefined: until nothing was pending. */
  readonly until?: number | undefined;
  readonly events: Records<UserEvent>;
  readonly profiles: Records<UserProfile>;
  readonly consents: Records<ConsentChange>;
  readonly sendRequests: Records<SendRequest>;
  readonly decisions: Records<Decision>;
  /** What the run emitted; absent: what the user's records alone give is believed. */
  readonly sessions?: Records<Session>;
  readonly signals?: Records<Signal>;
  readonly receipts?: Records<Receipt>;
}

export interface Story {
  readonly tenantId: string;
  readonly userId: string;
  readonly campaignId: string | undefined;
  readonly where: string;
  readonly definitions: Definitions | undefined;
  readonly records: UserRecords;
  readonly decisions: readonly Decision[];
  readonly receipts: readonly Receipt[];
  /** Undefined: the run decided nothing. */
  readonly replay: Replay | undefined;
  /** Other tenants that have a user of this id. */
  readonly otherTenants: readonly string[];
}

/** Reads every source once, and runs the user's records again. Throws what the sources throw. */
export async function gatherStory(sources: StorySources): Promise<Story> {
  const { tenantId, userId, campaignId, where, definitions, latenessMs, until } = sources;
  const others = new Set<string>();
  const own = async <T extends Ids>(records: Records<T>): Promise<T[]> => {
    const found: T[] = [];
    for await (const record of records) {
      if (record.userId !== userId) continue;
      if (record.tenantId === tenantId) found.push(record);
      else others.add(record.tenantId);
    }
    return found;
  };
  const records: UserRecords = {
    events: await own(sources.events),
    profiles: await own(sources.profiles),
    consents: await own(sources.consents),
    sendRequests: await own(sources.sendRequests),
  };
  const decisions = await own(sources.decisions);
  const receipts = await own(sources.receipts ?? []);
  const sessions = sources.sessions === undefined ? undefined : await own(sources.sessions);
  const signals = sources.signals === undefined ? undefined : await own(sources.signals);
  const emitted =
    sessions === undefined || signals === undefined
      ? undefined
      : new Set([...sessions.map((s) => s.sessionId), ...signals.map((s) => s.signalId)]);
  return {
    ...{ tenantId, userId, campaignId, where, definitions, records, decisions, receipts },
    replay: definitions === undefined ? undefined : await replay(records, { definitions, latenessMs, until, emitted }),
    otherTenants: [...others].sort(),
  };
}

interface Ids {
  readonly tenantId: string;
  readonly userId: string;
}
