import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Publisher } from '../../api/publisher.ts';
import { readTopic } from '../../api/reader.ts';
import { loadCampaigns } from '../../cli/files/load-campaigns.ts';
import { readNdjson } from '../../cli/files/ndjson.ts';
import { startInstance } from '../../cli/instance.ts';
import { runSimulation } from '../../cli/simulation.ts';
import { parseDuration } from '../../schemas/durations.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { defaultPolicy } from '../../schemas/policy.ts';
import { consents, decisions, events, profiles, sends, sessions, signals, type Topic } from '../../schemas/topics.ts';
import { dataFiles, sortedLines, writeUsers } from './real-data.ts';

const data = process.env.BECKON_DATA;
const outputs: readonly Topic<unknown>[] = [sessions, signals, decisions, sends];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-data-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Without the files there is nothing to compare with: the suite is left out as a whole, and says so by its name.
describe.runIf(data !== undefined)('on real events', () => {
  for (const file of dataFiles) {
    test(`${file.name}: the embedded instance gives what simulate gives`, { timeout: 240_000 }, async () => {
      const path = join(data as string, `${file.name}.ndjson.gz`);
      const campaigns = loadCampaigns(join(import.meta.dirname, 'campaigns', file.name)).campaigns;
      const policy = { ...defaultPolicy, latenessMs: parseDuration(file.lateness) };
      const users = await writeUsers(path, folder);
      const out = join(folder, `${file.name}-out`);
      const until = Date.UTC(2020, 0, 1);
      const summary = await runSimulation({ events: path, ...users, campaigns, policy, until, out });
      expect(summary.sessions).toBe(file.sessions);
      expect(Object.values(summary.signals).reduce((a, b) => a + b, 0)).toBe(file.signals);

      const instance = await startInstance({
        dir: join(folder, file.name),
        topologies: ['engage', 'pace'],
        campaigns,
        policy,
        time: 'events',
        partitions: 1,
        host: '127.0.0.1',
        port: 0,
        delivery: 'file',
        clickhouse: 'embedded',
        logger: pino({ level: 'silent' }),
        onFailure: (error) => {
          throw error;
        },
      });
      try {
        const publisher = new Publisher(instance.log, instance.serde);
        const inputs: readonly [string, Topic<unknown>][] = [
          [users.profiles, profiles],
          [users.consents, consents],
          [path, events],
        ];
        for (const [from, topic] of inputs) {
          for await (const { lines } of readNdjson(from, topic))
            await publisher.publish(
              topic,
              lines.map((l) => l.value),
            );
        }
        await publisher.advance(until);
        await expect.poll(() => instance.worker.quiet, { timeout: 200_000, interval: 200 }).toBe(true);
        for (const topic of outputs) {
          const form = jsonForm(topic);
          const lines: string[] = [];
          for await (const batch of readTopic(instance.log, instance.serde, topic))
            for (const value of batch) lines.push(form.write(value));
          const expected = await sortedLines(join(out, `${topic.name}.ndjson`));
          expect(lines.sort().length, topic.name).toBe(expected.length);
          expect(lines.filter((line, i) => line !== expected[i]).slice(0, 3), topic.name).toEqual([]);
        }
      } finally {
        await instance.stop();
      }
    });
  }
});
