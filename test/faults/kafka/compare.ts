// The results of a run on Kafka against those of `beckon simulate` over the same records.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSimulation } from '../../../cli/simulation.ts';
import { jsonForm } from '../../../schemas/json-form.ts';
import {
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
  type Topic,
} from '../../../schemas/topics.ts';
import type { Outcome, SendCommand, UserEvent } from '../../../schemas/types.ts';
import { newestOutcomes } from '../../outcomes.ts';
import { differing } from '../outputs.ts';
import type { Ground } from './ground.ts';
import { type Load, ndjson } from './load.ts';
import type { Outputs } from './outputs.ts';

/** Of what a simulation spends of a budget that binds. */
const LEAST_SPENT = 0.95;
const COMPARED: readonly Topic<unknown>[] = [sessions, signals, decisions, sends, outcomes];

export interface Comparison {
  readonly problems: readonly string[];
  /** Records by topic. */
  readonly counts: Readonly<Record<string, number>>;
  /** Of the campaign whose budget binds, as a part of what the simulation spends. */
  readonly spentPart?: number;
}

/** `folder` takes the files. `until`: epoch ms to where time was moved. */
export async function compare(
  folder: string,
  {
    ground,
    load,
    published,
    outputs,
    until,
  }: {
    readonly ground: Ground;
    readonly load: Load;
    readonly published: readonly UserEvent[];
    readonly outputs: Outputs;
    readonly until: number;
  },
): Promise<Comparison> {
  const inputs = join(folder, 'inputs');
  const out = join(folder, 'simulated');
  mkdirSync(inputs, { recursive: true });
  const { campaigns, policy, binding, endpoint } = ground.scene;
  const file = <T>(topic: Topic<T>, values: readonly T[]): string => {
    const path = join(inputs, `${topic.name}.ndjson`);
    writeFileSync(path, ndjson(topic, values));
    return path;
  };
  await runSimulation({
    events: file(events, published),
    profiles: file(profiles, load.profiles),
    consents: file(consents, load.consents),
    sendRequests: file(sendRequests, load.requests),
    // Without it deliveries succeed.
    ...(endpoint === undefined ? {} : { receipts: file(receipts, outputs.receipts) }),
    campaigns,
    policy,
    until,
    out,
  });
  const simulated = (topic: Topic<unknown>): readonly unknown[] =>
    readFileSync(join(out, `${topic.name}.ndjson`), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => jsonForm(topic).read(JSON.parse(line)));
  const problems: string[] = [];
  const counts: Record<string, number> = {};
  for (const topic of COMPARED) {
    const lines = (all: readonly unknown[]): readonly string[] => {
      const told = topic === outcomes ? newestOutcomes(all as readonly Outcome[]) : all;
      return told.map((value) => jsonForm(topic).write(value));
    };
    const found = lines(outputs.all(topic));
    counts[topic.name] = found.length;
    writeFileSync(join(inputs, `found-${topic.name}.ndjson`), found.map((line) => `${line}\n`).join(''));
    problems.push(...differing(topic.name, comparable(found, binding), comparable(lines(simulated(topic)), binding)));
  }
  if (binding === undefined) return { problems, counts };
  const spent = costOf(outputs.all(sends), binding);
  const wanted = costOf(simulated(sends) as readonly SendCommand[], binding);
  if (wanted === 0) problems.push(`the simulation spends nothing on ${binding}: the load is not what it should be`);
  if (spent < LEAST_SPENT * wanted) problems.push(`${binding} spends ${spent} micros, and ${wanted} in a simulation`);
  return { problems, counts, spentPart: spent / wanted };
}

interface Line {
  readonly campaignId?: string;
  readonly steps?: readonly { readonly gate: string; readonly facts: Readonly<Record<string, unknown>> }[];
}

/** Without the campaign whose budget binds, and without how much of a budget was reserved before. */
function comparable(lines: readonly string[], binding: string | undefined): readonly string[] {
  return lines.flatMap((line) => {
    const value = JSON.parse(line) as Line;
    if (binding !== undefined && value.campaignId === binding) return [];
    if (value.steps === undefined) return [line];
    const steps = value.steps.map((step) => {
      const { reservedMicros: _, ...facts } = step.facts;
      return { ...step, facts };
    });
    return [JSON.stringify({ ...value, steps })];
  });
}

function costOf(all: readonly SendCommand[], campaignId: string): number {
  return all.filter((send) => send.campaignId === campaignId).reduce((sum, { costMicros }) => sum + costMicros, 0);
}
