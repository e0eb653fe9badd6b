import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../runtime/config.ts';
import { defaultPolicy } from '../schemas/policy.ts';
import { DEAD_LETTERS } from '../schemas/topics.ts';
import { openCluster, planTopics, topicNames } from './cluster.ts';

const policy = { ...defaultPolicy, retentionMs: { events: 1000, profiles: 1000 } };
const named = (name: string): string => `engagement.${name}`;

describe('planTopics', () => {
  test('gives every topic four partitions where there are none yet', () => {
    const specs = planTopics(new Map(), { partitions: undefined, policy });
    expect(specs.map(({ topic }) => topic)).toEqual(topicNames);
    expect(new Set(specs.map(({ partitions }) => partitions))).toEqual(new Set([4]));
  });

  test('deletes nothing that the policy does not say', () => {
    const specs = planTopics(new Map(), { partitions: undefined, policy });
    const retentions = specs.filter(({ retentionMs }) => retentionMs !== undefined);
    expect(retentions.map(({ topic }) => topic)).toEqual([named('events'), named('profiles')]);
  });

  test('gives a missing topic the partitions of its co-partitioned peers', () => {
    const existing = new Map([
      [named('events'), 8],
      [named('candidates'), 2],
    ]);
    const specs = planTopics(existing, { partitions: undefined, policy });
    const of = (topic: string): number | undefined => specs.find((spec) => spec.topic === topic)?.partitions;
    expect(of(named('receipts'))).toBe(8);
    expect(of(named('campaigns'))).toBe(2);
    expect(of(DEAD_LETTERS)).toBe(8);
  });

  test.each([
    [
      'another number than is asked for',
      new Map([[named('events'), 4]]),
      8,
      /events has 4 partitions, not 8: ask for 4/,
    ],
    [
      'peers that differ',
      new Map([
        [named('events'), 4],
        [named('profiles'), 6],
      ]),
      undefined,
      /profiles has 6 partitions, and the other inputs of engage have 4: stop every instance and run/,
    ],
    [
      'dead letters with fewer partitions than the topics they come from',
      new Map([
        [named('events'), 4],
        [DEAD_LETTERS, 1],
      ]),
      undefined,
      /dead-letters has 1 partitions.*kafka-topics\.sh .*--alter .* --partitions 4/,
    ],
  ])('refuses %s, and says how to mend it', (_, existing, partitions, message) => {
    expect(() => planTopics(existing, { partitions, policy })).toThrow(message);
  });
});

describe('openCluster', () => {
  const settings = (env: Record<string, string>) => {
    const { kafka } = readConfig({ KAFKA_BROKERS: '127.0.0.1:1', SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1', ...env });
    if (kafka === undefined) throw new Error('no brokers');
    return kafka;
  };
  const open = (env: Record<string, string>): Promise<unknown> => {
    const folder = mkdtempSync(join(tmpdir(), 'beckon-cluster-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return openCluster(settings(env), pino({ level: 'silent' }), folder);
  };

  test('asks for the address of a schema registry', async () => {
    await expect(open({ SCHEMA_REGISTRY_URL: '' })).rejects.toThrow(/SCHEMA_REGISTRY_URL: is needed on Kafka: set it/);
  });

  test('names the variable whose file can not be read', async () => {
    const missing = open({ KAFKA_TLS_CA: '/nowhere/ca.pem' });
    await expect(missing).rejects.toThrow("KAFKA_TLS_CA: /nowhere/ca.pem can't be read (ENOENT)");
  });
});
