// How long the properties look for a counterexample.

/** Multiplies every number of runs: 1 keeps the whole folder within a few minutes, 100 is for a night. */
const SCALE = Number(process.env.BECKON_PROPERTY_SCALE ?? 1);

/** Parameters for `fc.assert`. */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: Math.ceil(count * SCALE) };
}
