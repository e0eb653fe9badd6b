// The embedded ClickHouse engine (chdb) as a server would offer it: every query brings its own database, settings and
// parameters, several run at a time, and nothing of one query reaches the next.
import { drainPending, Session } from 'chdb';

/** A query as it comes over HTTP. `settings` are the engine's own settings, `parameters` fill `{name:Type}`. */
export interface EngineQuery {
  readonly sql: string;
  readonly database: string;
  /** Of the result, where the query doesn't say. */
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
}

export interface Engine {
  /** The result in the query's format. Throws `EngineError`. */
  run(query: EngineQuery): Promise<Uint8Array>;
  /** Lets the queries under way finish, then gives the data folder free. */
  close(): Promise<void>;
}

/** What the engine answered instead of a result: ClickHouse's code, and its text as a server words it. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Queries that run at a time; the others wait. Enough for the sink beside a few readers. */
const CONCURRENCY = 4;
const UNKNOWN_EXCEPTION = 1002;

/** Opens the engine on a folder. One folder per process; throws when the folder can't be opened. */
export function openEngine(folder: string): Engine {
  // The engine ends with its last connection, so one stays open.
  const anchor = new Session(folder);
  const waiting: (() => void)[] = [];
  let running = 0;
  const enter = async (): Promise<void> => {
    if (running < CONCURRENCY) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };

  return {
    async run(query) {
      await enter();
      try {
        return await runAlone(folder, query);
      } catch (error) {
        throw asEngineError(error);
      } finally {
        leave();
      }
    },
    async close() {
      for (let i = 0; i < CONCURRENCY; i += 1) await enter();
      anchor.close();
      await drainPending();
    },
  };
}

/** A connection costs half a millisecond, so each query has its own: settings last as long as their connection. */
async function runAlone(folder: string, query: EngineQuery): Promise<Uint8Array> {
  const session = new Session(folder);
  try {
    await session.queryAsync(`USE ${identifier(query.database)}`);
    const assignments = [
      ...[...query.settings].map(([name, value]) => `${identifier(name)} = ${literal(value)}`),
      ...[...query.parameters].map(([name, value]) => `${identifier(`param_${name}`)} = ${literal(value)}`),
    ];
    if (assignments.length > 0) await session.queryAsync(`SET ${assignments.join(', ')}`);
    return (await session.queryAsync(query.sql, { format: query.format })).bytes();
  } finally {
    session.close();
  }
}

function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function asEngineError(error: unknown): EngineError {
  const message = error instanceof Error ? error.message : String(error);
  const { clickhouseCode } = error as { readonly clickhouseCode?: unknown };
  const code = typeof clickhouseCode === 'number' ? clickhouseCode : UNKNOWN_EXCEPTION;
  return new EngineError(
    code,
    message.startsWith('Code: ') ? message : `Code: ${code}. DB::Exception: ${message}. (UNKNOWN_EXCEPTION)`,
  );
}
