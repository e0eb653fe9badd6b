// Runs the parts of the bench one after the other, in a process whose servers its parent ends: see run.ts.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ground, openGround } from './ground.ts';
import { killAll } from './instance.ts';
import { latency } from './latency.ts';
import { type Options, type Part, readOptions } from './options.ts';
import { restart } from './restart.ts';
import { soak } from './soak.ts';
import { progress } from './table.ts';
import { throughput } from './throughput.ts';

const RUN: Readonly<Record<Part, (ground: Ground, options: Options, scratch: string) => Promise<string>>> = {
  throughput,
  latency,
  restart,
  soak,
};

const options = readOptions(process.argv.slice(2)) as Options;
const scratch = mkdtempSync(join(tmpdir(), 'beckon-bench-kafka-'));
if (options.profiles !== undefined) mkdirSync(options.profiles, { recursive: true });
let ending: Promise<void> | undefined;

function end(): Promise<void> {
  ending ??= (async () => {
    await killAll();
    await ground?.close();
    rmSync(scratch, { recursive: true, force: true });
  })();
  return ending;
}

const stop = (): void => void end().finally(() => process.exit(130));
process.once('SIGINT', stop).once('SIGTERM', stop).once('disconnect', stop);

let ground: Ground | undefined;
let failed = false;
try {
  progress('a broker and a registry are started');
  ground = await openGround();
  const [cpu] = cpus();
  process.stdout.write(`${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, Node ${process.version}, `);
  process.stdout.write(`broker on the same machine, ${options.partitions} partitions, exactly once\n`);
  for (const part of options.parts) {
    process.stdout.write(`\n${await RUN[part](ground, options, scratch)}\n`);
  }
} catch (error) {
  failed = ending === undefined;
  if (failed) progress(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
await end();
process.exit(failed ? 1 : 0);
