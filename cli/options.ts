// Values of command line options: times, durations, numbers.
import { InvalidArgumentError } from 'commander';
import { DateTime } from 'luxon';
import { DURATION_MEND, parseDuration } from '../schemas/durations.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;
const LATEST = Date.UTC(2100, 0, 1);

/** Epoch ms of an option's ISO-8601 time with its zone, or of epoch ms. */
export function timeOption(text: string): number {
  const time = /^\d{1,15}$/.test(text)
    ? Number(text)
    : TIME.test(text)
      ? DateTime.fromISO(text).toMillis()
      : Number.NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError('Write a time with its zone, such as 2026-01-31T09:00:00Z, or epoch milliseconds.');
  }
  if (time >= LATEST || time < 0) throw new InvalidArgumentError('Write a time from 1970-01-01 to before 2100-01-01.');
  return time;
}

/** Milliseconds of an option's duration; zero is one. */
export function durationOption(text: string): number {
  try {
    return parseDuration(text, { min: 0 });
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}: ${DURATION_MEND}.`);
  }
}

/** For every command that is about definitions, users or records of one tenant. */
export const TENANT_OPTION = '--tenant <id>';

/** The id of a tenant. */
export function tenantOption(text: string): string {
  if (text === '' || text.includes('/')) throw new InvalidArgumentError('Write the id of a tenant, without "/".');
  return text;
}

/** A port number, 0 included. */
export function portOption(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('Write a port from 0 to 65535.');
  return port;
}

/** A whole number from 1 to 1000. */
export function countOption(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= 1 && count <= 1000)) throw new InvalidArgumentError('Write a whole number from 1 to 1000.');
  return count;
}
