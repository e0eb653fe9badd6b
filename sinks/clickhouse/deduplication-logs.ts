// An insert writes its token into the table's deduplication log and only then moves its part into place. A process killed
// between the two leaves a token without rows, and the retry would be dropped as a duplicate: rows lost. So before the
// engine opens a folder, tokens whose part never came into place are taken out of the logs.
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Mends the logs of every table below an engine's folder, which no process may have open. Returns the tokens taken out. */
export function mendDeduplicationLogs(engineFolder: string): number {
  let removed = 0;
  for (const logs of logFolders(join(engineFolder, 'store'))) {
    const parts = namesIn(dirname(logs)).flatMap((name) => parsePart(name) ?? []);
    for (const file of namesIn(logs).filter((name) => name.endsWith('.txt'))) {
      removed += mendLog(join(logs, file), parts, join(engineFolder, 'mended-log'));
    }
  }
  return removed;
}

/** A part holds the blocks `min` to `max` of its table's partition; a merged part covers those it was merged from. */
interface Part {
  readonly partition: string;
  readonly min: number;
  readonly max: number;
}

const ADDED = '1';

/** A line of a log is an operation, a part and the token's block id, tab-separated. The new log is written `aside` first. */
function mendLog(file: string, parts: readonly Part[], aside: string): number {
  const lines = readFileSync(file, 'utf8').split('\n');
  const kept = lines.filter((line) => {
    const [operation, name] = line.split('\t');
    const part = operation === ADDED && name !== undefined ? parsePart(name) : undefined;
    return part === undefined || parts.some((p) => covers(p, part));
  });
  if (kept.length < lines.length) {
    // Not beside the logs: the engine reads every file there.
    writeFileSync(aside, kept.join('\n'), { flush: true });
    renameSync(aside, file);
  }
  return lines.length - kept.length;
}

function covers(part: Part, other: Part): boolean {
  return part.partition === other.partition && part.min <= other.min && part.max >= other.max;
}

/** "202601_3_7_1" (partition, blocks, merge level, sometimes a mutation); undefined for temporary and other names. */
function parsePart(name: string): Part | undefined {
  const match = /^([^_]+)_(\d+)_(\d+)_\d+(_\d+)?$/.exec(name);
  return match === null ? undefined : { partition: match[1] ?? '', min: Number(match[2]), max: Number(match[3]) };
}

function logFolders(store: string): string[] {
  return namesIn(store)
    .flatMap((prefix) => namesIn(join(store, prefix)).map((table) => join(store, prefix, table, 'deduplication_logs')))
    .filter((folder) => namesIn(folder).length > 0);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
