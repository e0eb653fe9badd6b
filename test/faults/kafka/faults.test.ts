import { appendFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { missing } from '../../servers/jars.ts';
import { Aims } from './aims.ts';
import type { Kind } from './faults.ts';
import { Ground } from './ground.ts';
import { playRound, type RoundResult, type Turn } from './round.ts';
import { tallyOf } from './tally.ts';

const KILLS = Number(process.env.BECKON_FAULT_KILLS ?? 120);
const SEED = Number(process.env.BECKON_FAULT_SEED ?? 1);
const LOG = process.env.BECKON_FAULT_LOG;
/** Kinds of faults, for whoever looks into one. */
const ONLY = process.env.BECKON_FAULT_ONLY?.split(',') as readonly Kind[] | undefined;
const KILLS_A_ROUND = 40;
/** Enough for every step to be hit. */
const ENOUGH = 100;
const rounds = Array.from({ length: Math.ceil(KILLS / KILLS_A_ROUND) }, (_, i) => ({
  seed: SEED + i,
  kills: Math.min(KILLS_A_ROUND, KILLS - i * KILLS_A_ROUND),
}));
const aims = new Aims();
const done: RoundResult[] = [];
const begun = performance.now();

afterAll(() => {
  if (done.length > 0) process.stdout.write(`\n${tallyOf(done, (performance.now() - begun) / 1000)}`);
});

const without = missing();
describe.skipIf(without !== undefined)(`${KILLS} kills from seed ${SEED} on, on a Kafka cluster`, () => {
  test.each(rounds)('round $seed: $kills kills and other faults leave what a simulation gives', async (round) => {
    const ground = await Ground.open();
    if (ground === undefined) throw new Error('no broker or registry can be had');
    try {
      const onTurn = (turn: Turn): void => say(round.seed, turn);
      const result = await playRound(ground, { ...round, only: ONLY, aims, onTurn });
      done.push(result);
      // At once: who looks into a run that did not come to its end needs them too.
      for (const problem of result.problems) process.stderr.write(`round ${round.seed}: ${problem}\n`);
      expect(result.problems).toEqual([]);
    } finally {
      await ground.close();
    }
  });

  // Fewer kills can't reach every step.
  if (KILLS >= ENOUGH && ONLY === undefined) {
    test('every step, and every lost word on the end of a transaction, was the last of some life', () => {
      expect(aims.missed).toEqual([]);
    });
  }
});

function say(seed: number, turn: Turn): void {
  const { kind, where, size, ms, kills } = turn;
  const seconds = Math.round((performance.now() - begun) / 1000);
  process.stderr.write(
    `${seconds} s, round ${seed}: ${kind}${kills > 0 ? '' : ' (no kill)'} at ${where}, ${size} instances, ${ms} ms\n`,
  );
  if (LOG !== undefined) appendFileSync(LOG, `${JSON.stringify({ seed, ...turn })}\n`);
}
