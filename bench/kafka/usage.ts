// What a process has used so far, as the kernel counts it; Linux alone.
import { readdirSync, readFileSync } from 'node:fs';

/** ms of a tick of /proc, which counts hundredths of a second. */
const TICK_MS = 10;

export interface Usage {
  /** User and system time of all its threads, ms, in steps of 10. */
  readonly cpuMs: number;
  readonly rssMb: number;
  /** The most it ever held. */
  readonly peakMb: number;
}

/** Undefined when there is no such process, or the system tells nothing of it. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything; user and system time are the 14th and 15th fields.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
    return {
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
      rssMb: mb('VmRSS'),
      peakMb: mb('VmHWM'),
    };
  } catch {
    return undefined;
  }
}

/** Open files and sockets of a process. */
export function openFilesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return Number.NaN;
  }
}
