// The commands of operations on a cluster: topics made and described, campaigns applied to what runs, dead letters put back.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listDeadLetters, replayDeadLetters } from '../../../api/dead-letters.ts';
import { readTopic } from '../../../api/reader.ts';
import { type ClusterPlace, clusterPlace } from '../../../cli/place.ts';
import { type CreatedTopic, createAll } from '../../../cli/topics/create.ts';
import { describeTopics } from '../../../cli/topics/describe.ts';
import { type KafkaSettings, readConfig } from '../../../runtime/config.ts';
import { deleteTopics } from '../../../runtime/kafka/testing/delete-topics.ts';
import { type Policy, parsePolicy } from '../../../schemas/policy.ts';
import { campaigns, DEAD_LETTERS, decisions, events, profiles, verdicts } from '../../../schemas/topics.ts';
import { startKafka } from '../../servers/kafka.ts';
import { startRegistry } from '../../servers/registry.ts';
import { beckon, type Cluster, environment, InstanceProcess, settled } from './instance.ts';

const TIMEOUT = 180_000;
/** Of every topic's name. */
const PREFIX = 'engagement.';

const kafka = await startKafka();
const registry = kafka === undefined ? undefined : await startRegistry();
const onServers = test.skipIf(kafka === undefined || registry === undefined);

let folder: string;
let cluster: Cluster;
let settings: KafkaSettings;
let place: ClusterPlace;
const instances: InstanceProcess[] = [];
const brokers = kafka?.brokers.join(',') ?? '';

beforeAll(async () => {
  if (kafka === undefined || registry === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'beckon-ops-'));
  cluster = { brokers: kafka.brokers, registry: registry.url, app: `ops-${process.hrtime.bigint().toString(36)}` };
  settings = readConfig(environment(cluster)).kafka as KafkaSettings;
  await deleteTopics(kafka.brokers, PREFIX);
});
afterAll(async () => {
  // Those that a test which failed left running, too.
  await Promise.all(instances.map((instance) => instance.kill('SIGKILL')));
  await place?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

function start(name: string, env: NodeJS.ProcessEnv, topologies: string): InstanceProcess {
  const instance = new InstanceProcess(join(folder, name), env, ['--topology', topologies]);
  instances.push(instance);
  return instance;
}

function policyOf(retention: Readonly<Record<string, string>>): Policy {
  const parsed = parsePolicy({ retention });
  if (!parsed.ok) throw new Error('the policy of this test is wrong');
  return parsed.value;
}

const outcomes = (rows: readonly CreatedTopic[]): string[] => [...new Set(rows.map(({ outcome }) => outcome))];
const event = (eventId: string, type: string, occurredAt: string): string =>
  JSON.stringify({ eventId, userId: 'u', type, occurredAt });

onServers(
  'topics are made once, with clean-up, retention and compatibility, and what differs is told',
  { timeout: TIMEOUT },
  async () => {
    place = await clusterPlace(settings, false);
    const { log } = place;
    const policy = policyOf({ events: '90d' });
    const made = await createAll(log, { partitions: 2, policy, brokers });
    expect(outcomes(made)).toEqual(['created']);
    expect(made.map(({ topic }) => topic)).toEqual(
      expect.arrayContaining([
        events.topic,
        DEAD_LETTERS,
        `${cluster.app}.engage.changelog`,
        `${cluster.app}.pace.changelog`,
      ]),
    );
    expect(outcomes(await createAll(log, { partitions: undefined, policy, brokers }))).toEqual(['there']);

    const found = await log.admin.describe([events.topic, campaigns.topic, profiles.topic]);
    expect(found.get(events.topic)).toMatchObject({
      partitions: 2,
      config: { 'cleanup.policy': 'delete', 'retention.ms': String(90 * 86_400_000) },
    });
    expect(found.get(campaigns.topic)?.config).toMatchObject({
      'cleanup.policy': 'compact',
      'min.compaction.lag.ms': String(30 * 86_400_000),
    });
    const subject = await fetch(`${cluster.registry}/config/${events.topic}-value`);
    expect(await subject.json()).toMatchObject({ compatibilityLevel: 'BACKWARD' });

    const other = await createAll(log, { partitions: undefined, policy: policyOf({ events: '30d' }), brokers });
    expect(other.filter(({ outcome }) => outcome === 'differs')).toMatchObject([
      { topic: events.topic, deviations: [{ name: 'retention.ms', found: '7776000000', wanted: '2592000000' }] },
    ]);
  },
);

onServers(
  'what is applied is taken up by an instance that runs; a dead letter goes back once',
  { timeout: TIMEOUT },
  async () => {
    const env = environment(cluster);
    const instance = start('one', env, 'engage,pace');
    const url = await instance.ready;
    const { log, serde } = place;
    const campaign =
      'id: hello\nclass: transactional\ntrigger: { event: hello }\nchannels: [email]\ncontent: { text: hi }\n';
    const dir = mkdtempSync(join(folder, 'campaigns-'));
    writeFileSync(join(dir, 'hello.yaml'), campaign);
    const decided = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const batch of readTopic(log, serde, decisions)) {
        for (const { cause, definitionVersion } of batch) {
          found.push(`${/[\w-]+(?=@)/.exec(cause ?? '')} ${definitionVersion}`);
        }
      }
      return found;
    };

    await instance.publish('events', event('before', 'hello', '2026-03-01T00:00:00Z'));
    await settled([instance]);
    // To the cluster, past the instance.
    await beckon(env, 'campaigns', 'apply', dir, '--dir', join(folder, 'elsewhere'));
    // Whoever appended it is not this instance, which hears of it a moment later.
    let asked = 0;
    await expect
      .poll(
        async () => {
          await instance.publish('events', event(`after-${asked}`, 'hello', `2026-03-02T00:00:0${asked++}Z`));
          await settled([instance]);
          return decided();
        },
        { timeout: 90_000 },
      )
      .not.toEqual([]);
    const first = `after-${asked - 1} 1`;
    expect(await decided()).toEqual([first]);

    await instance.publish('events', event('far', 'hello', '2028-06-01T00:00:00Z'));
    await settled([instance]);
    const { lines } = await listDeadLetters(log, {}, 10, serde);
    expect(lines).toMatchObject([{ topic: 'events', code: 'time-jump', key: 'default/u', value: { eventId: 'far' } }]);
    await instance.publish('events', event('near', 'other', '2027-04-01T00:00:00Z'));
    await instance.publish('events', event('nearer', 'other', '2028-05-01T00:00:00Z'));
    await settled([instance]);
    expect(await replayDeadLetters(log, {}, { dryRun: true })).toMatchObject({ replayed: { [events.topic]: 1 } });
    expect(await replayDeadLetters(log, {})).toMatchObject({ replayed: { [events.topic]: 1 }, already: 0 });
    expect(await replayDeadLetters(log, {})).toEqual({ replayed: {}, already: 1, internal: 0, lost: 0 });
    await settled([instance]);
    expect(await decided()).toEqual([first, 'far 1']);

    const kept = await fetch(`${url}/v1/state?id=u`);
    expect(await kept.json()).toMatchObject({
      key: 'default/u',
      cells: { metrics: { lastSeenAt: '2028-06-01T00:00:00.000Z' } },
    });
    const second = start('two', env, 'engage');
    const other = await second.ready;
    await settled([instance, second]);
    const answers = await Promise.all([url, other].map((at) => fetch(`${at}/v1/state?id=u`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 421]);
    const elsewhere = answers.find(({ status }) => status === 421);
    expect(await elsewhere?.json()).toEqual({
      error: expect.stringMatching(/^default\/u is kept by task engage\.\d, which runs on another instance/),
    });

    const overviews = await describeTopics(place);
    const of = (name: string) => overviews.find((overview) => overview.name === name);
    expect(of('events')).toMatchObject({ retentionMs: 90 * 86_400_000, lag: { engage: 0 } });
    expect(of('candidates')).toMatchObject({ lag: { pace: 0 } });
    expect(of('events')?.partitions.reduce((sum, { begin, end }) => sum + end - begin, 0)).toBeGreaterThanOrEqual(6);
    await Promise.all([instance.kill('SIGTERM'), second.kill('SIGTERM')]);
  },
);

onServers(
  'numbers of partitions that can not work together are refused, with the commands that mend them',
  { timeout: TIMEOUT },
  async () => {
    const { log } = place;
    const policy = policyOf({});
    await expect(createAll(log, { partitions: 4, policy, brokers })).rejects.toThrow(
      /has 2 partitions, not 4: ask for 2/,
    );
    await deleteTopics(cluster.brokers, verdicts.topic);
    const wrong = { topic: verdicts.topic, partitions: 3, cleanup: 'delete' } as const;
    const fresh = await clusterPlace(settings, false);
    await fresh.log.createTopics([wrong]);
    await fresh.close();
    await expect(createAll(log, { partitions: undefined, policy, brokers })).rejects.toThrow(
      `topic engagement.verdicts has 3 partitions, and the other inputs of engage have 2: it is empty, so run \`kafka-topics.sh --bootstrap-server ${brokers} --delete --topic engagement.verdicts && beckon topics create --partitions 2\``,
    );
    await expect(beckon(environment(cluster), 'topics', 'create')).rejects.toThrow(/ended with 2/);
    await deleteTopics(cluster.brokers, verdicts.topic);
    await expect(beckon(environment(cluster), 'topics', 'create', '--replication', '3')).rejects.toThrow(
      /ended with 1: beckon: topics can not be created: .*: set KAFKA_REPLICATION/,
    );
  },
);
