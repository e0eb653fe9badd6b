// Every feature at once, on a cluster: instances that share the work, join and leave give what simulate gives.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { candidates, verdicts } from '../../../schemas/topics.ts';
import { campaigns, policyWith } from '../all-features/definitions.ts';
import { inRounds, people, SLICES } from '../all-features/people.ts';
import { simulated } from '../all-features/simulated.ts';
import { type Step, stepsOf } from '../all-features/steps.ts';
import { expectSimulated, OUTPUTS } from '../compared.ts';
import { type Ground, openGround } from './ground.ts';
import { environment, InstanceProcess } from './instance.ts';
import { Probe } from './probe.ts';

const TIMEOUT = 180_000;
const PARTITIONS = 4;
/** Slices during which pace is away: its instances stop before the first record, and come back before the receipts. */
const AWAY = [6, 18];
/** The slice at which one more instance joins. */
const JOINS = 12;

const opened = await openGround();
const ground = opened as Ground;
afterAll(() => opened?.close());

test.skipIf(opened === undefined)('instances give the records that simulate gives', { timeout: TIMEOUT }, async () => {
  const folder = join(ground.folder, 'all-features');
  mkdirSync(folder, { recursive: true });
  const policy = policyWith('20m');
  const all = inRounds(people());
  const answers = await simulated(folder, all, policy);
  expect(answers.filter(({ hop }) => hop > 0).length).toBeGreaterThan(20);

  const cluster = await ground.emptied('all-features');
  const probe = await Probe.open(cluster, folder, { partitions: PARTITIONS, campaigns, policy });
  onTestFinished(() => probe.close());
  const start = (name: string, topologies: string): InstanceProcess =>
    new InstanceProcess(join(folder, name), environment(cluster), ['--topology', topologies]);
  const stop = async (instance: InstanceProcess): Promise<void> => {
    expect(await instance.kill('SIGTERM'), instance.log).toEqual({ code: 0, signal: null });
  };
  const take = async (step: Step, instances: readonly InstanceProcess[], groups: readonly string[]): Promise<void> => {
    if ('advance' in step) await probe.publisher.advance(step.advance);
    else await probe.publisher.publish(step.topic, step.values);
    await probe.atRest(instances, groups);
  };

  const stayer = start('stayer', 'engage');
  const names = ['other'];
  let others = names.map((name) => start(name, 'engage,pace'));
  for (let slice = -1; slice < SLICES; slice++) {
    const { first, last } = stepsOf(slice, all, answers);
    const away = AWAY.includes(slice);
    if (slice === JOINS) {
      names.push('joiner');
      others.push(start('joiner', 'engage,pace'));
    }
    if (away) {
      await Promise.all(others.map(stop));
      for (const step of first) await take(step, [stayer], ['engage']);
      const asked = (await probe.read(candidates)).filter(({ kind }) => kind === 'reserve');
      expect((await probe.read(verdicts)).length, 'answers of pace').toBeLessThan(asked.length);
      others = names.map((name) => start(name, 'engage,pace'));
    }
    const running = [stayer, ...others];
    await Promise.all(running.map(({ ready }) => ready));
    await probe.atRest(running, ['engage', 'pace']);
    for (const step of away ? last : [...first, ...last]) await take(step, running, ['engage', 'pace']);
  }
  for (const instance of [stayer, ...others]) await stop(instance);
  for (const topic of OUTPUTS) expectSimulated(join(folder, 'out'), topic, await probe.read(topic));
});
