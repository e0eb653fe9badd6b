// Stands between an instance and a server, so that connections can be cut at a chosen request or answer, held back, refused.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { API, type Api, Frames, requestHead, responseCorrelation } from './frames.ts';

/** request: it never arrives, so nothing came of it. answer: the broker has done it, and the client never hears of it. */
export type Side = 'request' | 'answer';

/** Where a connection is to be cut. */
export interface Cut {
  readonly api: Api;
  readonly side: Side;
  /** The transactional id of the request begins with it. */
  readonly transactionalId: string;
  /** Called before the client can notice. */
  readonly onCut?: () => void;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export class TcpProxy {
  readonly port: number;
  readonly #target: number;
  readonly #framed: boolean;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #cut: (Cut & { readonly fell: () => void }) | undefined;
  #refusing = false;
  #held = false;

  private constructor(port: number, target: number, framed: boolean) {
    this.port = port;
    this.#target = target;
    this.#framed = framed;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** From a port to another, both on loopback. `framed`: what passes is Kafka's protocol, else any. */
  static async open(port: number, target: number, framed: boolean): Promise<TcpProxy> {
    const proxy = new TcpProxy(port, target, framed);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  /** Cuts the connection at the next match. Resolves to whether there was one within `ms`. */
  cutAt(cut: Cut, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#cut = undefined;
        resolve(false);
      }, ms);
      const fell = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      this.#cut = { ...cut, fell };
    });
  }

  /** Nothing passes any more, and nobody is told, as if the network were gone. */
  hold(): void {
    this.#held = true;
    for (const { client, server } of this.#links) {
      client.pause();
      server.pause();
    }
  }

  /** What was held back arrives, and connections work again. */
  release(): void {
    this.#held = false;
    for (const { client, server } of this.#links) {
      client.resume();
      server.resume();
    }
  }

  /** Ends all connections and refuses new ones, until `accept`. */
  refuse(): void {
    this.#refusing = true;
    for (const link of this.#links) this.#end(link);
  }

  accept(): void {
    this.#refusing = false;
  }

  async close(): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const server = connect(this.#target, '127.0.0.1');
    const link = { client, server };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // What a socket says when it fails, its other half hears as an end.
      socket.on('error', () => {}).once('close', () => this.#end(link));
    }
    if (this.#framed) this.#watch(link);
    else {
      client.on('data', (chunk) => server.write(chunk));
      server.on('data', (chunk) => client.write(chunk));
    }
    if (this.#held) {
      client.pause();
      server.pause();
    }
  }

  #watch(link: Link): void {
    const { client, server } = link;
    const [requests, answers] = [new Frames(), new Frames()];
    /** The request whose answer is to be lost. */
    let doomed: number | undefined;
    client.on('data', (chunk: Buffer) => {
      for (const frame of requests.push(chunk)) {
        const { api, correlation, transactionalId } = requestHead(frame);
        const cut = this.#cut;
        if (cut !== undefined && api === API[cut.api] && transactionalId?.startsWith(cut.transactionalId)) {
          if (cut.side === 'request') {
            this.#fall(link);
            return;
          }
          doomed = correlation;
        }
        server.write(frame);
      }
    });
    server.on('data', (chunk: Buffer) => {
      for (const frame of answers.push(chunk)) {
        if (responseCorrelation(frame) === doomed && this.#cut !== undefined) {
          this.#fall(link);
          return;
        }
        client.write(frame);
      }
    });
  }

  #fall(link: Link): void {
    const cut = this.#cut;
    this.#cut = undefined;
    cut?.onCut?.();
    this.#end(link);
    cut?.fell();
  }

  #end(link: Link): void {
    this.#links.delete(link);
    link.client.destroy();
    link.server.destroy();
  }
}
