// Requests whose bytes are ours, over kafkajs' connections: those that it doesn't know, or makes too many copies of.
import type { Broker } from 'kafkajs/src/broker/index.js';

export interface RequestType {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
}

/** What stands at the beginning of a request. */
export interface RequestHead {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string;
}

export interface RawAnswer {
  /** What follows the correlation id. */
  readonly payload: Buffer;
  /** Keeps the quota, where the answer says how long (ms) to wait. */
  throttle(ms: number | undefined): void;
}

/** `frame`: the request's bytes from its size on, in pieces. Throws where nobody knows what became of it. */
export async function ask(
  broker: Broker,
  type: RequestType,
  frame: (head: RequestHead) => readonly Buffer[],
): Promise<RawAnswer> {
  const { apiKey, apiName, apiVersion } = type;
  try {
    const connection = await broker.connectionPool.getConnectionByRequest({ request: type });
    if (!connection.isAuthenticated()) await connection.authenticate();
    connection.failIfNotConnected();
    const correlationId = connection.nextCorrelationId();
    const pieces = frame({ apiKey, apiVersion, correlationId, clientId: connection.clientId });
    const { payload } = await new Promise<{ readonly payload: Buffer }>((resolve, reject) => {
      connection.requestQueue.push({
        entry: { apiKey, apiName, apiVersion, correlationId, resolve, reject },
        expectResponse: true,
        requestTimeout: null,
        sendRequest: () => {
          const { socket } = connection;
          socket.cork();
          for (const piece of pieces) socket.write(piece);
          socket.uncork();
        },
      });
    });
    return { payload, throttle: (ms) => connection.requestQueue.maybeThrottle(ms) };
  } catch (error) {
    // As kafkajs does: the broker's other connections go with it.
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}
