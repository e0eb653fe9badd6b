// The durable case: engage and pace as `start` runs them, with state on the disk and commits, on a log that costs nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Publisher } from '../api/publisher.ts';
import { definitionRecords } from '../cli/files/definition-records.ts';
import { readNdjson } from '../cli/files/ndjson.ts';
import { Serde } from '../runtime/serde.ts';
import { Worker } from '../runtime/worker.ts';
import type { Campaign } from '../schemas/campaign.ts';
import { Definitions } from '../schemas/definitions.ts';
import { defaultPolicy } from '../schemas/policy.ts';
import {
  allTopics,
  campaigns,
  candidates,
  consents,
  decisions,
  events,
  profiles,
  receipts,
  sendRequests,
  sessions,
  signals,
  type Topic,
  verdicts,
} from '../schemas/topics.ts';
import type { CampaignDefinition } from '../schemas/types.ts';
import { engage } from '../topologies/engage.ts';
import { pace } from '../topologies/pace.ts';
import { countingRegistry, DurableLog } from './durable-log.ts';
import type { Load } from './load.ts';

const READ_BY_TASKS = [events, profiles, consents, campaigns, candidates, verdicts, receipts, sendRequests];

/**
 * Runs the load through one instance of a partition; resolves to what it made, and what its commits held. `begin` is called
 * when the events are there, encoded, and what is known of users was processed.
 */
export async function runDurable(
  load: Load,
  defined: readonly Campaign[],
  begin: () => void,
): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-bench-'));
  const log = new DurableLog(folder, READ_BY_TASKS);
  const serde = new Serde(countingRegistry());
  await serde.open(allTopics);
  const publisher = new Publisher(log, serde);
  const publish = async (file: string, topic: Topic<unknown>): Promise<void> => {
    for await (const { lines } of readNdjson<unknown>(file, topic)) {
      await publisher.publish(
        topic,
        lines.map((l) => l.value),
      );
    }
  };
  await publisher.publish(
    campaigns,
    definitionRecords(defined, defaultPolicy).map((record) => ({ ...record, version: 1, effectiveFrom: 0 })),
  );
  if (defined.length > 0) {
    await publish(load.profiles, profiles);
    await publish(load.consents, consents);
  }
  await publish(load.events, events);
  log.withhold(events, true);
  const definitions = new Definitions();
  const worker = new Worker({
    log,
    serde,
    topologies: [engage(definitions), pace(definitions)],
    sinks: [],
    globals: [{ topic: campaigns, apply: (record) => definitions.apply(record as CampaignDefinition) }],
    partitions: 1,
    lateness: defaultPolicy.latenessMs,
    maxJump: defaultPolicy.maxJumpMs,
    time: 'events',
    logger: pino({ level: 'error' }),
    onFailure: (error) => {
      throw error;
    },
  });
  const quiet = async (): Promise<void> => {
    while (!worker.quiet) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  try {
    await worker.start();
    await quiet();
    Object.assign(log.committed, { commits: 0, outputs: 0, outputBytes: 0, changes: 0, changeBytes: 0 });
    begin();
    log.withhold(events, false);
    await quiet();
    const made = [sessions, signals, decisions].map(({ name, topic }) => [name, log.ends.get(topic) ?? 0] as const);
    return { ...Object.fromEntries(made), ...log.committed };
  } finally {
    await worker.stop();
    await log.close();
    rmSync(folder, { recursive: true });
  }
}
