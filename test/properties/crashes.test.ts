import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runCrashing, turns } from './crashing.ts';
import { runEngine } from './engine.ts';
import { checkInvariants } from './invariants.ts';
import { decisionLine, sendLine, sorted } from './lines.ts';
import { fates, unopened, withoutAnswers, withReceipts } from './receipts.ts';
import { runs } from './runs.ts';
import { worlds } from './worlds.ts';

describe('however often tasks are ended', () => {
  it('decisions and sends are the same, where none binds', async () => {
    const world = worlds({ binds: false, disorder: 'within', fixedTables: true, endless: true }).map(withoutAnswers);
    const property = fc.asyncProperty(world, unopened, turns, async (world, given, plan) => {
      const input = await withReceipts(world, given);
      const expected = await runEngine(input);
      const crashed = await runCrashing(input, plan);
      expect(sorted(crashed.decisions.map(decisionLine))).toEqual(sorted(expected.decisions.map(decisionLine)));
      expect(sorted(crashed.sends.map(sendLine))).toEqual(sorted(expected.sends.map(sendLine)));
    });
    await fc.assert(property, runs(100));
  });

  it('no budget is passed by a micro-unit, with failures, timeouts and corrections; every limit holds', async () => {
    const world = worlds({ binds: true, disorder: 'within', endless: true });
    const property = fc.asyncProperty(world, fates, turns, async (world, given, plan) => {
      const input = await withReceipts(world, given, { ordered: false });
      const run = await runCrashing(input, plan);
      const finals = run.decisions.filter((d) => d.outcome !== 'scheduled' && d.hop === 0);
      const asked = finals.filter((d) => d.source !== 'trigger').length;
      checkInvariants(input, run, { duplicateRequests: input.sendRequests.length - asked });
    });
    await fc.assert(property, runs(100));
  });
});
