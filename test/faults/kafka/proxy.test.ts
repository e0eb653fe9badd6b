import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addingFrame } from '../../../runtime/kafka/protocol/produce-request.ts';
import { endFrame, offsetsFrame } from '../../../runtime/kafka/protocol/transaction-requests.ts';
import { freePorts } from '../../servers/jvm.ts';
import { API, Frames, requestHead } from './frames.ts';
import { TcpProxy } from './proxy.ts';

/** A server that answers every request with its correlation id and remembers which came. */
let server: Server;
let proxy: TcpProxy;
let arrived: number[];
const clients: Socket[] = [];

beforeEach(async () => {
  const [target, port] = (await freePorts(2)) as [number, number];
  arrived = [];
  server = createServer((socket) => {
    const frames = new Frames();
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        for (const frame of frames.push(chunk)) {
          arrived.push(frame.readInt32BE(8));
          const answer = Buffer.alloc(8);
          answer.writeInt32BE(4, 0);
          frame.copy(answer, 4, 8, 12);
          socket.write(answer);
        }
      });
  });
  await new Promise<void>((resolve) => server.listen(target, '127.0.0.1', resolve));
  proxy = await TcpProxy.open(port, target, true);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  await new Promise((resolve) => server.close(resolve));
});

function request(api: number, correlation: number, transactionalId: string): Buffer {
  const [client, id] = [Buffer.from('client'), Buffer.from(transactionalId)];
  const frame = Buffer.alloc(4 + 2 + 2 + 4 + 2 + client.length + 2 + id.length);
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt16BE(api, 4);
  frame.writeInt32BE(correlation, 8);
  frame.writeInt16BE(client.length, 12);
  client.copy(frame, 14);
  frame.writeInt16BE(id.length, 14 + client.length);
  id.copy(frame, 16 + client.length);
  return frame;
}

interface Client {
  readonly socket: Socket;
  readonly answers: number[];
  readonly closed: Promise<void>;
}

function client(): Client {
  const socket = connect(proxy.port, '127.0.0.1').on('error', () => {});
  clients.push(socket);
  const frames = new Frames();
  const answers: number[] = [];
  socket.on('data', (chunk: Buffer) => {
    for (const frame of frames.push(chunk)) answers.push(frame.readInt32BE(4));
  });
  return { socket, answers, closed: new Promise((resolve) => socket.once('close', () => resolve())) };
}

test('passes requests and answers on, in pieces too', async () => {
  const { socket, answers } = client();
  const bytes = Buffer.concat([request(API.Produce, 1, 'app.engage.0'), request(API.EndTxn, 2, 'app.engage.0')]);
  socket.write(bytes.subarray(0, 7));
  await new Promise((resolve) => setImmediate(resolve));
  socket.write(bytes.subarray(7));
  await expect.poll(() => answers).toEqual([1, 2]);
});

test('cuts the connection after the server has done what the answer would have said', async () => {
  const fell = proxy.cutAt({ api: 'EndTxn', side: 'answer', transactionalId: 'app.engage.' }, 10_000);
  const { socket, answers, closed } = client();
  socket.write(Buffer.concat([request(API.EndTxn, 1, 'app.pace.0'), request(API.Produce, 2, 'app.engage.0')]));
  await expect.poll(() => answers).toEqual([1, 2]);
  socket.write(request(API.EndTxn, 3, 'app.engage.1'));
  await closed;
  expect(await fell).toBe(true);
  expect(arrived).toEqual([1, 2, 3]);
  expect(answers).toEqual([1, 2]);
});

test('cuts the connection before the request arrives', async () => {
  const fell = proxy.cutAt({ api: 'EndTxn', side: 'request', transactionalId: 'app.engage.' }, 10_000);
  const { socket, closed } = client();
  socket.write(request(API.EndTxn, 1, 'app.engage.1'));
  await closed;
  expect(await fell).toBe(true);
  expect(arrived).toEqual([]);
});

test('says when there was nothing to cut', async () => {
  expect(await proxy.cutAt({ api: 'EndTxn', side: 'answer', transactionalId: 'app.' }, 10)).toBe(false);
});

test('holds back what is sent and lets it arrive later', async () => {
  const { socket, answers } = client();
  socket.write(request(API.Produce, 1, 'app.engage.0'));
  await expect.poll(() => answers).toEqual([1]);
  proxy.hold();
  socket.write(request(API.Produce, 2, 'app.engage.0'));
  // A round trip past the proxy: had it passed anything on, that would have arrived by now.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(arrived).toEqual([1]);
  proxy.release();
  await expect.poll(() => answers).toEqual([1, 2]);
});

test('refuses connections until it accepts them again', async () => {
  const first = client();
  first.socket.write(request(API.Produce, 1, 'app.engage.0'));
  await expect.poll(() => first.answers).toEqual([1]);
  proxy.refuse();
  await first.closed;
  await client().closed;
  proxy.accept();
  const last = client();
  last.socket.write(request(API.Produce, 2, 'app.engage.0'));
  await expect.poll(() => last.answers).toEqual([2]);
});

test('knows requests of transactions by their transactional id, of flexible versions too', () => {
  const by = { producerId: '1', producerEpoch: 2, transactionalId: 'app.engage.1' };
  const of = (apiKey: number, apiVersion: number) => ({ apiKey, apiVersion, correlationId: 7, clientId: 'client' });
  const frames = [
    addingFrame(of(API.Produce, 12), by.transactionalId, [{ topic: 't', partition: 0, bytes: Buffer.alloc(9) }]),
    offsetsFrame(of(API.TxnOffsetCommit, 5), { ...by, groupId: 'g', offsets: [] }),
    endFrame(of(API.EndTxn, 5), by),
    [request(API.EndTxn, 7, by.transactionalId)],
  ];
  expect(frames.map((pieces) => requestHead(Buffer.concat(pieces)))).toEqual(
    [API.Produce, API.TxnOffsetCommit, API.EndTxn, API.EndTxn].map((api) => ({
      api,
      correlation: 7,
      transactionalId: by.transactionalId,
    })),
  );
});
