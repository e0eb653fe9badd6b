import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionLine, signalLine } from '../oracle/canonical.ts';
import { decisionsOf } from '../oracle/decisions.ts';
import type { DecisionInput } from '../oracle/model.ts';
import { type Build, real, runEngine } from './engine.ts';
import { decisionLine, engineLedger, oracleDecisionLine, oracleLedger, sendLine, sorted } from './lines.ts';
import { runs } from './runs.ts';
import { worlds } from './worlds.ts';

async function equalsOracle(input: DecisionInput, build: Build = real): Promise<void> {
  const engine = await runEngine(input, { build });
  const oracle = decisionsOf(input);
  expect(engine.decisions.map(decisionLine)).toEqual(oracle.decisions.map(oracleDecisionLine));
  expect(sorted(engine.sends.map(sendLine))).toEqual(sorted(oracle.sends.map(sendLine)));
  expect(sorted(engine.sessions.map(sessionLine))).toEqual(sorted(oracle.sessions.map(sessionLine)));
  expect(sorted(engine.signals.map(signalLine))).toEqual(sorted(oracle.signals.map(signalLine)));
  for (const { tenantId, id } of input.campaigns) {
    const key = `${tenantId}/${id}`;
    expect([key, engineLedger(engine.pipeline, key)]).toEqual([key, oracleLedger(oracle.ledgers.get(key))]);
  }
  expect(engine.counts).toEqual(oracle.counts);
}

describe('every decision, send and ledger equals the oracle’s', () => {
  it.each(['none', 'within', 'late'] as const)('disorder: %s', async (disorder) => {
    await fc.assert(
      fc.asyncProperty(worlds({ binds: true, disorder }), (input) => equalsOracle(input)),
      runs(150),
    );
  });
});
