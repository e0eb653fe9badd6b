// Ends what is left of the instances when the process that started this one is gone, however it ended: a paused instance would
// stay for ever. Told of pids on its standard input, a line each: `+PID` of one that runs, `-PID` of one that has ended.
import { createInterface } from 'node:readline';

const pids = new Set<number>();
for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) pids.add(pid);
  else pids.delete(pid);
}
for (const pid of pids) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended at the same time.
  }
}
