// Runs `java` until it ends or the owner does, so that no JVM outlives the tests that asked for it, however they ended.
//   keeper.ts OWNER_PID PID_FILE JAVA_ARGS…
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const LOOK_MS = 500;

const [owner, pidFile, ...args] = process.argv.slice(2) as [string, string, ...string[]];
const child = spawn('java', args, { stdio: 'inherit' });
child.once('error', (error) => {
  process.stderr.write(`java does not start: ${error.message}\n`);
  process.exit(1);
});
writeFileSync(pidFile, String(child.pid));

const watch = setInterval(() => {
  try {
    process.kill(Number(owner), 0);
  } catch {
    child.kill('SIGKILL');
  }
}, LOOK_MS);
child.once('exit', (code) => {
  clearInterval(watch);
  process.exitCode = code ?? 1;
});
