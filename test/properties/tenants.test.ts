// Tenants on one engine: to each it is as if it were alone, whatever campaigns, policy and users of the same ids others have.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Definitions } from '../../schemas/definitions.ts';
import type { DecisionInput } from '../oracle/model.ts';
import { definitionRecordsOf, type EngineRun, real, runEngine } from './engine.ts';
import { runs } from './runs.ts';
import { worlds } from './worlds.ts';

interface OfTenant {
  readonly tenantId: string;
}

/** The same input as that of other tenants. */
function renamed(input: DecisionInput, name: string): DecisionInput {
  const all = <T extends OfTenant>(records: readonly T[]): T[] =>
    records.map((record) => ({ ...record, tenantId: `${name}-${record.tenantId}` }));
  const { events, profiles, consents, sendRequests, campaigns } = input;
  return {
    ...input,
    ...{ events: all(events), profiles: all(profiles), consents: all(consents) },
    ...{ sendRequests: all(sendRequests), campaigns: all(campaigns) },
  };
}

/** Both, each file in order of time. */
function together(one: DecisionInput, other: DecisionInput): DecisionInput {
  const both = <T>(a: readonly T[], b: readonly T[], timeOf: (record: T) => number): T[] =>
    [...a, ...b].sort((x, y) => timeOf(x) - timeOf(y));
  return {
    ...one,
    events: both(one.events, other.events, ({ occurredAt }) => occurredAt),
    profiles: both(one.profiles, other.profiles, ({ updatedAt }) => updatedAt),
    consents: both(one.consents, other.consents, ({ changedAt }) => changedAt),
    sendRequests: both(one.sendRequests, other.sendRequests, ({ requestedAt }) => requestedAt),
    campaigns: [...one.campaigns, ...other.campaigns],
  };
}

/** Every output as it is, facts too. */
function linesOf({ sessions, signals, decisions, sends, budget }: EngineRun, prefix: string): string[] {
  return [sessions, signals, decisions, sends, budget]
    .flatMap((all: readonly OfTenant[]) => all.filter(({ tenantId }) => tenantId.startsWith(`${prefix}-`)))
    .map((record) => JSON.stringify(record))
    .sort();
}

// On one partition: on several, in which order candidates reach a budget differs also for a tenant that is alone.
it('each gets what it would get alone, by its own campaigns and policy', async () => {
  const world = worlds({ binds: true, disorder: 'none', endless: true });
  let made = 0;
  const property = fc.asyncProperty(world, world, async (first, second) => {
    const one = renamed(first, 'a');
    const other = renamed({ ...second, lateness: one.lateness }, 'b');
    const definitions = new Definitions();
    for (const record of [one, other].flatMap(definitionRecordsOf)) {
      if (record.tenantId !== 'default') definitions.apply(record);
    }
    const both = await runEngine(together(one, other), { build: () => real(definitions) });
    const [alone, otherAlone] = [await runEngine(one), await runEngine(other)];
    expect(linesOf(both, 'a')).toEqual(linesOf(alone, 'a'));
    expect(linesOf(both, 'b')).toEqual(linesOf(otherAlone, 'b'));
    made += both.sends.length;
  });
  await fc.assert(property, runs(100));
  expect(made).toBeGreaterThan(100);
});
