// The process of the embedded ClickHouse: the engine behind ClickHouse's HTTP interface, on loopback. Started by front.ts
// with a folder and a port (0: any); it lives as long as its parent's IPC channel.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Engine, EngineQuery } from './engine.ts';

/** What the process tells its parent, once. */
export type FrontMessage = { readonly ready: { readonly port: number } } | { readonly failed: string };

const LOCK_WAIT_MS = 10_000;
const CLOSE_WITHIN_MS = 5_000;

/** Parts of the query string that are the interface's own, not settings of the engine. */
const NOT_SETTINGS = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'user',
  'password',
  'role',
  'quota_key',
  'session_id',
  'session_timeout',
  'session_check',
  'compress',
  'decompress',
  'wait_end_of_query',
  'buffer_size',
  'stacktrace',
  'client_protocol_version',
  'close_session',
  'enable_http_compression',
]);

async function main(folder: string, port: number): Promise<void> {
  // Before anything slow, so that a parent that dies meanwhile is noticed. Signals to the whole process group (Ctrl-C)
  // are the parent's to answer: it still has batches to finish.
  const parent = new AbortController();
  process.once('disconnect', () => parent.abort());
  if (!process.connected) parent.abort();
  const parentGone = once(parent.signal, 'abort');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

  const { lockFolder } = await import('./folder-lock.ts');
  const unlock = await lockFolder(folder, LOCK_WAIT_MS, parent.signal);
  const engine = await openIn(join(folder, 'engine'));
  const answering = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answered = answer(engine, request, response).finally(() => answering.delete(answered));
    answering.add(answered);
  });
  server.keepAliveTimeout = 10_000;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE' ? new Error(`port ${port} of 127.0.0.1 is taken; free it, or name another`) : error,
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  tell({ ready: { port: (server.address() as AddressInfo).port } });

  if (!parent.signal.aborted) await parentGone;
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), CLOSE_WITHIN_MS).unref();
  server.close();
  await Promise.allSettled(answering);
  await engine.close();
  unlock();
  process.exit(0);
}

async function openIn(folder: string): Promise<Engine> {
  const { mendDeduplicationLogs } = await import('./deduplication-logs.ts');
  mendDeduplicationLogs(folder);
  const { openEngine } = await import('./engine.ts');
  return openEngine(folder);
}

async function answer(engine: Engine, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  try {
    if (!fromHere(request))
      return await send(response, 403, 'Only programs on this machine may query this database.\n');
    if (url.pathname === '/ping') return await send(response, 200, 'Ok.\n');
    if (url.pathname !== '/') return await send(response, 404, `There is no ${url.pathname} here: use / or /ping.\n`);
    const sql = await sqlOf(url.searchParams, request);
    if (sql.trim() === '') return await send(response, 200, 'Ok.\n');
    await send(response, 200, await engine.run(queryOf(sql, url.searchParams)));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'number')) return void response.destroy();
    await send(response, 500, `${error.message}\n`, { 'X-ClickHouse-Exception-Code': String(error.code) });
  }
}

/** A web page that is open on this machine must not reach the database: browsers name the page, or a foreign host. */
function fromHere(request: IncomingMessage): boolean {
  return request.headers.origin === undefined && /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '');
}

/** The query string's `query`, followed by the body (an insert's rows); either may be absent. */
async function sqlOf(parameters: URLSearchParams, request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  const query = parameters.get('query');
  return query === null ? body : body === '' ? query : `${query}\n${body}`;
}

function queryOf(sql: string, parameters: URLSearchParams): EngineQuery {
  const given = [...parameters];
  return {
    sql,
    database: parameters.get('database') ?? 'default',
    format: parameters.get('default_format') ?? 'TabSeparated',
    settings: new Map(given.filter(([name]) => !NOT_SETTINGS.has(name) && !name.startsWith('param_'))),
    parameters: new Map(
      given.filter(([name]) => name.startsWith('param_')).map(([name, value]) => [name.slice('param_'.length), value]),
    ),
  };
}

/** Resolves when the answer is on its way, or its reader gone. */
async function send(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers?: Record<string, string>,
): Promise<void> {
  const done = new Promise<void>((resolve) => response.once('close', resolve));
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8', ...headers });
  response.end(body);
  await done;
}

function tell(message: FrontMessage): void {
  process.send?.(message);
}

const [folder = '', port = '0'] = process.argv.slice(2);
main(folder, Number(port)).catch((error: unknown) => {
  const message: FrontMessage = { failed: error instanceof Error ? error.message : String(error) };
  if (!process.connected) process.exit(1);
  process.send?.(message, () => process.exit(1));
});
