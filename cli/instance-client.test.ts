import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { event } from '../runtime/testing/tiny-topology.ts';
import { events, type Topic } from '../schemas/topics.ts';
import { addressOf, ask, askJson } from './instance-client.ts';
import { openTarget } from './target.ts';
import { Folder } from './testing/run-cli.ts';

/** A server that answers everything so, and what it was asked. */
async function serve(
  status: number,
  body: string,
): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

it('leaves out of a question what is not given, and escapes the rest', async () => {
  const { url, asked } = await serve(200, '{"n":1}');
  expect(await askJson(addressOf(`${url}/`), '/v1/x', { tenant: 'a b', topic: undefined, limit: 3 })).toEqual({ n: 1 });
  expect(await askJson(url, '/v1/x', {}, { to: 1 })).toEqual({ n: 1 });
  expect(asked).toEqual(['GET /v1/x?tenant=a+b&limit=3', 'POST /v1/x']);
});

it.each([
  [400, '{"error":"give the user"}', 'BadInput', /: give the user$/],
  [403, '{"detail":"the key does not have the role"}', 'BadInput', /: the key does not have the role$/],
  [401, '{"error":"send your key"}', 'BadInput', /set BECKON_API_KEY/],
  [404, '<html>', 'BadInput', /: it answered 404 to \/v1\/x: check --url$/],
  [503, '{"error":"the instance starts"}', 'RunFailed', /: the instance starts; see the instance's log$/],
  [200, '{"half', 'RunFailed', /its answer to \/v1\/x is cut off or no JSON/],
])('says what a status of %i with %j means', async (status, body, name, message) => {
  const { url } = await serve(status, body);
  await expect(askJson(url, '/v1/x')).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
});

it('tells what the instance refuses of the records that are published to it', async () => {
  const { url } = await serve(200, '{"accepted":1,"bad":[{"line":2,"message":"definition: unknown key"}]}');
  const target = await openTarget('nowhere', url);
  await expect(target.publish(events as Topic<unknown>, [event('u', 1), event('v', 2)])).rejects.toMatchObject({
    name: 'BadInput',
    message: expect.stringMatching(/: 1 of 2 records are refused, the others are taken: definition: unknown key: use /),
  });
});

it('says how to start an instance where none answers', async () => {
  await expect(ask('http://127.0.0.1:9', '/healthz')).rejects.toMatchObject({
    ...{ name: 'RunFailed', message: expect.stringContaining('start one with `beckon start`') },
  });
});

it.each([
  ['publish', 'events', '--advance', '2026-03-02T09:00:00Z'],
  ['topics', 'read', 'events'],
  ['topics', 'describe'],
  ['dead-letters', 'list'],
  ['campaigns', 'apply', '.'],
  ['campaigns', 'status', 'c'],
  ['state', 'inspect', 'u'],
  ['explain', 'u'],
])('%s %s refuses an address that is none', (...args) => {
  const { code, stderr } = new Folder().run(...args, '--url', 'localhost:7077');
  expect([code, stderr]).toEqual([
    2,
    'beckon: --url localhost:7077: is no http address; write one such as http://127.0.0.1:7077\n',
  ]);
});
