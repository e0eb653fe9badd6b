// What the tests of whole instances on a cluster stand on: a broker and a registry, a generated population in files, what
// `simulate` makes of it, and what is on the cluster.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { readTopic } from '../../../api/reader.ts';
import { openCluster } from '../../../cli/cluster.ts';
import { population } from '../../../cli/demo/population.ts';
import { loadCampaigns } from '../../../cli/files/load-campaigns.ts';
import { runSimulation } from '../../../cli/simulation.ts';
import { readConfig } from '../../../runtime/config.ts';
import { deleteTopics } from '../../../runtime/kafka/testing/delete-topics.ts';
import { jsonForm } from '../../../schemas/json-form.ts';
import { defaultPolicy } from '../../../schemas/policy.ts';
import { consents, events, profiles, type Topic } from '../../../schemas/topics.ts';
import { startKafka } from '../../servers/kafka.ts';
import { startRegistry } from '../../servers/registry.ts';
import { expectSimulated as expectSame, OUTPUTS } from '../compared.ts';
import { type Cluster, environment } from './instance.ts';

/** The population's first day, and the end of all runs. */
export const FROM = Date.UTC(2026, 0, 1);
export const UNTIL = Date.UTC(2027, 0, 1);

export interface Ground {
  readonly folder: string;
  /** Files. */
  readonly inputs: { readonly events: string; readonly profiles: string; readonly consents: string };
  /** The cluster without any topic of ours, for an installation of this name. */
  emptied(app: string): Promise<Cluster>;
  /** The folder with what `simulate` gives for the campaigns of a folder. */
  simulated(campaigns: string): Promise<string>;
  /** The committed records of topics. */
  read(cluster: Cluster, topics: readonly Topic<unknown>[]): Promise<readonly (readonly unknown[])[]>;
  close(): void;
}

export function campaignFolder(name: string): string {
  return join(import.meta.dirname, 'campaigns', name);
}

/** Undefined where no broker or no registry can be had. */
export async function openGround(): Promise<Ground | undefined> {
  const kafka = await startKafka();
  const registry = kafka === undefined ? undefined : await startRegistry();
  if (kafka === undefined || registry === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'beckon-on-kafka-'));
  const inputs = writePopulation(folder);
  const simulations = new Map<string, Promise<string>>();
  return {
    folder,
    inputs,
    async emptied(app) {
      await deleteTopics(kafka.brokers, 'engagement.');
      return { brokers: kafka.brokers, registry: registry.url, app: `${app}-${process.pid}` };
    },
    simulated(name) {
      const known = simulations.get(name);
      if (known !== undefined) return known;
      const out = join(folder, `out-${name}`);
      const { campaigns } = loadCampaigns(campaignFolder(name));
      const running = runSimulation({ ...inputs, campaigns, policy: defaultPolicy, until: UNTIL, out }).then(() => out);
      simulations.set(name, running);
      return running;
    },
    read: (cluster, topics) => readTopics(cluster, topics, join(folder, 'reader')),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function writePopulation(folder: string): Ground['inputs'] {
  const people = population({ users: 150, days: 20, from: FROM });
  const write = <T>(topic: Topic<T>, values: readonly T[]): string => {
    const file = join(folder, `${topic.name}.ndjson`);
    const form = jsonForm(topic);
    writeFileSync(file, values.map((value) => `${form.write(value)}\n`).join(''));
    return file;
  };
  return {
    events: write(events, people.events),
    profiles: write(profiles, people.profiles),
    // Later ones would have to be published between events to be known in time.
    consents: write(
      consents,
      people.consents.filter(({ changedAt }) => changedAt < FROM),
    ),
  };
}

async function readTopics(
  cluster: Cluster,
  topics: readonly Topic<unknown>[],
  folder: string,
): Promise<readonly (readonly unknown[])[]> {
  const { kafka } = readConfig(environment(cluster));
  if (kafka === undefined) throw new Error('no brokers');
  const { log, serde, close } = await openCluster(kafka, pino({ level: 'silent' }), folder);
  try {
    const all: unknown[][] = [];
    for (const topic of topics) {
      const values: unknown[] = [];
      for await (const batch of readTopic(log, serde, topic)) values.push(...batch);
      all.push(values);
    }
    return all;
  } finally {
    await close();
  }
}

/** The outputs on the cluster are those in the simulation's folder. */
export async function expectSimulated(ground: Ground, cluster: Cluster, out: string): Promise<void> {
  const found = await ground.read(cluster, OUTPUTS);
  for (const [i, topic] of OUTPUTS.entries()) expectSame(out, topic, found[i] ?? []);
}
