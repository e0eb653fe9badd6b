import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalsImmediate } from './compare.ts';
import { runDelayed } from './delayed.ts';
import { type Build, real } from './engine.ts';
import { checkInvariants } from './invariants.ts';
import { bounded, occasions, withOccasions } from './occasions.ts';
import { fates, ofOneUser, unopened, withoutAnswers, withReceipts } from './receipts.ts';
import { runs } from './runs.ts';
import { worlds } from './worlds.ts';

const delays = fc.array(fc.nat(12), { minLength: 1, maxLength: 20 });

describe('however long pace takes', () => {
  it.each(['none', 'within'] as const)(
    'decisions and sends are the same, where no budget binds: disorder %s',
    async (disorder) => {
      const world = worlds({ binds: false, disorder, fixedTables: true, endless: true });
      const property = fc.asyncProperty(world, delays, (input, delays) => equalsImmediate(input, delays));
      await fc.assert(property, runs(250));
    },
  );

  it.each(['none', 'within'] as const)(
    'so are those that failures and silences of providers bring: disorder %s',
    async (disorder) => {
      const world = worlds({ binds: false, disorder, fixedTables: true, endless: true }).map(withoutAnswers);
      // Receipts in order: one that comes early makes due in `simulate` what it does not live, as it moves no time.
      const property = fc.asyncProperty(world, unopened, delays, async (input, given, delays) =>
        equalsImmediate(await withReceipts(input, given), delays),
      );
      await fc.assert(property, runs(250));
    },
  );

  it('so is what rests on when the user is active: sessions that close while a verdict is awaited, out of order', async () => {
    const world = worlds({ binds: false, disorder: 'within', fixedTables: true, endless: true }).map(ofOneUser);
    const property = fc.asyncProperty(world, unopened, delays, async (input, given, delays) =>
      equalsImmediate(await withReceipts(input, given), delays),
    );
    await fc.assert(property, runs(150));
  });

  it.each(['none', 'within'] as const)('so is what segments and schedules ask for: disorder %s', async (disorder) => {
    const world = worlds({ binds: false, disorder, fixedTables: true, endless: true }).map(bounded);
    let asked = 0;
    const property = fc.asyncProperty(world, occasions, delays, async (input, triggers, delays) => {
      const definitions = withOccasions(input, triggers);
      const build: Build = () => real(definitions);
      await equalsImmediate(input, delays, build, build);
      asked += runDelayed(input, delays, build).decisions.filter(({ cause }) =>
        /^(segment|schedule)/.test(cause ?? ''),
      ).length;
    });
    await fc.assert(property, runs(150));
    expect(asked).toBeGreaterThan(300);
  });

  it('every limit holds where budgets bind', async () => {
    const property = fc.asyncProperty(
      worlds({ binds: true, disorder: 'within', endless: true }),
      fates,
      delays,
      async (world, given, delays) => {
        const input = await withReceipts(world, given, { ordered: false });
        const run = runDelayed(input, delays);
        const finals = run.decisions.filter((d) => d.outcome !== 'scheduled' && d.hop === 0);
        const asked = finals.filter((d) => d.source !== 'trigger').length;
        const { duplicateRequests } = { duplicateRequests: input.sendRequests.length - asked };
        checkInvariants(input, run, { duplicateRequests });
      },
    );
    await fc.assert(property, runs(200));
  });
});
