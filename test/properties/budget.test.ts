// Budgets to the micro-unit: every kind of pacing, random candidates, repeats, releases, corrections and confirmations, with
// the task ended and restored from its store at random points, against the oracle. BECKON_BUDGET_RUNS=10000 runs it for long.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { campaignOf, policyOf } from '../../processors/testing/world.ts';
import { Task } from '../../runtime/task.ts';
import { type Campaign, campaignToJson } from '../../schemas/campaign.ts';
import { budgetDay, budgetLedger } from '../../schemas/cells.ts';
import { Definitions, POLICY_ID } from '../../schemas/definitions.ts';
import { formatAmount } from '../../schemas/money.ts';
import { policyToJson } from '../../schemas/policy.ts';
import { candidates } from '../../schemas/topics.ts';
import type { BudgetVerdict, Candidate } from '../../schemas/types.ts';
import { MemoryStore } from '../../state/memory/memory-store.ts';
import { pace } from '../../topologies/pace.ts';
import { curveFraction } from '../oracle/budget.ts';
import { HOUR } from '../oracle/common.ts';
import type { Budget } from '../oracle/model.ts';
import { held, PaceOracle, type Sums } from '../oracle/pace.ts';

const RUNS = Number(process.env.BECKON_BUDGET_RUNS ?? 400);
/** Clocks change in New York on the second day, in Berlin three weeks later. */
const T0 = Date.UTC(2026, 2, 7);
const KEY = 'default/c';
const CHANNELS = ['sms', 'email', 'push'];
const ZONES = ['UTC', 'America/New_York', 'Africa/Nairobi'];

interface World {
  readonly budget: Budget;
  readonly zone: string;
  readonly dearest: number;
}

const worlds: fc.Arbitrary<World> = fc
  .record({
    // 1: money that one can count; else its products with milliseconds pass 2^53.
    scale: fc.constantFrom(1, 1, 97_000_003),
    total: fc.option(fc.integer({ min: 0, max: 4000 }), { freq: 6 }),
    daily: fc.option(fc.integer({ min: 20, max: 900 })),
    sms: fc.option(fc.integer({ min: 0, max: 1500 })),
    from: fc.integer({ min: -24, max: 48 }),
    hours: fc.integer({ min: 1, max: 240 }),
    pacing: fc.constantFrom('even' as const, 'even' as const, 'curve' as const, 'curve' as const, 'asap' as const),
    bends: fc.array(fc.tuple(fc.nat(1000), fc.nat(100_000_000)), { minLength: 1, maxLength: 6 }),
    zone: fc.constantFrom(...ZONES),
    dearest: fc.integer({ min: 1, max: 120 }),
  })
  .map(({ scale, total, daily, sms, from: begins, hours, pacing, bends, zone, dearest }) => {
    const from = T0 + begins * HOUR;
    const to = from + hours * HOUR;
    const shares = bends.map(([, share]) => share / 100_000_000).sort((a, b) => a - b);
    const times = [...new Set(bends.map(([part]) => from + Math.floor(((to - from) * part) / 1000)))];
    const curve = times.sort((a, b) => a - b).map((at, i) => ({ at, share: shares[i] ?? 1 }));
    const budget: Budget = {
      ...{ pacing: total === null ? 'asap' : pacing, from, to },
      ...(total === null ? {} : { total: total * scale }),
      ...(daily === null ? {} : { daily: Math.min(daily, total ?? daily) * scale }),
      ...(sms === null ? {} : { perChannel: { sms: sms * scale } }),
      ...(pacing === 'curve' && total !== null ? { curve } : {}),
    };
    return { budget, zone, dearest: dearest * scale };
  });

const step = fc.record({
  kind: fc.constantFrom('reserve', 'reserve', 'reserve', 'reserve', 'release', 'spent', 'correct', 'commit', 'crash'),
  /** Few, so that they meet again. */
  request: fc.nat(24),
  hop: fc.constantFrom(0, 0, 0, 1),
  channels: fc.shuffledSubarray(CHANNELS, { minLength: 1 }),
  cost: fc.integer({ min: 0, max: 120 }),
  /** Of what was reserved, in percent. */
  actual: fc.constantFrom(0, 50, 99, 100, 101, 250),
  after: fc.nat(90),
  ahead: fc.constantFrom(0, 0, 30, -90),
  expires: fc.constantFrom(1, 12, 48, 200),
  quietHours: fc.constantFrom(null, null, '21:00-08:00', '09:00-17:30'),
  holidays: fc.constantFrom<string[][]>([], [], ['2026-03-08'], ['2026-03-07', '2026-03-08', '2026-03-10']),
  userZone: fc.constantFrom(...ZONES),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function definitionsOf({ budget, zone, dearest }: World): Definitions {
  const definitions = new Definitions();
  const policy = policyOf({ costs: { sms: formatAmount(dearest), email: 0, push: 0 } });
  const file = campaignOf({ id: 'c', channels: CHANNELS, timezone: zone });
  const campaign: Campaign = {
    ...file,
    budget: {
      ...{ currency: 'USD', totalMicros: budget.total ?? null, dailyMicros: budget.daily ?? null },
      ...{ perChannelMicros: budget.perChannel ?? {}, pacing: budget.pacing, curve: budget.curve ?? [] },
      ...{ fromAt: budget.from ?? null, toAt: budget.to ?? null },
    },
  };
  const common = { tenantId: 'default', version: 1, effectiveFrom: 0 };
  definitions.apply({ ...common, campaignId: POLICY_ID, definition: policyToJson(policy) });
  definitions.apply({ ...common, campaignId: 'c', definition: campaignToJson(campaign) });
  return definitions;
}

/** pace's task on a store: what was not committed is done again after a crash. */
class Instance {
  readonly #store = new MemoryStore();
  readonly #definitions: Definitions;
  #task: Task;
  #uncommitted: Candidate[] = [];

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
    this.#task = this.#open();
  }

  take(candidate: Candidate): BudgetVerdict | undefined {
    this.#uncommitted.push(candidate);
    return this.#process(candidate);
  }

  async commit(): Promise<void> {
    const { changes, token } = this.#task.takeChanges();
    await this.#store.write(changes);
    this.#task.committed(token);
    this.#uncommitted = [];
  }

  crash(): void {
    this.#task = this.#open();
    for (const candidate of this.#uncommitted) this.#process(candidate);
  }

  sums(days: readonly string[]): Sums | undefined {
    const kept = this.#task.inspect(KEY, budgetLedger);
    if (kept === undefined) return undefined;
    const { days: former, overrun, channels, spentChannels, ...rest } = kept;
    expect(former).toEqual({});
    const told = (micros: Readonly<Record<string, number>>): Record<string, number> =>
      Object.fromEntries(Object.entries(micros).filter(([, m]) => m !== 0));
    const byDay = days.map((day) => {
      const so = this.#task.inspect(KEY, budgetDay, day);
      return [day, [so?.reserved ?? 0, so?.spent ?? 0]] as const;
    });
    return {
      ...rest,
      ...{ overrun, channels: told(channels), spentChannels: told(spentChannels), days: Object.fromEntries(byDay) },
    };
  }

  #open(): Task {
    return new Task({ topology: pace(this.#definitions), lateness: 0, store: this.#store });
  }

  #process(candidate: Candidate): BudgetVerdict | undefined {
    const task = this.#task;
    task.advance(task.timeAfter(candidates, candidate));
    const fate = task.process(candidates, candidate);
    if (typeof fate === 'object') throw new Error(fate.message);
    task.advance(task.streamTime);
    return task.takeOutputs()[0]?.value as BudgetVerdict | undefined;
  }
}

function candidateOf(one: Step, time: number, scale: number): Candidate {
  const isReserve = one.kind === 'reserve';
  const costs = one.channels.map((channel, i) => ({
    channel,
    maxCostMicros: Math.floor((one.cost * scale) / (i + 1)),
  }));
  return {
    ...{ kind: one.kind as Candidate['kind'], requestId: `r${one.request}`, hop: one.hop, tenantId: 'default' },
    ...{ campaignId: 'c', userId: 'u', requestedAt: time, channels: isReserve ? costs : [] },
    ...{ earliestAt: time + one.ahead * 60_000, expiresAt: time + one.expires * HOUR },
    sendingWindow: { quietHours: one.quietHours, timezone: one.userZone, holidays: one.holidays },
    costMicros: one.kind === 'correct' ? Math.floor((one.cost * scale * one.actual) / 100) : null,
  };
}

/** No limit is passed, by one micro-unit, at any instant. */
function limitsHold({ budget, dearest }: World, oracle: PaceOracle, sums: Sums): void {
  const { total, daily, perChannel = {}, pacing, curve = [], from = 0, to = 0 } = budget;
  const keeps = (what: string, micros: number, most = Number.POSITIVE_INFINITY): void => {
    if (micros > most) expect.fail(`${what}: ${micros} of ${most}`);
  };
  keeps('total', sums.reserved, total);
  for (const [channel, limit] of Object.entries(perChannel)) keeps(channel, sums.channels[channel] ?? 0, limit);
  for (const [day, [reserved]] of Object.entries(sums.days)) keeps(day, reserved, daily);
  if (pacing === 'asap' || total === undefined) return;
  const burst = BigInt(Math.max(Math.floor(total / 100), dearest));
  let soFar = 0n;
  const slots = Map.groupBy(oracle.live.values(), (m) => m.slotAt);
  for (const slotAt of [...slots.keys()].sort((a, b) => a - b)) {
    for (const message of slots.get(slotAt) ?? []) soFar += BigInt(held(message));
    const [part, whole] =
      pacing === 'curve' ? curveFraction(curve, from, slotAt) : [BigInt(slotAt - from), BigInt(to - from)];
    if (soFar * whole > BigInt(total) * part + burst * whole) expect.fail(`curve at ${slotAt}: ${soFar}`);
  }
}

it('every answer and every sum is the oracle’s, and no limit is ever passed, through crashes and replays', {
  timeout: RUNS * 100,
}, async () => {
  const seen = new Map<string, number>();
  const property = fc.asyncProperty(
    worlds,
    fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }),
    async (world, steps) => {
      const oracle = new PaceOracle(world.budget, world.dearest, world.zone);
      const instance = new Instance(definitionsOf(world));
      const scale = world.dearest > 1000 ? 97_000_003 : 1;
      let time = T0;
      for (const one of steps) {
        if (one.kind === 'commit') await instance.commit();
        else if (one.kind === 'crash') instance.crash();
        else {
          time += one.after * 60_000;
          const candidate = candidateOf(one, time, scale);
          const answer = instance.take(candidate);
          const expected = oracle.take(candidate);
          const reason = expected?.reserved === false ? expected.reason : 'reserved';
          if (expected !== undefined) seen.set(reason, (seen.get(reason) ?? 0) + 1);
          expect(answer && [answer.outcome, answer.reason, answer.channel, answer.costMicros, answer.slotAt]).toEqual(
            expected &&
              (expected.reserved
                ? ['reserved', null, expected.channel, expected.cost, expected.slotAt]
                : ['refused', expected.reason, null, null, null]),
          );
          limitsHold(world, oracle, oracle.sums());
        }
        const sums = oracle.sums();
        const kept = instance.sums(Object.keys(sums.days));
        if (kept !== undefined || sums.messages > 0) expect(kept).toEqual(sums);
      }
    },
  );
  await fc.assert(property, { numRuns: RUNS });
  // Every answer there is was among them.
  const reasons = ['budget-window', 'budget-total', 'budget-channel', 'budget-daily', 'budget-pace', 'quiet-hours'];
  expect([...seen.keys()].sort()).toEqual([...reasons, 'reserved'].sort());
});
