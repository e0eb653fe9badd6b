// The webhook of the fault suite: takes each message once, and refuses some for good, by their address.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Posted {
  readonly campaignId: string;
  readonly channel: string;
  readonly address: string;
  readonly idempotencyKey: string;
}

/** The campaign whose deliveries fail. */
export const FAILING = 'order';
/** Every so many calls it says "later". */
const OVERLOADED = 37;

export class Endpoint {
  /** The first body of each key, in order. */
  readonly taken = new Map<string, string>();
  /** What is wrong with what it was told. */
  readonly problems: string[] = [];
  readonly #server: Server;
  #calls = 0;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      if (++this.#calls % OVERLOADED === 0) {
        response.writeHead(503).end();
        return;
      }
      const posted = JSON.parse(body) as Posted;
      const before = this.taken.get(posted.idempotencyKey);
      if (before === undefined) this.taken.set(posted.idempotencyKey, body);
      else if (before !== body) this.problems.push(`${posted.idempotencyKey} came again with another body`);
      const [status, text] = answerTo(posted);
      response.writeHead(status).end(text);
    });
  }

  static async start(): Promise<Endpoint> {
    const endpoint = new Endpoint();
    await new Promise<void>((done) => endpoint.#server.listen(0, '127.0.0.1', done));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/messages`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/**
 * Half of the numbers get no SMS, a fifth no WhatsApp; an SMS costs less than was reserved. Of this campaign alone: where caps
 * bind, who else gets a message would depend on when a failure is heard.
 */
function answerTo({ campaignId, channel, address }: Posted): readonly [status: number, text: string] {
  const delivered = { status: 'delivered' };
  if (campaignId !== FAILING) return [200, JSON.stringify(delivered)];
  const last = Number(address.at(-1));
  if (channel === 'sms' && last % 2 === 1) return [404, ''];
  if (channel === 'whatsapp' && (last === 3 || last === 7)) return [422, ''];
  return [200, JSON.stringify(channel === 'sms' ? { ...delivered, costMicros: 7000 } : delivered)];
}
