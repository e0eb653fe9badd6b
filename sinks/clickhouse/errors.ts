// What a failed query demands: try again later, set one record aside, or stop.
import { ClickHouseError } from '@clickhouse/client';
import { SinkUnavailable } from '../sink.ts';

/** ClickHouse's errors that pass by themselves: overload, a replica or Keeper away, a query cut off. */
const PASSING: ReadonlySet<string> = new Set([
  'ABORTED',
  'ALL_CONNECTION_TRIES_FAILED',
  'CANNOT_SCHEDULE_TASK',
  'DEADLOCK_AVOIDED',
  'DNS_ERROR',
  'KEEPER_EXCEPTION',
  'MEMORY_LIMIT_EXCEEDED',
  'NETWORK_ERROR',
  'NO_FREE_CONNECTION',
  'NO_ZOOKEEPER',
  'NOT_ENOUGH_SPACE',
  'QUERY_WAS_CANCELLED',
  'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
  'RECEIVED_ERROR_TOO_MANY_REQUESTS',
  'SERVER_OVERLOADED',
  'SOCKET_TIMEOUT',
  'SYSTEM_ERROR',
  'TABLE_IS_READ_ONLY',
  'TIMEOUT_EXCEEDED',
  'TOO_FEW_LIVE_REPLICAS',
  'TOO_MANY_PARTS',
  'TOO_MANY_SIMULTANEOUS_QUERIES',
  'TOO_SLOW',
  'UNKNOWN_STATUS_OF_INSERT',
  'UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE',
]);

/** Errors that say that a value doesn't fit its column. */
const VALUE =
  /^(CANNOT_(PARSE|READ|CONVERT_TYPE|INSERT_NULL)|INCORRECT_DATA|TYPE_MISMATCH|ARGUMENT_OUT_OF_BOUND|VALUE_IS_OUT|TOO_LARGE_STRING|SIZES_OF_ARRAYS|VIOLATED_CONSTRAINT|UNEXPECTED_END_OF_FILE)/;

/** A row that ClickHouse can't take, by its place in the insert (from 0). */
export interface RefusedRow {
  readonly row: number;
  /** Says why without quoting the row, which may hold personal data. */
  readonly message: string;
}

/** The row an insert failed for; undefined when it failed for another reason, or doesn't say which. */
export function refusedRow(error: unknown): RefusedRow | undefined {
  if (!isValueError(error)) return undefined;
  // The last one: what comes before it quotes the row, which may say anything.
  const row = [...error.message.matchAll(/\(at row (\d+)\)/g)].at(-1)?.[1];
  return row === undefined ? undefined : { row: Number(row) - 1, message: valueMessage(error) };
}

/** Whether an insert failed for a value in it, and not for the server's state. */
export function isValueError(error: unknown): error is ClickHouseError {
  return error instanceof ClickHouseError && VALUE.test(error.type ?? '');
}

/** "ClickHouse refuses the value of column x (code 27, …)": its own text quotes the value. */
export function valueMessage(error: ClickHouseError): string {
  const column = /while reading the value of (?:key|column|field) `?([\w.]+)/i.exec(error.message)?.[1];
  const what = column === undefined ? 'a value' : `the value of column ${column}`;
  return `ClickHouse refuses ${what} (code ${error.code}, ${error.type ?? 'unknown'})`;
}

/**
 * The error to throw for a failed query: `SinkUnavailable` when the server can't be reached or asks for patience, else an
 * error that names the server's code. `doing` completes "ClickHouse at <url> can't …".
 */
export function asSinkError(error: unknown, doing: string, url: string): Error {
  if (isValueError(error)) return new Error(`ClickHouse at ${url} can't ${doing}: ${valueMessage(error)}.`);
  if (error instanceof ClickHouseError) {
    const text = `ClickHouse at ${url} can't ${doing}: ${error.message.trim()} (code ${error.code}, ${error.type ?? 'unknown'}).`;
    return PASSING.has(error.type ?? '')
      ? new SinkUnavailable(text, { cause: error })
      : new Error(`${text}${hint(error.code)}`, { cause: error });
  }
  const reason = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return new SinkUnavailable(
    `ClickHouse at ${url} can't be reached to ${doing}: ${reason}. Is it running, and is this its address?`,
    {
      cause: error,
    },
  );
}

const HINTS: Readonly<Record<string, string>> = {
  '60': ' Restart the sink: it makes missing tables when it opens.',
  '81': ' Restart the sink: it makes a missing database when it opens.',
  '192': ' Check the user name.',
  '193': ' Check the password.',
  '194': ' Give a password.',
  '497': ' Grant the user INSERT, SELECT, CREATE, ALTER and DROP on the database.',
  '516': ' Check the user name and the password.',
};

function hint(code: string): string {
  return HINTS[code] ?? '';
}
