// Errors as RFC 9457 has them: application/problem+json.
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { LogUnavailable } from '../group-appender.ts';

export const PROBLEM_JSON = 'application/problem+json';

const kinds = {
  'bad-request': { status: 400, title: 'The request is not as it should be' },
  unauthorized: { status: 401, title: 'A valid API key is needed' },
  forbidden: { status: 403, title: 'That is not allowed' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'The path does not take this method' },
  conflict: { status: 409, title: 'That does not fit the state of the instance' },
  'too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON' },
  misdirected: { status: 421, title: 'Another instance can answer that' },
  'idempotency-key-reused': { status: 422, title: 'The key was used for another request' },
  'too-many-requests': { status: 429, title: 'The key makes too many requests' },
  'internal-error': { status: 500, title: 'Something went wrong here' },
  'not-ready': { status: 503, title: 'The instance takes no requests now' },
} as const;

export type ProblemKind = keyof typeof kinds;

export const problemModel = z
  .strictObject({
    type: z.string().describe('Names the kind of problem: `urn:beckon:problem:` and the kind.'),
    title: z.string().describe('The kind in words.'),
    status: z.int().min(400).max(599).describe('The status of the answer.'),
    detail: z.string().describe('What is wrong this time, and how to mend it.'),
    instance: z.string().describe('The id of the request, as in x-request-id; logs of the instance hold it.'),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .describe('What is wrong with the request, part by part: a JSON pointer into body, query, path or headers.'),
  })
  .describe('What went wrong (RFC 9457).');

export type ProblemDetails = z.output<typeof problemModel>;

/** An answer that says what is wrong. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly kind: ProblemKind;
  readonly headers: Readonly<Record<string, string>>;

  constructor(kind: ProblemKind, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.kind = kind;
    this.headers = headers;
  }

  get status(): number {
    return kinds[this.kind].status;
  }
}

/** A good answer of a route, as its schema lists it. */
export function goodResponse<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { 'application/json': { schema } } };
}

/** The answers of a route besides its good ones, as its schema lists them. */
export function problemResponses(...named: readonly ProblemKind[]) {
  const byStatus = named.map((kind) => {
    const { status, title } = kinds[kind];
    return [status, { description: title, content: { [PROBLEM_JSON]: { schema: problemModel } } }] as const;
  });
  return Object.fromEntries(byStatus);
}

function detailsOf(kind: ProblemKind, detail: string, instance: string): ProblemDetails {
  const { status, title } = kinds[kind];
  return { type: `urn:beckon:problem:${kind}`, title, status, detail, instance };
}

/** Answers what came over a connection and is no HTTP, and ends the connection. */
export function answerNoHttp({ code }: Error & { readonly code?: string }, socket: Socket): void {
  // The other side has gone.
  if (code === 'ECONNRESET' || socket.destroyed) return;
  const id = randomUUID();
  const details = detailsOf('bad-request', 'this is no request of HTTP that can be read', id);
  const body = JSON.stringify(details);
  const head = [
    'HTTP/1.1 400 Bad Request',
    `content-type: ${PROBLEM_JSON}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${id}`,
    'connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
}

export function sendProblem(
  reply: FastifyReply,
  kind: ProblemKind,
  detail: string,
  errors?: ProblemDetails['errors'],
): FastifyReply {
  const { id } = reply.request;
  const details = detailsOf(kind, detail, id);
  // As bytes: it has no schema where the route is not known.
  const bytes = Buffer.from(JSON.stringify(errors === undefined ? details : { ...details, errors }));
  return reply.code(details.status).header('x-request-id', id).type(PROBLEM_JSON).send(bytes);
}

/** What the framework's parser finds, by its codes. */
const BODY_FAULTS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty: send JSON',
  FST_ERR_CTP_INVALID_JSON_BODY:
    'the body is no JSON that can be taken: check quotes, commas and brackets, and that no name in it is "__proto__"',
};

/** Errors that `detail` names; `errors` has them all. */
const DETAILED = 3;

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** What the checks' own messages say, each with what it becomes: what is wanted, so how to mend it. */
const WORDINGS: readonly (readonly [RegExp, (...parts: string[]) => string])[] = [
  [/^Invalid input: expected (\w+), received undefined$/, (type) => `is missing: give ${typed(type)}`],
  [/^Invalid input: expected (\w+), received NaN$/, (type) => `must be ${typed(type)}`],
  [/^Invalid input: expected (\w+), received (\w+)$/, (type, given) => `must be ${typed(type)}, not ${typed(given)}`],
  [/^Invalid option: expected one of (.+)$/, (options) => `must be one of ${options.replaceAll('|', ', ')}`],
  [/^Invalid input: expected (".*")$/, (value) => `must be ${value}`],
  [/^Too big: expected \w+ to be <=?(\S+)$/, (most) => `must be at most ${most}`],
  [/^Too small: expected \w+ to be >=?(\S+)$/, (least) => `must be at least ${least}`],
  [/^Too big: expected \w+ to have <=(\d+) (\w+)$/, (most, parts) => `must have at most ${most} ${parts}`],
  [/^Too small: expected \w+ to have >=1 \w+$/, () => 'must not be empty'],
  [/^Unrecognized keys?: (.+)$/, (keys) => `takes no ${keys}: the document says what it takes`],
];

function typed(name: string): string {
  return TYPES[name] ?? name;
}

/** A check's message for people. Our own says already what to do. */
function inWords(message: string): string {
  for (const [pattern, say] of WORDINGS) {
    const found = pattern.exec(message);
    if (found !== null) return say(...found.slice(1));
  }
  return message;
}

/** Answers an error that a handler, a parser or a check threw. Those that nobody foresaw are told to `unforeseen`. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  unforeseen: (error: unknown, request: FastifyRequest) => void,
): FastifyReply {
  if (error instanceof Problem) return sendProblem(reply.headers(error.headers), error.kind, error.message);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const part = String((error as FastifyError).validationContext ?? 'body').replace('querystring', 'query');
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: `/${part === 'params' ? 'path' : part}${instancePath === '/' ? '' : instancePath}`,
      message: inWords(message ?? 'is not valid'),
    }));
    const told = errors.slice(0, DETAILED).map(({ path, message }) => `${path}: ${message}`);
    const detail = told.length === 0 ? 'is not valid' : told.join('; ');
    return sendProblem(reply, 'bad-request', detail, errors);
  }
  const { statusCode, code, message } = error as FastifyError;
  const body = BODY_FAULTS[code ?? ''];
  if (body !== undefined) return sendProblem(reply, 'bad-request', body);
  if (statusCode === 413) return sendProblem(reply, 'too-large', 'send less at once');
  if (statusCode === 415) return sendProblem(reply, 'unsupported-media-type', 'send content-type: application/json');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return sendProblem(reply, 'bad-request', message);
  unforeseen(error, request);
  if (error instanceof LogUnavailable) {
    const detail = 'the log does not answer: send it again, with the same requestId where there is one';
    return sendProblem(reply.header('retry-after', '1'), 'not-ready', detail);
  }
  return sendProblem(reply, 'internal-error', 'the log of the instance says more under the id of this request');
}
