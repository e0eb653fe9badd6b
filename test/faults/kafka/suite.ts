// What the suite's test files have in common: what the command line asks for, and rounds, each on a ground of its own.
import { appendFileSync } from 'node:fs';
import type { Kind } from './faults.ts';
import { Ground } from './ground.ts';
import { playRound, type RoundOptions, type RoundResult, type Turn } from './round.ts';
import type { Scene } from './scenes.ts';
import { tallyOf } from './tally.ts';

export const KILLS = Number(process.env.BECKON_FAULT_KILLS ?? 120);
export const SEED = Number(process.env.BECKON_FAULT_SEED ?? 1);
const LOG = process.env.BECKON_FAULT_LOG;
/** Kinds of faults, for whoever looks into one. */
export const ONLY = process.env.BECKON_FAULT_ONLY?.split(',') as readonly Kind[] | undefined;
const KILLS_A_ROUND = 40;

export interface SeededRound {
  readonly seed: number;
  readonly kills: number;
}

/** The kills in rounds, whose seeds go on from `seed`. */
export function roundsOf(kills: number, seed: number): readonly SeededRound[] {
  return Array.from({ length: Math.ceil(kills / KILLS_A_ROUND) }, (_, i) => ({
    seed: seed + i,
    kills: Math.min(KILLS_A_ROUND, kills - i * KILLS_A_ROUND),
  }));
}

/** Plays the rounds of a test file, and tells of them as they go. */
export class Player {
  readonly #done: RoundResult[] = [];
  readonly #begun = performance.now();

  async play(scene: Scene, options: Omit<RoundOptions, 'onTurn'>): Promise<RoundResult> {
    const ground = await Ground.open(scene);
    if (ground === undefined) throw new Error('no broker or registry can be had');
    try {
      const result = await playRound(ground, { ...options, onTurn: (turn) => this.#say(options.seed, turn) });
      this.#done.push(result);
      // At once: who looks into a run that did not come to its end needs them too.
      for (const problem of result.problems) process.stderr.write(`round ${options.seed}: ${problem}\n`);
      return result;
    } finally {
      await ground.close();
    }
  }

  /** Prints what the faults hit. */
  tell(): void {
    if (this.#done.length > 0) process.stdout.write(`\n${tallyOf(this.#done, this.#seconds)}`);
  }

  get #seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  #say(seed: number, turn: Turn): void {
    const { kind, where, size, ms, kills } = turn;
    const seconds = Math.round(this.#seconds);
    process.stderr.write(
      `${seconds} s, round ${seed}: ${kind}${kills > 0 ? '' : ' (no kill)'} at ${where}, ${size} instances, ${ms} ms\n`,
    );
    if (LOG !== undefined) appendFileSync(LOG, `${JSON.stringify({ seed, ...turn })}\n`);
  }
}
