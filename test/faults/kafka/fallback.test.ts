import { afterAll, describe, expect, test } from 'vitest';
import { missing } from '../../servers/jars.ts';
import { Endpoint } from '../endpoint.ts';
import { Aims } from './aims.ts';
import type { Kind } from './faults.ts';
import { failing } from './scenes.ts';
import { KILLS, ONLY, Player, roundsOf, SEED } from './suite.ts';

/** Of the kills; and the seeds are others than those of the plain rounds. */
const PART = 1 / 3;
const SEEDS_FROM = 100;
/** At steps of tasks and deliveries, twice as often as where the word on a commit is lost: where spend could be lost or doubled. */
const KINDS: readonly Kind[] = ['aimed', 'aimed', 'wire'];
const player = new Player();
const aims = new Aims();

afterAll(() => player.tell());

describe.skipIf(missing() !== undefined)('deliveries that fail through a webhook, on a Kafka cluster', () => {
  test.each(roundsOf(Math.ceil(KILLS * PART), SEED + SEEDS_FROM))(
    'round $seed: $kills kills lose no spend and double none',
    async (round) => {
      const endpoint = await Endpoint.start();
      try {
        const { problems, hops } = await player.play(failing(endpoint), { ...round, only: ONLY ?? KINDS, aims });
        expect(problems).toEqual([]);
        expect(hops[1]).toBeGreaterThan(100);
        expect(hops[2]).toBeGreaterThan(10);
      } finally {
        endpoint.close();
      }
    },
  );
});
