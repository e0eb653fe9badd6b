import fc from 'fast-check';
import { decisionsOf } from '../oracle/decisions.ts';
import { sessionLine, signalLine } from '../oracle/canonical.ts';
import { runEngine } from './engine.ts';
import { decisionLine, engineLedger, oracleDecisionLine, oracleLedger, sendLine, sorted } from './lines.ts';
import { worlds } from './worlds.ts';
const [mode = 'none', n = '300', seed] = process.argv.slice(2);
const diff = (name: string, a: string[], b: string[]): void => {
  const i = a.findIndex((x, k) => x !== b[k]);
  if (i < 0 && a.length === b.length) return;
  const k = i < 0 ? a.length : i;
  throw new Error(`${name} #${k}\n engine ${a.slice(Math.max(0,k-2), k + 3).join('\n        ')}\n oracle ${b.slice(Math.max(0,k-2), k + 3).join('\n        ')}`);
};
const result = await fc.check(
  fc.asyncProperty(worlds({ binds: true, disorder: mode as 'none' }), async (input) => {
    const e = await runEngine(input);
    const o = decisionsOf(input);
    diff('sessions', sorted(e.sessions.map(sessionLine)), sorted(o.sessions.map(sessionLine)));
    diff('signals', sorted(e.signals.map(signalLine)), sorted(o.signals.map(signalLine)));
    diff('counts', [JSON.stringify(e.counts)], [JSON.stringify({processed:o.counts.processed,late:o.counts.late,duplicate:o.counts.duplicate,duplicateRequests:o.counts.duplicateRequests,notReached:o.counts.notReached})]);
    diff('decisions', e.decisions.map(decisionLine), o.decisions.map(oracleDecisionLine));
    diff('sends', e.sends.map(sendLine), o.sends.map(sendLine));
    for (const { tenantId, id } of input.campaigns) diff('ledger', [engineLedger(e.pipeline, `${tenantId}/${id}`)], [oracleLedger(o.ledgers.get(`${tenantId}/${id}`))]);
  }),
  { numRuns: Number(n), ...(seed ? { seed: Number(seed) } : {}) },
);
if (result.failed) {
  const c = result.counterexample?.[0];
  const used = new Set([...(c?.events ?? []), ...(c?.sendRequests ?? [])].map((x) => x.tenantId + x.userId));
  console.log('seed', result.seed, 'runs', result.numRuns);
  for (const x of c?.campaigns ?? []) console.log('C', JSON.stringify(x));
  console.log('P', JSON.stringify(c?.policy), 'lateness', c?.lateness, 'until', c?.until);
  for (const x of c?.events ?? []) console.log('E', JSON.stringify(x));
  for (const x of c?.sendRequests ?? []) console.log('R', JSON.stringify(x));
  for (const x of c?.profiles ?? []) if (used.has(x.tenantId + x.userId)) console.log('p', JSON.stringify(x));
  for (const x of c?.consents ?? []) if (used.has(x.tenantId + x.userId)) console.log('c', JSON.stringify(x));
  console.log(String((result.errorInstance as Error).stack).slice(0, 6000));
} else console.log('ok', result.numRuns);
