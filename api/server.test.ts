import type { FastifyInstance } from 'fastify';
import { describe, expect, test } from 'vitest';
import { NDJSON } from './server.ts';
import { startInstance } from './testing/instance.ts';

const event = (userId: string, eventId: string, occurredAt: string): string =>
  JSON.stringify({ eventId, userId, occurredAt, type: 'view' });

const post = (server: FastifyInstance, topic: string, payload: string, type = NDJSON) =>
  server.inject({ method: 'POST', url: `/v1/topics/${topic}/records`, payload, headers: { 'content-type': type } });

describe('the HTTP front', () => {
  test('says that it lives, and is ready', async () => {
    const { server } = await startInstance();
    for (const url of ['/healthz', '/readyz']) {
      const response = await server.inject(url);
      expect([response.statusCode, response.json()]).toEqual([200, { status: 'ok' }]);
    }
  });

  test('takes events, moves time on, and gives back what follows', async () => {
    const { server, settled } = await startInstance();
    const lines = [event('u', 'e1', '2026-03-02T09:00:00Z'), event('u', 'e2', '2026-03-02T09:10:00Z'), 'bad'];
    const published = await post(server, 'events', lines.join('\n'));
    expect([published.statusCode, published.json()]).toEqual([
      200,
      { accepted: 2, bad: [{ line: 3, message: 'is not JSON' }] },
    ]);
    const advanced = await server.inject({
      method: 'POST',
      url: '/v1/advance',
      payload: { to: '2026-03-02T12:00:00Z' },
    });
    expect(advanced.json()).toEqual({ advancedTo: '2026-03-02T12:00:00.000Z' });
    await settled();
    const sessions = await server.inject('/v1/topics/sessions/records');
    expect(sessions.headers['content-type']).toContain(NDJSON);
    expect(
      sessions.body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { userId: 'u', startedAt: '2026-03-02T09:00:00.000Z', endedAt: '2026-03-02T09:10:00.000Z', eventCount: 2 },
    ]);
    const status = (await server.inject('/v1/status')).json();
    expect(status).toMatchObject({ quiet: true, sinks: [] });
    expect(status.tasks.map((t: { readonly task: string }) => t.task).sort()).toEqual([
      'engage.0',
      'engage.1',
      'pace.0',
      'pace.1',
    ]);
  });

  test('refuses topics that are not there, or that only topologies write', async () => {
    const { server } = await startInstance();
    const [unknown, own, read] = [
      await post(server, 'evnts', ''),
      await post(server, 'decisions', '{}'),
      await server.inject('/v1/topics/evnts/records'),
    ];
    expect([unknown.statusCode, own.statusCode, read.statusCode]).toEqual([404, 404, 404]);
    expect(own.json()).toEqual({
      error: "can't publish to decisions; publish to events, profiles, consents, send-requests, receipts",
    });
    expect(read.json()).toEqual({ error: 'there is no topic evnts' });
  });

  test('wants NDJSON', async () => {
    const { server } = await startInstance();
    const response = await post(server, 'events', '{}', 'application/json');
    expect([response.statusCode, response.json()]).toEqual([415, { error: `send NDJSON as ${NDJSON}` }]);
  });

  test.each([[{}], [{ to: 'tomorrow' }], [{ to: null }]])('refuses to advance to %j', async (payload) => {
    const { server } = await startInstance();
    const response = await server.inject({ method: 'POST', url: '/v1/advance', payload });
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toContain('ISO-8601 or epoch ms');
  });

  test('refuses requests that come from web pages', async () => {
    const { server } = await startInstance();
    const response = await server.inject({ url: '/v1/status', headers: { origin: 'http://example.org' } });
    expect([response.statusCode, response.json()]).toEqual([403, { error: 'requests from web pages are refused' }]);
  });

  test('hands questions on, and says when there is no answer', async () => {
    const { server } = await startInstance(async ({ tenantId, userId, campaignId }) => ({
      text: `${tenantId} ${userId} ${campaignId}`,
      explanation: { problem: userId === 'nobody' ? 'never seen' : null },
    }));
    const asked = async (query: string) => server.inject(`/v1/explain${query}`);
    expect((await asked('?user=u')).json().text).toBe('default u undefined');
    expect((await asked('?tenant=t&user=u&campaign=c')).json().text).toBe('t u c');
    const nobody = await asked('?user=nobody');
    expect([nobody.statusCode, nobody.json()]).toEqual([404, { error: 'never seen' }]);
    expect((await asked('')).statusCode).toBe(400);
    expect((await asked('?user=')).statusCode).toBe(400);
  });
});
