import { type AddressInfo, connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect, test } from 'vitest';
import document from '../../docs/openapi.json' with { type: 'json' };
import { parseApiKeys } from '../../runtime/api-keys.ts';
import { MONDAY, startOutreach } from '../testing/outreach.ts';

const SECRET = 'of-the-shop-and-long';
const READER = 'of-the-reader-and-long';
const ADMIN = 'of-the-admin-and-long';
const keys = parseApiKeys(`shop:send:${SECRET} reader:read:${READER} ops:admin:${ADMIN}`);
const operationIds = Object.values(document.paths).flatMap((path) =>
  Object.values(path).map(({ operationId }) => operationId),
);
const bearer = (secret: string): { readonly authorization: string } => ({ authorization: `Bearer ${secret}` });
const body = { userId: 'u', campaignId: 'hello', requestedAt: MONDAY };

describe('keys', () => {
  test('open what their roles say, and nothing else', async () => {
    const { post, get } = await startOutreach(['u'], { keys });
    const status = async (secret: string): Promise<readonly number[]> => [
      (await post('/outreach/send', body, bearer(secret))).statusCode,
      (await get('/users/u/decisions', bearer(secret))).statusCode,
    ];
    expect(await status(SECRET)).toEqual([200, 403]);
    expect(await status(READER)).toEqual([403, 200]);
    expect(await status(ADMIN)).toEqual([200, 200]);
    expect(await status('of-nobody')).toEqual([401, 401]);
    expect((await get('/users/u/decisions', { 'x-api-key': READER })).statusCode).toBe(200);
    const without = await get('/users/u/decisions');
    expect([without.statusCode, without.headers['www-authenticate']]).toEqual([401, 'Bearer realm="beckon"']);
    expect(without.json()).toMatchObject({ type: 'urn:beckon:problem:unauthorized', status: 401 });
    expect((await get('/openapi.json')).statusCode).toBe(200);
  });

  test('are asked for before the body is looked at', async () => {
    const { post } = await startOutreach([], { keys });
    expect((await post('/outreach/send', { nonsense: 1 })).statusCode).toBe(401);
  });

  test('are needed by operations too, and not by health and metrics', async () => {
    const { server } = await startOutreach([], { keys });
    const status = async (url: string, headers = {}): Promise<number> =>
      (await server.inject({ url, headers })).statusCode;
    expect(await status('/v1/status')).toBe(401);
    expect(await status('/v1/status', bearer(SECRET))).toBe(403);
    expect(await status('/v1/status', bearer(ADMIN))).toBe(200);
    expect((await server.inject('/v1/status')).json()).toEqual({ error: expect.stringContaining('send your key') });
    for (const url of ['/healthz', '/readyz', '/metrics']) expect(await status(url)).toBe(200);
  });
});

describe('keys of a tenant', () => {
  const OURS = 'of-acme-and-quite-long';
  const tenantKeys = parseApiKeys(`acme:send+read+receipts@acme+umbrella:${OURS} all:send+read:${READER}`);
  const receipt = (tenantId?: string): object => ({
    ...(tenantId === undefined ? {} : { tenantId }),
    ...{
      sendId: 's',
      userId: 'u',
      campaignId: 'hello',
      requestId: 'r',
      channel: 'sms',
      status: 'opened',
      occurredAt: MONDAY,
    },
  });
  const recipients = [{ userId: 'u' }];
  const batch = { idempotencyKey: 'k', campaignId: 'hello', recipients, requestedAt: MONDAY };
  /** By operation: how it asks for a tenant. */
  const asks = async (): Promise<
    Record<string, (tenant: string | undefined, secret?: string) => Promise<LightMyRequestResponse>>
  > => {
    const { post, get } = await startOutreach(['u'], { keys: tenantKeys });
    const named = (tenantId: string | undefined): object => (tenantId === undefined ? {} : { tenantId });
    const query = (tenant: string | undefined): string => (tenant === undefined ? '' : `&tenant=${tenant}`);
    return {
      send: (tenant, secret = OURS) => post('/outreach/send', { ...body, ...named(tenant) }, bearer(secret)),
      getRequest: (tenant, secret = OURS) => get(`/outreach/requests/r?userId=u${query(tenant)}`, bearer(secret)),
      sendBatch: (tenant, secret = OURS) =>
        post('/outreach/send-batch', { ...batch, ...named(tenant) }, bearer(secret)),
      getBatch: (tenant, secret = OURS) => get(`/outreach/batches/b-1?${query(tenant).slice(1)}`, bearer(secret)),
      getCampaignStatus: (tenant, secret = OURS) =>
        get(`/outreach/campaigns/hello/status?${query(tenant).slice(1)}`, bearer(secret)),
      listUserDecisions: (tenant, secret = OURS) => get(`/users/u/decisions?limit=1${query(tenant)}`, bearer(secret)),
      handInReceipts: (tenant, secret = OURS) =>
        post('/receipts', { receipts: [receipt('acme'), receipt(tenant)] }, bearer(secret)),
    };
  };

  test('neither read nor send for another, in any operation, named or not', async () => {
    const all = await asks();
    expect(Object.keys(all).sort()).toEqual(operationIds.toSorted());
    for (const ask of Object.values(all)) {
      for (const tenant of [undefined, 'default', 'Acme', 'acme2']) {
        const answer = await ask(tenant);
        expect(answer.statusCode).toBe(403);
        expect(answer.json()).toMatchObject({
          type: 'urn:beckon:problem:forbidden',
          detail: `the key "acme" is for tenant acme, umbrella alone, and the request is about tenant ${tenant ?? 'default'}: name the key's as tenantId in a body or tenant in a query, or send another key`,
        });
      }
    }
    expect((await all.listUserDecisions?.('default', READER))?.json()).toEqual({ decisions: [], next: null });
  });

  test('do all that their roles say for their own', async () => {
    const all = await asks();
    const status: Record<string, number | undefined> = {};
    for (const [name, ask] of Object.entries(all)) status[name] = (await ask('umbrella')).statusCode;
    expect(status).toEqual({
      ...{ send: 200, sendBatch: 200, listUserDecisions: 200, handInReceipts: 202 },
      // Of the tenant there are none.
      ...{ getRequest: 404, getBatch: 404, getCampaignStatus: 404 },
    });
  });

  test('reach nothing of what operations use', async () => {
    const { server } = await startOutreach([], { keys: tenantKeys });
    for (const url of [
      '/v1/status',
      '/v1/explain?user=u&tenant=acme',
      '/v1/state?id=u&tenant=acme',
      '/v1/topics/sends/records',
    ])
      expect((await server.inject({ url, headers: bearer(OURS) })).statusCode).toBe(403);
  });
});

describe('errors', () => {
  test.each([
    ['{', /^the body is no JSON that can be taken: check quotes/],
    ['{"data":{"__proto__":{}}}', /no name in it is "__proto__"$/],
    ['', /^the body is empty: send JSON$/],
  ])('tell of the body %j what is wrong with it', async (payload, detail) => {
    const { server } = await startOutreach([]);
    const headers = { 'content-type': 'application/json' };
    const answer = await server.inject({ method: 'POST', url: '/api/v1/outreach/send', payload, headers });
    expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringMatching(detail)]);
  });

  test('are problems, whatever they are', async () => {
    const { server, post } = await startOutreach([]);
    const send = '/api/v1/outreach/send';
    const json = { 'content-type': 'application/json' };
    const answers = [
      [404, await server.inject('/api/v1/nothing')],
      [404, await server.inject('/nothing')],
      [405, await server.inject({ method: 'DELETE', url: send })],
      [405, await server.inject({ method: 'QUERY' as 'GET', url: '/api/v1/users/u/decisions' })],
      [405, await server.inject({ method: 'TRACE' as 'GET', url: send })],
      [400, await server.inject('/api/v1/users/%zz/decisions')],
      [400, await server.inject({ method: 'POST', url: send, payload: '{', headers: json })],
      [400, await server.inject({ method: 'POST', url: send, payload: '{"__proto__":{}}', headers: json })],
      [
        415,
        await server.inject({ method: 'POST', url: send, payload: 'x', headers: { 'content-type': 'text/plain' } }),
      ],
      [413, await post('/outreach/send', { ...body, data: { a: 'x'.repeat(300_000) } })],
      [403, await server.inject({ url: '/api/v1/openapi.json', headers: { origin: 'http://example.org' } })],
    ] as const;
    for (const [status, answer] of answers) {
      expect(answer.statusCode).toBe(status);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.json()).toMatchObject({ status, instance: answer.headers['x-request-id'] });
    }
    expect(answers[2][1].headers.allow).toBe('POST');
  });

  test('answer what is no HTTP', async () => {
    const { server } = await startOutreach([]);
    await server.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
    socket.end('NONSENSE\r\n\r\n');
    const answer = await textOf(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: 400 });
  });

  test('name the request by the id of the caller, where it has one', async () => {
    const { get } = await startOutreach([]);
    expect((await get('/nothing', { 'x-request-id': 'mine-1' })).json().instance).toBe('mine-1');
    expect((await get('/nothing', { 'x-request-id': 'not mine' })).json().instance).not.toBe('not mine');
  });
});

test('a key that asks too often is told when to ask again, and others are not', async () => {
  const { get } = await startOutreach([], { keys, rateLimit: 2 });
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await get('/users/u/decisions', bearer(READER))).statusCode);
  expect(statuses).toEqual([200, 200, 429]);
  const refused = await get('/users/u/decisions', bearer(READER));
  expect([refused.headers['retry-after'], refused.json().type]).toEqual(['1', 'urn:beckon:problem:too-many-requests']);
  expect((await get('/users/u/decisions', bearer(ADMIN))).statusCode).toBe(200);
});

test('an instance that stops takes no requests', async () => {
  const { post, get, readiness } = await startOutreach(['u']);
  expect((await post('/outreach/send', body)).statusCode).toBe(200);
  readiness.stopping();
  const refused = await post('/outreach/send', body);
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
  expect(refused.json().detail).toBe('the instance is stopping: ask again, or ask another instance');
  expect((await get('/users/u/decisions')).statusCode).toBe(200);
});

test('requests are counted by route and status, without their ids', async () => {
  const { post, get, server } = await startOutreach(['u']);
  await post('/outreach/send', body);
  await get('/users/u/decisions');
  await get('/nothing');
  const { body: metrics } = await server.inject('/metrics');
  expect(metrics).toContain('beckon_http_requests_total{method="POST",route="/api/v1/outreach/send",status="200"} 1');
  expect(metrics).toContain(
    'beckon_http_requests_total{method="GET",route="/api/v1/users/:userId/decisions",status="200"} 1',
  );
  expect(metrics).toContain('beckon_http_requests_total{method="GET",route="none",status="404"} 1');
  expect(metrics).toContain('beckon_http_requests_waiting 0');
});
