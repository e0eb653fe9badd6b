import { describe, expect, test } from 'vitest';
import { type FaultLoad, faultLoad } from './load.ts';
import { differing } from './outputs.ts';
import { playRound } from './round.ts';
import { Aims } from './targets.ts';

const KILLS = Number(process.env.BECKON_FAULT_KILLS ?? 120);
const SEED = Number(process.env.BECKON_FAULT_SEED ?? 1);
const KILLS_A_ROUND = 40;
const rounds = Array.from({ length: Math.ceil(KILLS / 3 / KILLS_A_ROUND) }, (_, i) => ({
  seed: SEED + 100 + i,
  kills: Math.min(KILLS_A_ROUND, Math.ceil(KILLS / 3)),
}));

/** The load, in which the first event of each user is a signup. */
function withSignups({ before, pieces, ...rest }: FaultLoad): FaultLoad {
  const known = new Set<string>();
  const changed = (line: string): string => {
    const event = JSON.parse(line) as { readonly userId: string };
    if (known.has(event.userId)) return line;
    known.add(event.userId);
    return JSON.stringify({ ...event, type: 'signup' });
  };
  return {
    ...rest,
    before: { ...before, events: before.events.map(changed) },
    pieces: pieces.map((p) => p.map(changed)),
  };
}

describe.concurrent('deliveries that fail through a webhook', () => {
  const load = withSignups(faultLoad(SEED, 6000, 900, 40));
  const options = { load, clickhouse: false, aims: new Aims(), failing: true };
  const undisturbed = playRound({ ...options, seed: SEED, kills: 0 });

  test('go on to the next channel, and the ledger is what is left', async () => {
    const { problems, outputs, ledgers } = await undisturbed;
    expect(problems).toEqual([]);
    const hops = (outputs.decisions ?? []).map((line) => (JSON.parse(line) as { readonly hop: number }).hop);
    expect(hops.filter((hop) => hop === 1).length).toBeGreaterThan(100);
    expect(hops.filter((hop) => hop === 2).length).toBeGreaterThan(10);
    expect(ledgers.order?.spent).toBeGreaterThan(0);
  });

  test.each(rounds)('round $seed: $kills kills lose no spend and double none', async (round) => {
    const wanted = await undisturbed;
    const result = await playRound({ ...options, ...round });
    process.stdout.write(`round ${round.seed}: ${result.kills.length} kills, ${result.problems.length} problems\n`);
    expect(result.problems).toEqual([]);
    // Named one by one: a difference of whole outputs is too long to be shown.
    for (const [name, lines] of Object.entries(wanted.outputs))
      expect(differing(name, result.outputs[name] ?? [], lines)).toEqual([]);
    expect(result.ledgers).toEqual(wanted.ledgers);
  });
});
