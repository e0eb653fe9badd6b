// Runs vitest and ends, from its own report, with a line for each test that failed and one plain line of totals, which any
// CI can read.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

interface TestReport {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly TestReport[];
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly FileReport[];
}

/** A line for each test that failed and each file that could not be loaded: where, which, and how its error begins. */
function failures(files: readonly FileReport[]): string[] {
  return files.flatMap((file) => {
    const line = (name: string, error: string) =>
      `FAILED ${relative('', file.name)}${name}: ${stripVTControlCharacters(error).split('\n', 1)[0]}`;
    if (brokenAtLoad(file)) return [line('', file.message)];
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    return failed.map((test) => line(` > ${test.fullName}`, test.failureMessages[0] ?? ''));
  });
}

/** A file that could not be loaded has no tests of its own: it counts as one failure. */
const brokenAtLoad = (file: FileReport) => file.status === 'failed' && file.assertionResults.length === 0;

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
    const broken = report.testResults.filter(brokenAtLoad).length;
    const skipped = report.numPendingTests + report.numTodoTests;
    for (const line of failures(report.testResults)) process.stdout.write(`${line}\n`);
    process.stdout.write(
      `${report.numPassedTests} passed, ${report.numFailedTests + broken} failed, ${skipped} skipped\n`,
    );
  } catch {
    process.stdout.write('vitest wrote no report\n');
  }
  rmSync(folder, { recursive: true, force: true });
  return run.status ?? 1;
}
