// The folder a simulation writes to: a new or empty one, or that of a former simulation. Nobody else's files are touched.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BadInput } from '../errors.ts';
import { isRunFile, RUN_FILE } from './run-file.ts';

/** Written last: its absence says that the run did not finish. */
export const SUMMARY_FILE = 'summary.json';

/** Throws `BadInput` when the folder can't be written to without harm. Changes nothing. */
export function checkOutFolder(out: string, inputs: readonly string[]): void {
  if (out === '') throw new BadInput('--out has no name; name a new folder');
  if (!existsSync(out)) return;
  if (!lstatSync(realpathSync(out)).isDirectory()) throw new BadInput(`--out ${out}: is a file; name a new folder`);
  const here = realpathSync(out);
  for (const input of inputs) {
    // A pipe has no place of its own.
    if (statSync(input).isFIFO()) continue;
    const real = realpathSync(input);
    if (real === here || dirname(real) === here) {
      throw new BadInput(`--out ${out}: is the folder of the input ${input}; name a new folder`);
    }
  }
  if (readdirSync(here).length === 0) return;
  const runFile = join(here, RUN_FILE);
  if (!existsSync(runFile) || !isRunFile(readFileSync(runFile, 'utf8'))) {
    throw new BadInput(`--out ${out}: holds files that no simulation wrote; name a new or empty folder`);
  }
}

/** Makes the folder and takes the last run's mark of completeness from it. Throws `BadInput`. */
export function openOutFolder(out: string): void {
  try {
    mkdirSync(out, { recursive: true });
    rmSync(join(out, SUMMARY_FILE), { force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadInput(`--out ${resolve(out)}: can't be made (${code}); name a folder you may write to`);
  }
}
