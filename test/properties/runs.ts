// How long the properties look for a counterexample.

/** Multiplies every number of runs: 1 keeps the whole folder within a minute, 100 is for a night. */
const SCALE = 1;

/** Parameters for `fc.assert`. */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: count * SCALE };
}
