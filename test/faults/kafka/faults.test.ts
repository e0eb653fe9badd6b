import { afterAll, describe, expect, test } from 'vitest';
import { missing } from '../../servers/jars.ts';
import { Aims } from './aims.ts';
import { plain } from './scenes.ts';
import { KILLS, ONLY, Player, roundsOf, SEED } from './suite.ts';

/** Enough for every step to be hit. */
const ENOUGH = 100;
const aims = new Aims();
const player = new Player();

afterAll(() => player.tell());

const without = missing();
describe.skipIf(without !== undefined)(`${KILLS} kills from seed ${SEED} on, on a Kafka cluster`, () => {
  test.each(roundsOf(KILLS, SEED))(
    'round $seed: $kills kills and other faults leave what a simulation gives',
    async (round) => {
      const { problems } = await player.play(plain, { ...round, only: ONLY, aims });
      expect(problems).toEqual([]);
    },
  );

  // Fewer kills can't reach every step.
  if (KILLS >= ENOUGH && ONLY === undefined) {
    test('every step, and every lost word on the end of a transaction, was the last of some life', () => {
      expect(aims.missed).toEqual([]);
    });
  }
});
