import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalsOracle } from './compare.ts';
import { runEngine } from './engine.ts';
import { checkInvariants, consentHolds } from './invariants.ts';
import { decisionLine, sendLine, sorted } from './lines.ts';
import { runs } from './runs.ts';
import { worlds } from './worlds.ts';

describe('every decision, send and ledger', () => {
  it.each([
    ['in order', 'none', 300],
    ['out of order within the lateness', 'within', 300],
    ['with events that are late', 'late', 150],
  ] as const)('equals the oracle’s for files %s', async (_name, disorder, count) => {
    await fc.assert(
      fc.asyncProperty(worlds({ binds: true, disorder }), (input) => equalsOracle(input)),
      runs(count),
    );
  });
});

describe('whatever comes in', () => {
  it.each([
    ['in order', 'none'],
    ['out of order', 'within'],
  ] as const)('caps, budgets and the curve hold and every request has one final decision: %s', async (_, disorder) => {
    const property = fc.asyncProperty(worlds({ binds: true, disorder, endless: true }), async (input) => {
      const run = await runEngine(input);
      checkInvariants(input, run, run.counts);
      const { processed, late, duplicate, notReached } = run.counts;
      expect(processed + late + duplicate).toBe(input.events.length);
      expect(notReached).toBe(0);
      if (disorder === 'none') consentHolds(input, run);
    });
    await fc.assert(property, runs(200));
  });
});

describe('decisions and sends on several partitions', () => {
  it.each([4, 16])('are those of one, where no budget binds and input is in order: %d', async (partitions) => {
    const property = fc.asyncProperty(worlds({ binds: false, disorder: 'none' }), async (input) => {
      const one = await runEngine(input);
      const many = await runEngine(input, { partitions });
      expect(sorted(many.decisions.map(decisionLine))).toEqual(sorted(one.decisions.map(decisionLine)));
      expect(sorted(many.sends.map(sendLine))).toEqual(sorted(one.sends.map(sendLine)));
    });
    await fc.assert(property, runs(150));
  });
});
