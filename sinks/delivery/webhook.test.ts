import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SinkUnavailable } from '../sink.ts';
import { sendCommand } from './testing/commands.ts';
import { providerSuite } from './testing/provider-suite.ts';
import { signatureOf, webhookProvider } from './webhook.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const SECRET = 'shh';

interface Call {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An endpoint on this machine, and what it was asked. */
async function endpoint(
  answer: (call: Call, response: ServerResponse, nth: number) => void = (_, response) => response.writeHead(202).end(),
): Promise<{ readonly url: string; readonly calls: Call[]; readonly keys: () => string[] }> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method, url: path, headers } = request;
    const call = { method, path, headers, body };
    calls.push(call);
    answer(call, response, calls.length);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/messages?token=t`;
  return { url, calls, keys: () => calls.map(({ headers }) => decodeURIComponent(String(headers['idempotency-key']))) };
}

const providerAt = (url: string, timeoutMs = 5000) =>
  webhookProvider({ url, secret: SECRET, timeoutMs, now: () => NOW });

describe('as any provider, the webhook', () => {
  providerSuite(async () => {
    const { url, keys } = await endpoint();
    return { provider: providerAt(url), taken: keys, status: 'accepted' };
  });
});

describe('the webhook', () => {
  test('posts the send as JSON, signed with its time, under its idempotency key', async () => {
    const { url, calls } = await endpoint();
    await providerAt(url).send([sendCommand(1)]);
    const [call] = calls;
    expect(call).toMatchObject({
      method: 'POST',
      path: '/messages?token=t',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'key-1' },
    });
    const { variant: _, ...fields } = sendCommand(1);
    expect(JSON.parse(call?.body ?? '')).toEqual({
      ...fields,
      dueAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-02T00:00:00.000Z',
    });
    const seconds = NOW / 1000;
    const hash = createHmac('sha256', SECRET).update(`${seconds}.${call?.body}`).digest('hex');
    expect(call?.headers['beckon-signature']).toBe(`t=${seconds},v1=${hash}`);
    expect(signatureOf('{}', 'other', seconds)).not.toBe(signatureOf('{}', SECRET, seconds));
  });

  test('signs nothing without a secret', async () => {
    const { url, calls } = await endpoint();
    await webhookProvider({ url, secret: undefined, now: () => NOW }).send([sendCommand(1)]);
    expect(calls[0]?.headers['beckon-signature']).toBeUndefined();
  });

  test.each<[string, number, string, object]>([
    ['an empty answer', 204, '', { status: 'accepted' }],
    ['no JSON', 200, 'OK', { status: 'accepted' }],
    [
      'what became of it',
      200,
      '{"status":"delivered","providerMessageId":"p-1","costMicros":4200,"more":1}',
      { status: 'delivered', providerMessageId: 'p-1', costMicros: 4200 },
    ],
    [
      'that it failed',
      200,
      '{"status":"failed","error":"unknown number"}',
      { status: 'failed', error: 'unknown number' },
    ],
    ['what is not known', 200, '{"status":"teleported","costMicros":-1}', { status: 'accepted' }],
    ['a list', 200, '[]', { status: 'accepted' }],
    ['a refusal', 422, 'secret address', { status: 'failed', error: 'the webhook answered 422' }],
    ['no such path', 404, '', { status: 'failed', error: 'the webhook answered 404' }],
  ])('understands %s', async (_, status, text, expected) => {
    const { url } = await endpoint((_call, response) => response.writeHead(status).end(text));
    expect(await providerAt(url).send([sendCommand(1)])).toEqual([expected]);
  });

  test.each([408, 409, 425, 429, 500, 503, 302])('tries again after %d, with the same key', async (status) => {
    const { url, keys } = await endpoint((_, response, nth) => response.writeHead(nth === 1 ? status : 200).end());
    expect(await providerAt(url).send([sendCommand(1)])).toEqual([{ status: 'accepted' }]);
    expect(keys()).toEqual(['key-1', 'key-1']);
  });

  test('is unavailable when it goes on failing; what it took before is found and not posted again', async () => {
    let broken = true;
    const { url, keys } = await endpoint(({ headers }, response) =>
      response.writeHead(broken && headers['idempotency-key'] === 'key-2' ? 503 : 200).end(),
    );
    const provider = providerAt(url);
    const commands = [1, 2, 3].map((n) => sendCommand(n, { userId: 'u' }));
    const sending = provider.send(commands);
    await expect(sending).rejects.toThrow(SinkUnavailable);
    await expect(sending).rejects.toThrow('the webhook answered 503');
    const known = await provider.find(commands);
    expect([...known]).toEqual([['key-1', { status: 'accepted' }]]);
    broken = false;
    await provider.send(commands.filter((c) => !known.has(c.idempotencyKey)));
    expect(keys()).toEqual(['key-1', 'key-2', 'key-2', 'key-2', 'key-2', 'key-3']);
  });

  test('does not wait for an answer that does not come', async () => {
    const { url } = await endpoint(() => {});
    await expect(providerAt(url, 50).send([sendCommand(1)])).rejects.toThrow('did not answer within 50 ms');
  });

  test('ends at once when the worker stops', async () => {
    const stop = new AbortController();
    const { url, calls } = await endpoint(() => stop.abort());
    await expect(providerAt(url).send([sendCommand(1)], stop.signal)).rejects.toThrow(SinkUnavailable);
    expect(calls).toHaveLength(1);
  });

  test('tells nothing of its address when it can not be reached', async () => {
    const { url } = await endpoint();
    const away = new URL(url);
    away.port = '1';
    const sending = providerAt(away.href).send([sendCommand(1)]);
    await expect(sending).rejects.toThrow(/^the webhook can't be reached/);
    await expect(sending).rejects.not.toThrow('token');
  });
});
