// The comparisons that properties make; each throws where the engine, or an altered one, differs.
import { expect } from 'vitest';
import { replay } from '../oracle/arrivals.ts';
import { sessionLine, signalLine } from '../oracle/canonical.ts';
import { decisionsOf } from '../oracle/decisions.ts';
import type { DecisionInput } from '../oracle/model.ts';
import { runDelayed } from './delayed.ts';
import { type Build, observe, observing, real, runEngine } from './engine.ts';
import { decisionLine, engineLedger, oracleDecisionLine, oracleLedger, sendLine, sorted } from './lines.ts';
import type { StreamWorld } from './streams.ts';

/** A whole simulation against the oracle's: sessions, signals, counts, decisions (in their order), sends, the budgets' ledgers. */
export async function equalsOracle(input: DecisionInput, build: Build = real): Promise<void> {
  const engine = await runEngine(input, { build });
  const oracle = decisionsOf(input);
  expect(sorted(engine.sessions.map(sessionLine))).toEqual(sorted(oracle.sessions.map(sessionLine)));
  expect(sorted(engine.signals.map(signalLine))).toEqual(sorted(oracle.signals.map(signalLine)));
  expect(engine.counts).toEqual(oracle.counts);
  expect(engine.decisions.map(decisionLine)).toEqual(oracle.decisions.map(oracleDecisionLine));
  expect(engine.sends.map(sendLine)).toEqual(oracle.sends.map(sendLine));
  for (const { tenantId, id } of input.campaigns) {
    const key = `${tenantId}/${id}`;
    const ledger = oracle.ledgers.get(key);
    expect([key, engineLedger(engine.pipeline, key, ledger?.days.keys() ?? [])]).toEqual([key, oracleLedger(ledger)]);
  }
}

/** Sessions, signals and counts of one task, late events and all, against the oracle's replay. */
export async function equalsReplay(world: StreamWorld, build: Build = observing): Promise<void> {
  const run = await observe(world, { build });
  const expected = replay(world.events, { ...world.policy, lateness: world.lateness });
  expect(sorted(run.sessions.map(sessionLine))).toEqual(sorted(expected.sessions.map(sessionLine)));
  expect(sorted(run.signals.map(signalLine))).toEqual(sorted(expected.signals.map(signalLine)));
  const { processed, late, duplicate, notReached } = run.counts;
  expect({ processed, late, duplicate, notReached }).toEqual(expected.counts);
}

/** Decisions and sends where pace takes its time, against those where it answers at once. */
export async function equalsImmediate(
  input: DecisionInput,
  delays: readonly number[],
  build: Build = real,
  immediate: Build = real,
): Promise<void> {
  const expected = await runEngine(input, { build: immediate });
  const delayed = runDelayed(input, delays, build);
  expect(sorted(delayed.decisions.map(decisionLine))).toEqual(sorted(expected.decisions.map(decisionLine)));
  expect(sorted(delayed.sends.map(sendLine))).toEqual(sorted(expected.sends.map(sendLine)));
}
