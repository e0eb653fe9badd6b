// Connections to a Kafka cluster, through kafkajs, and what its errors mean.
import { setTimeout as delay } from 'node:timers/promises';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs, { type Admin, type KafkaConfig, type SASLOptions } from 'kafkajs';
import type { Broker } from 'kafkajs/src/broker/index.js';
import Cluster from 'kafkajs/src/cluster/index.js';
import { createLogger } from 'kafkajs/src/loggers/index.js';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import createSocketFactory from 'kafkajs/src/network/socketFactory.js';
import type { Logger } from 'pino';
import { keepWhatIsKnown } from './protocol/metadata.ts';

/** How to reach a cluster. */
export interface KafkaConnection {
  /** `host:port` of some of the brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** TLS: true, or the options of `tls.connect`. */
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: SASLOptions;
  readonly logger?: Logger | undefined;
}

/**
 * After a commit the coordinator refuses the next transaction for a few ms; the client's own first wait of 300 ms would be
 * most of a commit's time. 50 tries are some 18 s, enough for a broker to restart.
 */
const RETRY = { initialRetryTime: 5, factor: 0.2, multiplier: 1.3, maxRetryTime: 500, retries: 50 } as const;
const CONNECTION_TIMEOUT = 3000;
const REQUEST_TIMEOUT = 30_000;
const METADATA_MAX_AGE = 300_000;

// Zstandard comes with Node; kafkajs has gzip alone.
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { readonly buffer: Buffer }) => zstdCompressSync(buffer),
  decompress: async (buffer: Buffer) => zstdDecompressSync(buffer),
});

// Every connection of kafkajs looks at its queue of waiting requests again and again, at a time that is mostly long past,
// which is a timer of 1 ms that never ends. It need look only while there are any.
const { scheduleCheckPendingRequests } = RequestQueue.prototype;
RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};

export class KafkaClient {
  readonly #connection: KafkaConnection;
  readonly #kafka: kafkajs.Kafka;
  readonly #socketFactory: ReturnType<typeof createSocketFactory>;
  /** Rejects when a broker shows a certificate that isn't trusted, which the client itself would try again and again. */
  readonly untrusted: Promise<never>;

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
    let distrust: (error: Error) => void = () => {};
    this.untrusted = new Promise((_, reject) => {
      distrust = reject;
    });
    this.untrusted.catch(() => {});
    const connect = createSocketFactory();
    this.#socketFactory = (args) => {
      const socket = connect(args);
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (/CERT|ISSUER|LEAF_SIGNATURE/.test(error.code ?? '')) distrust(error);
      });
      return socket;
    };
    const { brokers, clientId, ssl, sasl } = connection;
    this.#kafka = new kafkajs.Kafka({
      brokers: [...brokers],
      clientId,
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
      connectionTimeout: CONNECTION_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      retry: RETRY,
      socketFactory: this.#socketFactory,
      ...this.#logging(),
    });
  }

  admin(): Admin {
    return this.#kafka.admin();
  }

  /** Connections of their own, for requests of the protocol. */
  cluster(): Cluster {
    const { brokers, clientId, ssl, sasl } = this.#connection;
    const { logLevel, logCreator } = this.#logging();
    const cluster = new Cluster({
      logger: createLogger({ level: logLevel, logCreator }),
      socketFactory: this.#socketFactory,
      brokers,
      clientId,
      ssl,
      sasl,
      connectionTimeout: CONNECTION_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      enforceRequestTimeout: true,
      metadataMaxAge: METADATA_MAX_AGE,
      allowAutoTopicCreation: false,
      maxInFlightRequests: null,
      retry: RETRY,
    });
    keepWhatIsKnown(cluster);
    return cluster;
  }

  /** What kafkajs says is of use to those who look for a fault in it; what matters reaches them as our errors. */
  #logging(): Required<Pick<KafkaConfig, 'logLevel' | 'logCreator'>> {
    const { logger } = this.#connection;
    const logLevel = logger?.isLevelEnabled('debug') ? kafkajs.logLevel.WARN : kafkajs.logLevel.NOTHING;
    return {
      logLevel,
      logCreator:
        () =>
        ({ namespace, log: { message } }) =>
          logger?.debug({ kafkajs: namespace }, message),
    };
  }
}

/** The broker that coordinates a group or a transactional id. */
export async function coordinatorOf(
  cluster: Cluster,
  request: { readonly groupId: string; readonly coordinatorType?: number },
): Promise<Broker> {
  try {
    return await cluster.findGroupCoordinator(request);
  } catch (error) {
    // The client forgets why: one broker asked alone says it.
    if (errorType(error) === undefined) await (await cluster.findControllerBroker()).findGroupCoordinator(request);
    throw error;
  }
}

/** The protocol's name of an error (`NOT_LEADER_FOR_PARTITION`), wherever in the chain of causes it is. */
export function errorType(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; depth++) {
    if ('type' in at && typeof at.type === 'string') return at.type;
    // Of a request about several topics, the first of those that failed.
    at = 'errors' in at && Array.isArray(at.errors) ? at.errors[0] : at.cause;
  }
  return undefined;
}

const FENCED = ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_PRODUCER_ID_MAPPING', 'FENCED_INSTANCE_ID'];

/** Whether somebody else took over the transactional id, or the coordinator ended a transaction that took too long. */
export function isFenced(error: unknown): boolean {
  return FENCED.includes(errorType(error) ?? '');
}

const FIRST_WAIT = 5;
const LONGEST_WAIT = 500;

/** The waits of something that is tried again. */
export class Retries {
  readonly #until: number;
  #wait = FIRST_WAIT;

  /** For `ms` at most. */
  constructor(ms: number) {
    this.#until = performance.now() + ms;
  }

  /** Waits before the next try; throws the error when it will not pass, or the time is up. */
  async after(error: unknown, passing: boolean): Promise<void> {
    if (!passing || performance.now() > this.#until) throw error;
    const wait = this.#wait;
    this.#wait = Math.min(1.5 * wait, LONGEST_WAIT);
    await delay(wait);
  }
}

/** Tries again while `passing` says that the error will pass, for `ms` at most; the last error is thrown. */
export async function retrying<T>(
  ms: number,
  passing: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  const retries = new Retries(ms);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await retries.after(error, passing(error));
    }
  }
}

const LASTING =
  /AUTHORIZATION|AUTHENTICATION|INVALID_TOPIC|UNSUPPORTED|INVALID_(TRANSACTION|TIMESTAMP|RECORD|REPLICATION_FACTOR|CONFIG|SESSION_TIMEOUT)|TOO_LARGE|POLICY_VIOLATION/;

/** Whether an error of a request may be gone when the request is repeated: all but what rights and limits forbid. */
export function mayPass(error: unknown): boolean {
  return !LASTING.test(errorType(error) ?? '');
}

/** What brokers say while leaders and coordinators move, copies are behind, or the transaction before is being ended. */
const TRANSIENT =
  /^(UNKNOWN_TOPIC_OR_PARTITION|(PREFERRED_)?LEADER_NOT_AVAILABLE|NOT_LEADER_FOR_PARTITION|(FENCED|UNKNOWN)_LEADER_EPOCH|REQUEST_TIMED_OUT|BROKER_NOT_AVAILABLE|REPLICA_NOT_AVAILABLE|NETWORK_EXCEPTION|GROUP_LOAD_IN_PROGRESS|GROUP_COORDINATOR_NOT_AVAILABLE|NOT_COORDINATOR_FOR_GROUP|NOT_ENOUGH_REPLICAS(_AFTER_APPEND)?|KAFKA_STORAGE_ERROR|CONCURRENT_TRANSACTIONS)$/;

/** Whether the same request, word for word, may succeed later: connections and brokers come back, leaders are found. */
export function isTransient(error: unknown): boolean {
  const type = errorType(error);
  if (type !== undefined) return TRANSIENT.test(type);
  return !(error instanceof TypeError || error instanceof RangeError);
}
