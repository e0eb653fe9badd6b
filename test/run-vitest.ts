// Runs vitest and ends with one plain line of its own report's totals, which any CI can read.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/** Runs `vitest run` with these arguments; returns its exit code. `reporter`: what people see meanwhile. */
export function runVitest(
  args: readonly string[],
  reporter: 'dot' | 'default' = 'dot',
  env: NodeJS.ProcessEnv = process.env,
): number {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-report-'));
  const file = join(folder, 'report.json');
  const run = spawnSync(
    'vitest',
    ['run', `--reporter=${reporter}`, '--reporter=json', `--outputFile.json=${file}`, ...args],
    { stdio: 'inherit', env },
  );
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    // A file that could not be loaded has no tests of its own: it counts as one failure.
    const broken = report.testResults.filter((f) => f.status === 'failed' && f.assertionResults.length === 0).length;
    const skipped = report.numPendingTests + report.numTodoTests;
    process.stdout.write(
      `${report.numPassedTests} passed, ${report.numFailedTests + broken} failed, ${skipped} skipped\n`,
    );
  } catch {
    process.stdout.write('vitest wrote no report\n');
  }
  rmSync(folder, { recursive: true, force: true });
  return run.status ?? 1;
}
