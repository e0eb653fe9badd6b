import { expect, test } from 'vitest';
import { faultLoad } from '../faults/load.ts';
import { playRound } from '../faults/round.ts';
import { Aims } from '../faults/targets.ts';

// The full suite is `npm run test:faults`; this is a sample of it.
test('an instance that is killed a few times leaves what an undisturbed one leaves', { timeout: 180_000 }, async () => {
  const load = faultLoad(7, 1500, 120, 40);
  const round = { load, seed: 7, clickhouse: true, aims: new Aims() };
  const wanted = await playRound({ ...round, kills: 0, clickhouse: false });
  const disturbed = await playRound({ ...round, kills: 7 });
  expect(wanted.problems).toEqual([]);
  expect(disturbed.problems).toEqual([]);
  expect(disturbed.outputs).toEqual(wanted.outputs);
  expect(disturbed.counts).toEqual(wanted.counts);
});
