// A user's story from a log: that of a running instance, or of a folder in which none runs.
import { readTopic } from '../../api/reader.ts';
import type { Question } from '../../api/server.ts';
import type { Log } from '../../runtime/log.ts';
import { partitionOf } from '../../runtime/partition.ts';
import type { Serde } from '../../runtime/serde.ts';
import { Definitions } from '../../schemas/definitions.ts';
import {
  campaigns,
  consents,
  decisions,
  events,
  keyOf,
  profiles,
  receipts,
  sendRequests,
  sessions,
  signals,
  type Topic,
} from '../../schemas/topics.ts';
import { type Explanation, explain, explainUser } from './explain.ts';
import { gatherStory } from './story.ts';

export interface Explained {
  readonly explanation: Explanation;
  /** In words. */
  readonly text: string;
}

/** `now` (epoch ms) is how far time has come live; without it, as far as the records of the user's partition say. */
export async function explainFromLog(log: Log, serde: Serde, asked: Question, now?: number): Promise<Explained> {
  const { tenantId, userId, campaignId } = asked;
  const key = keyOf(tenantId, userId);
  const own = <T>(topic: Topic<T>): AsyncIterable<T> => recordsOf(log, serde, topic, key);
  const definitions = new Definitions();
  for await (const record of recordsOf(log, serde, campaigns)) definitions.apply(record);
  const story = await gatherStory({
    tenantId,
    userId,
    campaignId,
    where: 'on the log',
    definitions,
    latenessMs: definitions.policy(tenantId, Number.MAX_SAFE_INTEGER).latenessMs,
    // Nothing at or after `until` happens in the replay, and the newest record has happened.
    until: (now ?? (await newestTime(log, key))) + 1,
    events: own(events),
    profiles: own(profiles),
    consents: own(consents),
    sendRequests: own(sendRequests),
    decisions: own(decisions),
    sessions: own(sessions),
    signals: own(signals),
    receipts: own(receipts),
  });
  return { explanation: explainUser(story), text: explain(story) };
}

async function* recordsOf<T>(log: Log, serde: Serde, topic: Topic<T>, key?: string): AsyncGenerator<T> {
  for await (const batch of readTopic(log, serde, topic, key)) yield* batch;
}

const FETCH = 4096;

/** Epoch ms: the highest time of the events, requests and time marks in the key's partition; -1 when there are none. */
async function newestTime(log: Log, key: string): Promise<number> {
  let newest = -1;
  for (const { topic } of [events, sendRequests]) {
    const input = { topic, partition: partitionOf(key, log.partitions(topic)) };
    for (let at = 0; ; ) {
      const records = await log.read(input, at, FETCH);
      const last = records[records.length - 1];
      if (last === undefined) break;
      for (const { timestamp } of records) newest = Math.max(newest, timestamp);
      at = last.offset + 1;
    }
  }
  return newest;
}
