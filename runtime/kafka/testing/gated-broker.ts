// A broker behind a proxy that asks of every request whether it may pass, and when: others pass by the one that waits.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Frames, requestHead } from '../../../test/faults/kafka/frames.ts';
import { freePorts } from '../../../test/servers/jvm.ts';
import { type OwnKafka, type OwnKafkaOptions, startOwnKafka } from '../../../test/servers/kafka.ts';

/** Keys of requests in the protocol. */
export const PRODUCE = 0;
export const ADD_PARTITIONS = 24;
export const ADD_OFFSETS = 25;
export const END = 26;
export const COMMIT_OFFSETS = 28;

/** cut: the connection ends before the request arrives. forget: the broker gets it, and the connection ends before the answer. */
export type Verdict = 'pass' | 'cut' | 'forget' | Late;

/** The connection ends at once, and the request was under way all the same: the broker comes to it later. */
export interface Late {
  readonly arrives: Promise<void>;
  /** Called when the broker has answered it. */
  readonly answered: () => void;
}

export class GatedBroker {
  readonly server: OwnKafka;
  /** `host:port` of the proxy. */
  readonly address: string;
  /** Asked of every request, by its key in the protocol. */
  gate: (api: number) => Verdict | Promise<Verdict> = () => 'pass';
  readonly #proxy: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: OwnKafka, address: string) {
    this.server = server;
    this.address = address;
    this.#proxy = createServer((client) => this.#accept(client));
  }

  /** Undefined where no broker can be had. */
  static async start(
    options: Pick<OwnKafkaOptions, 'settings' | 'features' | 'joins'>,
  ): Promise<GatedBroker | undefined> {
    const [port] = (await freePorts(1)) as [number];
    const address = `127.0.0.1:${port}`;
    const listeners = { GATED: 'PLAINTEXT' } as const;
    const server = await startOwnKafka({ ...options, listeners, advertised: { GATED: address } });
    if (server === undefined) return undefined;
    const broker = new GatedBroker(server, address);
    await new Promise<void>((resolve) => broker.#proxy.listen(port, '127.0.0.1', resolve));
    return broker;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#proxy.close(resolve));
    await this.server.stop();
  }

  #accept(client: Socket): void {
    const port = Number(this.server.listeners.GATED?.split(':')[1]);
    const server = connect(port, '127.0.0.1');
    let late: Late | undefined;
    const end = (): void => {
      for (const socket of late === undefined ? [client, server] : [client]) {
        this.#sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {}).once('close', end);
    }
    const frames = new Frames();
    let forgetting = false;
    client.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) {
        void Promise.resolve(this.gate(requestHead(frame).api)).then((verdict) => {
          if (verdict === 'cut') return end();
          if (typeof verdict === 'object') {
            late = verdict;
            end();
            return verdict.arrives.then(() => server.write(frame));
          }
          forgetting ||= verdict === 'forget';
          return server.write(frame);
        });
      }
    });
    server.on('data', (chunk: Buffer) => {
      // Connections are cut at a moment when one request alone is under way.
      if (late !== undefined) {
        late.answered();
        late = undefined;
        end();
      } else if (forgetting) end();
      else client.write(chunk);
    });
  }
}
