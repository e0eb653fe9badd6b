// It is one engine: on a cluster, in one process or several, it gives what `simulate` gives.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadCampaigns } from '../../../cli/files/load-campaigns.ts';
import type { Campaign } from '../../../schemas/campaign.ts';
import { DAY_MS } from '../../../schemas/durations.ts';
import { jsonForm } from '../../../schemas/json-form.ts';
import { sends, type Topic, verdicts } from '../../../schemas/topics.ts';
import type { BudgetVerdict, SendCommand } from '../../../schemas/types.ts';
import { campaignFolder, expectSimulated, type Ground, openGround, UNTIL } from './ground.ts';
import { beckon, type Cluster, environment, InstanceProcess, settled } from './instance.ts';

const TIMEOUT = 120_000;

const opened = await openGround();
const ground = opened as Ground;
const onServers = test.skipIf(opened === undefined);
afterAll(() => opened?.close());

/** Runs the population through so many instances and resolves once they have ended. */
async function runInstances(name: string, partitions: number, instances: number): Promise<Cluster> {
  const { folder, inputs } = ground;
  const cluster = await ground.emptied(`${name}-${partitions}-${instances}`);
  const env = environment(cluster);
  const args = ['--topology', 'engage,pace,deliver', '--partitions', String(partitions)];
  const all = Array.from({ length: instances }, (_, i) => {
    const own = i === 0 ? ['--campaigns', campaignFolder(name)] : [];
    return new InstanceProcess(join(folder, cluster.app, String(i)), env, [...args, ...own]);
  });
  const [first] = all as [InstanceProcess];
  await Promise.all(all.map(({ ready }) => ready));
  await first.publish('profiles', readFileSync(inputs.profiles, 'utf8'));
  await first.publish('consents', readFileSync(inputs.consents, 'utf8'));
  await settled(all);
  const until = new Date(UNTIL).toISOString();
  await beckon(env, 'publish', 'events', '--file', inputs.events, '--advance', until, '--dir', first.dir);
  await settled(all);
  const tasks = (await Promise.all(all.map((instance) => instance.status()))).map((s) => s.tasks.map((t) => t.task));
  const wanted = ['engage', 'pace'].flatMap((group) => Array.from({ length: partitions }, (_, p) => `${group}.${p}`));
  expect(tasks.flat().sort()).toEqual(wanted);
  expect(Math.max(...tasks.map(({ length }) => length))).toBeLessThanOrEqual(2 * Math.ceil(partitions / instances));
  for (const instance of all) expect(await instance.kill('SIGTERM'), instance.log).toEqual({ code: 0, signal: null });
  return cluster;
}

onServers.each([
  [1, 1],
  [1, 3],
  [4, 1],
  [4, 3],
])('%i partitions, %i instances: the records that simulate gives', { timeout: TIMEOUT }, async (partitions, count) => {
  const out = await ground.simulated('ample');
  await expectSimulated(ground, await runInstances('ample', partitions, count), out);
});

onServers('budgets that bind hold, and what simulate spends is spent', { timeout: TIMEOUT }, async () => {
  const out = await ground.simulated('binding');
  const expected = readFileSync(join(out, 'sends.ndjson'), 'utf8').trim().split('\n');
  const simulated = expected.map((line) => jsonForm(sends).read(JSON.parse(line)) as SendCommand);
  const cluster = await runInstances('binding', 4, 3);
  const topics = [sends, verdicts] as Topic<never>[] as Topic<unknown>[];
  const [sent, answered] = (await ground.read(cluster, topics)) as [SendCommand[], BudgetVerdict[]];
  for (const campaign of loadCampaigns(campaignFolder('binding')).campaigns) {
    const own = sent.filter(({ campaignId }) => campaignId === campaign.id);
    const reserved = answered.filter((v) => v.campaignId === campaign.id && v.outcome === 'reserved');
    expect(costOf(own)).toBe(costOf(reserved));
    expect(answered.some((v) => v.campaignId === campaign.id && v.outcome === 'refused')).toBe(true);
    withinBudget(campaign, reserved);
    const spent = costOf(own) / costOf(simulated.filter(({ campaignId }) => campaignId === campaign.id));
    expect(spent, `${campaign.id}: share of what simulate spends`).toBeGreaterThanOrEqual(0.95);
  }
});

function costOf(records: readonly { readonly costMicros: number | null }[]): number {
  return records.reduce((sum, { costMicros }) => sum + (costMicros ?? 0), 0);
}

/** Counts every limit afresh. Days are UTC's, as the campaigns have no zone. */
function withinBudget({ id, budget }: Campaign, reserved: readonly BudgetVerdict[]): void {
  if (budget === null) throw new Error(`${id} has no budget`);
  const { totalMicros, dailyMicros, perChannelMicros, fromAt: from, toAt: to } = budget;
  const atMost = (cost: number, most: number | null | undefined, what: string): void => {
    if (typeof most === 'number') expect(cost, `${id}: ${what}`).toBeLessThanOrEqual(most);
  };
  const slot = (v: BudgetVerdict): number => v.slotAt ?? Number.NaN;
  atMost(costOf(reserved), totalMicros, 'total');
  for (const [channel, own] of Map.groupBy(reserved, (v) => v.channel ?? ''))
    atMost(costOf(own), perChannelMicros[channel], channel);
  for (const [day, own] of Map.groupBy(reserved, (v) => Math.floor(slot(v) / DAY_MS)))
    atMost(costOf(own), dailyMicros, `day ${day}`);
  if (totalMicros === null || from === null || to === null) return;
  const burst = Math.max(totalMicros / 100, ...reserved.map(({ costMicros }) => costMicros ?? 0));
  for (const at of reserved.map(slot)) {
    const upTo = costOf(reserved.filter((v) => slot(v) <= at));
    atMost(upTo, (totalMicros * (at - from)) / (to - from) + burst, `curve at ${new Date(at).toISOString()}`);
  }
}
