import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalsOracle } from './compare.ts';
import { runEngine } from './engine.ts';
import { checkInvariants, consentHolds } from './invariants.ts';
import { decisionLine, sendLine, sorted } from './lines.ts';
import { fates, withReceipts } from './receipts.ts';
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

describe('with failures, answers and silences of providers', () => {
  it.each([
    ['in order', 'none', 200],
    ['out of order within the lateness', 'within', 200],
  ] as const)('every decision, send and ledger equals the oracle’s for files %s', async (_name, disorder, count) => {
    const property = fc.asyncProperty(worlds({ binds: true, disorder }), fates, async (input, given) =>
      equalsOracle(await withReceipts(input, given, { ordered: disorder === 'none' })),
    );
    await fc.assert(property, runs(count));
  });

  it('nothing is sent without consent at its moment, nor on a channel that the user has unsubscribed from', async () => {
    let unsubscribed = 0;
    const property = fc.asyncProperty(worlds({ binds: true, disorder: 'none' }), fates, async (world, given) => {
      const input = await withReceipts(world, given);
      consentHolds(input, await runEngine(input));
      unsubscribed += (input.receipts ?? []).filter(({ status }) => status === 'unsubscribed').length;
    });
    await fc.assert(property, runs(200));
    expect(unsubscribed).toBeGreaterThan(0);
  });

  it('caps, budgets and the curve hold and every request has one story', async () => {
    const property = fc.asyncProperty(
      worlds({ binds: true, disorder: 'within', endless: true }),
      fates,
      async (input, given) => {
        const whole = await withReceipts(input, given, { ordered: false });
        const run = await runEngine(whole);
        checkInvariants(whole, run, run.counts);
      },
    );
    await fc.assert(property, runs(200));
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
    const property = fc.asyncProperty(worlds({ binds: false, disorder: 'none' }), fates, async (world, given) => {
      const input = await withReceipts(world, given);
      const one = await runEngine(input);
      const many = await runEngine(input, { partitions });
      expect(sorted(many.decisions.map(decisionLine))).toEqual(sorted(one.decisions.map(decisionLine)));
      expect(sorted(many.sends.map(sendLine))).toEqual(sorted(one.sends.map(sendLine)));
    });
    await fc.assert(property, runs(150));
  });
});
