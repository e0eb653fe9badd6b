// Whatever is asked of the API, it answers as its document says, and never with a fault of its own.
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchIdOf } from '../../api/batches.ts';
import { MONDAY, type Outreach, startOutreach } from '../../api/testing/outreach.ts';
import { type JsonSchema, nearly } from './from-schema.ts';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: JsonSchema;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

const document = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<'get' | 'post', Operation>>>>;
};
const operations = Object.entries(document.paths).flatMap(([path, own]) =>
  Object.entries(own).map(([method, operation]) => ({
    path,
    method: method.toUpperCase() as 'GET' | 'POST',
    operation,
  })),
);

const ajv = new Ajv2020({ strict: false });
formats.default(ajv);
ajv.addSchema(document, 'openapi');

/** Checks an answer's body by the schema that the document has for it. Throws where it has none. */
function schemaFor(path: string, method: string, status: number, type: string): ValidateFunction {
  const pointer = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema'];
  const found = ajv.getSchema(`openapi#/${pointer.map(escaped).join('/')}`);
  if (found === undefined) throw new Error(`${method} ${path}: the document has no answer ${status} ${type}`);
  return found as ValidateFunction;
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}

interface Asked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

function asked(path: string, { parameters = [], requestBody }: Operation): fc.Arbitrary<Asked> {
  const body = requestBody?.content['application/json']?.schema;
  return fc
    .tuple(
      fc.tuple(
        ...parameters.map(({ schema, required }) => fc.option(nearly(schema), { freq: required === true ? 50 : 3 })),
      ),
      body === undefined ? fc.constant(undefined) : nearly(body),
    )
    .map(([values, value]) => {
      let url = path;
      const query = new URLSearchParams();
      const headers: Record<string, string> = {};
      for (const [i, { name, in: place }] of parameters.entries()) {
        const given = values[i];
        // No test waits long, and a header holds no control characters.
        const text = name === 'wait' ? '0.02' : textOf(given).toWellFormed();
        if (place === 'path') url = url.replace(`{${name}}`, encodeURIComponent(given === null ? 'none' : text));
        else if (given === null) continue;
        else if (place === 'query') query.set(name, text);
        else if (/^[\x21-\x7e]+$/.test(text)) headers[name] = text;
      }
      return { url: query.size === 0 ? url : `${url}?${query}`, headers, body: value };
    });
}

/** Not every object can be made a text. */
function textOf(value: unknown): string {
  return typeof value === 'object' ? (JSON.stringify(value) ?? 'nothing') : String(value);
}

/** One of each that is answered well, in this order. */
const GOOD: Readonly<Record<string, Asked>> = {
  send: good('/api/v1/outreach/send?wait=10', {
    userId: 'u',
    campaignId: 'hello',
    requestId: 'r',
    requestedAt: MONDAY,
  }),
  getRequest: good('/api/v1/outreach/requests/r?userId=u'),
  sendBatch: good('/api/v1/outreach/send-batch?wait=10', {
    ...{ idempotencyKey: 'k', campaignId: 'later', requestedAt: MONDAY },
    recipients: [{ userId: 'u', data: { n: 1 } }, { userId: '' }, { userId: 'nobody' }],
  }),
  getBatch: good(`/api/v1/outreach/batches/${batchIdOf('default', 'k')}`),
  getCampaignStatus: good('/api/v1/outreach/campaigns/priced/status'),
  listUserDecisions: good('/api/v1/users/u/decisions?limit=1'),
  handInReceipts: good('/api/v1/receipts', {
    receipts: [
      {
        ...{ sendId: 's#0', userId: 'u', campaignId: 'hello', requestId: 'r', channel: 'sms' },
        ...{ status: 'delivered', occurredAt: '2026-03-02T09:00:00Z' },
      },
    ],
  }),
};

function good(url: string, body?: unknown): Asked {
  return { url, headers: {}, body };
}

/** Asks, and checks the answer by the document; resolves to its status. */
async function answered(
  server: Outreach['server'],
  { path, method }: (typeof operations)[number],
  { url, headers, body }: Asked,
): Promise<number> {
  const payload =
    body === undefined
      ? {}
      : { payload: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } };
  const answer = await server.inject({ method, url, headers, ...payload });
  const { statusCode: status } = answer;
  expect(status).toBeLessThan(500);
  // A path with an empty part is another one.
  if (status === 404 && answer.json().detail.startsWith('there is no')) return status;
  const validate = schemaFor(path, method, status, String(answer.headers['content-type']).split(';')[0] as string);
  expect(validate(answer.json()) ? [] : validate.errors).toEqual([]);
  return status;
}

test('every operation answers well, as its document says', async () => {
  const { server } = await startOutreach(['u', 'v']);
  const named = new Map(operations.map((one) => [one.operation.operationId, one]));
  expect([...named.keys()].sort()).toEqual(Object.keys(GOOD).sort());
  for (const [name, request] of Object.entries(GOOD)) {
    const one = named.get(name) as (typeof operations)[number];
    expect([name, await answered(server, one, request)]).toEqual([
      name,
      one.operation.responses[200] === undefined ? 202 : 200,
    ]);
  }
});

test.each(operations)(
  '$method $path answers as its document says, whatever is asked',
  { timeout: 120_000 },
  async (one) => {
    const { server } = await startOutreach(['u', 'v']);
    await fc.assert(
      fc.asyncProperty(asked(one.path, one.operation), async (request) => {
        await answered(server, one, request);
      }),
      { numRuns: 100 },
    );
  },
);
