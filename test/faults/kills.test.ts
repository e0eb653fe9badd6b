import { appendFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { faultLoad } from './load.ts';
import { playRound, type RoundResult } from './round.ts';
import { tallyOf } from './tally.ts';
import { Aims } from './targets.ts';

const KILLS = Number(process.env.BECKON_FAULT_KILLS ?? 120);
const SEED = Number(process.env.BECKON_FAULT_SEED ?? 1);
const KILLS_A_ROUND = 40;
const rounds = Array.from({ length: Math.ceil(KILLS / KILLS_A_ROUND) }, (_, i) => ({
  seed: SEED + i,
  kills: Math.min(KILLS_A_ROUND, KILLS - i * KILLS_A_ROUND),
  // Every other round: starts are twice as fast without it.
  clickhouse: i % 2 === 0,
}));
/** Enough pieces for every life to find some. */
const load = faultLoad(SEED, 6000, 300, 40);
const aims = new Aims();
const done: RoundResult[] = [];
const begun = performance.now();

afterAll(() => {
  process.stdout.write(`\n${tallyOf(done, (performance.now() - begun) / 1000)}`);
});

describe.concurrent(`${KILLS} kills from seed ${SEED} on`, () => {
  const undisturbed = playRound({ load, seed: SEED, kills: 0, clickhouse: false, aims });

  test.each(rounds)('round $seed: $kills kills leave what an undisturbed run leaves', async (round) => {
    const wanted = await undisturbed;
    expect(wanted.problems).toEqual([]);
    const result = await playRound({ load, ...round, aims });
    done.push(result);
    say(round.seed, result);
    expect(result.problems).toEqual([]);
    expect(result.outputs).toEqual(wanted.outputs);
    expect(result.counts).toEqual(wanted.counts);
  });
});

// Fewer kills can't reach every step.
if (KILLS >= 120) {
  test('every step of every kind of task was the last of some life', () => {
    expect(aims.missed).toEqual([]);
  });
}

/** The instants and steps of a round's kills, for whoever looks into one. */
function say(seed: number, { kills, problems }: RoundResult): void {
  const file = process.env.BECKON_FAULT_LOG;
  process.stdout.write(`round ${seed}: ${kills.length} kills, ${problems.length} problems\n`);
  if (file === undefined) return;
  appendFileSync(file, `${kills.map((kill) => JSON.stringify({ seed, ...kill })).join('\n')}\n`);
}
