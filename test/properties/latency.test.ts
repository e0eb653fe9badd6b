import fc from 'fast-check';
import { describe, it } from 'vitest';
import { equalsImmediate } from './compare.ts';
import { runDelayed } from './delayed.ts';
import { checkInvariants } from './invariants.ts';
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

  it('every limit holds where budgets bind', () => {
    const property = fc.property(
      worlds({ binds: true, disorder: 'within', endless: true }),
      delays,
      (input, delays) => {
        const run = runDelayed(input, delays);
        const asked = run.decisions.filter((d) => d.outcome !== 'scheduled' && d.source !== 'trigger').length;
        const { duplicateRequests } = { duplicateRequests: input.sendRequests.length - asked };
        checkInvariants(input, run, { duplicateRequests });
      },
    );
    fc.assert(property, runs(200));
  });
});
