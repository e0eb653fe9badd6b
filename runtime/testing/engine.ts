// What tests of the runners share: a real embedded log in a folder of its own, values of small topics, and what came out.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { allTopics, DEAD_LETTERS, type Topic } from '../../schemas/topics.ts';
import type { Signal, UserProfile } from '../../schemas/types.ts';
import { EmbeddedLog } from '../embedded/embedded-log.ts';
import { embeddedRegistry } from '../embedded/schema-ids.ts';
import type { Log, LogRecord, NewRecord } from '../log.ts';
import { ADVANCE_TO, Serde } from '../serde.ts';

export const silent = pino({ level: 'silent' });

export interface Engine {
  readonly log: EmbeddedLog;
  readonly serde: Serde;
  readonly folder: string;
  /** The records of values, for the partitions of their keys. */
  records(topic: Topic<unknown>, values: readonly unknown[]): NewRecord[];
  put(topic: Topic<unknown>, ...values: readonly unknown[]): Promise<void>;
  /** Decoded values of a topic, partition by partition. */
  values<T>(topic: Topic<T>): Promise<T[]>;
  letters(): Promise<LogRecord[]>;
  /** Closes the log and opens it again, as the next process would. */
  reopened(): Promise<Engine>;
  close(): Promise<void>;
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'beckon-engine-'));
}

/** A log with every topic, in one partition unless more are asked for. */
export async function openEngine(partitions = 1, folder = newFolder()): Promise<Engine> {
  const log = await EmbeddedLog.open(join(folder, 'log'));
  const serde = new Serde(embeddedRegistry(log.meta));
  await log.createTopics([
    ...allTopics.map(({ topic, cleanup }) => ({ topic, partitions, cleanup })),
    { topic: DEAD_LETTERS, partitions, cleanup: 'delete' },
  ]);
  await serde.open(allTopics);
  const records: Engine['records'] = (topic, values) => values.map((value) => serde.encode(topic, value, partitions));
  return {
    log,
    serde,
    folder,
    records,
    put: async (topic, ...values) => void (await log.append(records(topic, values))),
    async values<T>(topic: Topic<T>) {
      const all = await rawRecords(log, topic.topic);
      await serde.learn(all);
      return all.map((r) => (serde.decode(topic as Topic<unknown>, r) as { readonly value: T }).value);
    },
    letters: () => rawRecords(log, DEAD_LETTERS),
    async reopened() {
      await log.close();
      return openEngine(partitions, folder);
    },
    async close() {
      await log.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function rawRecords(log: Log, topic: string): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  for (let partition = 0; partition < log.partitions(topic); partition++)
    all.push(...(await log.read({ topic, partition }, 0, 100_000, Number.MAX_SAFE_INTEGER)));
  return all;
}

/** A time mark in partition 0. */
export function timeMarkTo({ topic }: Topic<unknown>, to: number | string): NewRecord {
  return { topic, partition: 0, timestamp: 0, key: null, value: null, headers: { [ADVANCE_TO]: String(to) } };
}

export function profile(userId: string, updatedAt: number): UserProfile {
  const none = { timezone: null, locale: null, customerType: null, device: null, notificationFrequency: null };
  return {
    tenantId: 't',
    userId,
    contacts: {},
    channelPreferences: [],
    attributes: {},
    groups: [],
    updatedAt,
    ...none,
  };
}

/** What a signal of the tiny topology tells, in short: "kind:id". */
export const told = ({ kind, signalId }: Signal): string => `${kind}:${signalId.split('+')[0]}`;

/** Resolves once the condition holds; looks again in every turn of the event loop. Rejects after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const begun = performance.now(); !(await condition()); ) {
    if (performance.now() - begun > 10_000) throw new Error('what was waited for did not happen');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
