// The part of kafkajs below its public interface that we use: its cluster and broker classes speak the protocol, which its
// consumer hides (positions, last stable offsets, out-of-range errors). kafkajs 2.2.4 is its last release: nothing moves.
declare module 'kafkajs/src/cluster/index.js' {
  import type { Broker } from 'kafkajs/src/broker/index.js';
  import type { Metadata } from 'kafkajs/src/protocol/requests/metadata/index.js';

  export default class Cluster {
    constructor(options: object);
    readonly brokerPool: {
      readonly metadata: Metadata | null;
      createBroker(options: object): Broker;
    };
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    isConnected(): boolean;
    refreshMetadata(): Promise<void>;
    refreshMetadataIfNecessary(): Promise<void>;
    addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
    findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
    findBroker(options: { readonly nodeId: string | number }): Promise<Broker>;
    /** Coordinator type 0: groups; 1: transactions. */
    findGroupCoordinator(options: { readonly groupId: string; readonly coordinatorType?: number }): Promise<Broker>;
    findControllerBroker(): Promise<Broker>;
    removeBroker(address: { readonly host: string; readonly port: number }): void;
  }
}

declare module 'kafkajs/src/broker/index.js' {
  import type { Socket } from 'node:net';
  import type RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
  import type { Metadata } from 'kafkajs/src/protocol/requests/metadata/index.js';
  import type { ProtocolVersions } from 'kafkajs/src/protocol/requests/produce/index.js';

  export interface Connection {
    readonly clientId: string;
    /** Another one after it was connected anew. */
    readonly socket: Socket;
    readonly requestQueue: RequestQueue;
    isAuthenticated(): boolean;
    /** Does nothing where no password is asked for. */
    authenticate(): Promise<void>;
    failIfNotConnected(): void;
    nextCorrelationId(): number;
  }

  export interface ProducerId {
    readonly producerId: string;
    readonly producerEpoch: number;
  }

  /** A request with how its answer is read. */
  export interface Exchange<Decoded, Parsed = Decoded> {
    readonly request: { readonly apiKey: number; readonly apiVersion: number };
    readonly response: {
      decode(payload: Buffer): Promise<Decoded & { readonly clientSideThrottleTime?: number }>;
      parse(decoded: Decoded): Promise<Parsed>;
    };
    /** ms; the cluster's options may say more. */
    readonly requestTimeout?: number;
  }

  export interface Broker {
    findGroupCoordinator(request: { readonly groupId: string; readonly coordinatorType?: number }): Promise<unknown>;
    metadata(topics: readonly string[]): Promise<Metadata>;
    /** Timestamp -1: the end (the last stable offset for isolation level 1); -2: the first record kept. */
    listOffsets(request: {
      readonly isolationLevel: number;
      readonly topics: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[];
      }[];
    }): Promise<{
      readonly responses: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
      }[];
    }>;
    /** No topics: all of them. */
    offsetFetch(request: { readonly groupId: string; readonly topics: readonly [] }): Promise<{
      readonly responses: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
      }[];
    }>;
    isConnected(): boolean;
    /** Without a transactional id: of any broker. */
    initProducerId(request: {
      readonly transactionalId?: string;
      readonly transactionTimeout?: number;
    }): Promise<ProducerId>;
    addPartitionsToTxn(
      request: ProducerId & {
        readonly transactionalId: string;
        readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
      },
    ): Promise<unknown>;
    /** The newest version of a request that both speak. */
    lookupRequest<Request, Protocol>(
      apiKey: number,
      versions: ProtocolVersions<Request, Protocol>,
    ): (request: Request) => Protocol;
    readonly connectionPool: {
      /** Connects it where it isn't. */
      getConnectionByRequest(protocol: { readonly request: { readonly apiKey: number } }): Promise<Connection>;
      send<Decoded, Parsed>(exchange: Exchange<Decoded, Parsed>): Promise<Parsed>;
    };
    disconnect(): Promise<void>;
    addOffsetsToTxn(
      request: ProducerId & { readonly transactionalId: string; readonly groupId: string },
    ): Promise<unknown>;
    txnOffsetCommit(
      request: ProducerId & {
        readonly transactionalId: string;
        readonly groupId: string;
        readonly topics: readonly {
          readonly topic: string;
          readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
        }[];
      },
    ): Promise<unknown>;
    endTxn(
      request: ProducerId & { readonly transactionalId: string; readonly transactionResult: boolean },
    ): Promise<unknown>;
    joinGroup(request: {
      readonly groupId: string;
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly memberId: string;
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    }): Promise<{
      readonly generationId: number;
      readonly leaderId: string;
      readonly memberId: string;
      readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
    }>;
    syncGroup(request: {
      readonly groupId: string;
      readonly generationId: number;
      readonly memberId: string;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    }): Promise<{ readonly memberAssignment: Buffer }>;
    heartbeat(request: {
      readonly groupId: string;
      readonly groupGenerationId: number;
      readonly memberId: string;
    }): Promise<unknown>;
    leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
  }
}

declare module 'kafkajs/src/loggers/index.js' {
  export function createLogger(options: { readonly level: number; readonly logCreator: unknown }): object;
}

declare module 'kafkajs/src/network/socketFactory.js' {
  import type { ISocketFactory } from 'kafkajs';

  export default function createSocketFactory(): ISocketFactory;
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests(): void;
    /** Sends it at once, or when the broker's quota allows it. */
    push(request: {
      readonly entry: {
        readonly apiKey: number;
        readonly apiName: string;
        readonly apiVersion: number;
        readonly correlationId: number;
        readonly resolve: (answer: { readonly payload: Buffer }) => void;
        readonly reject: (error: Error) => void;
      };
      readonly expectResponse: boolean;
      /** ms; null: what the cluster's options say. */
      readonly requestTimeout: number | null;
      readonly sendRequest: () => void;
    }): void;
    maybeThrottle(ms: number | undefined): void;
  }
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    readonly buffer: Buffer;
  }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(bytes: Buffer);
    canReadBytes(count: number): boolean;
  }
}

declare module 'kafkajs/src/protocol/request.js' {
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  /** A request as it goes to the socket, from its size on. */
  export default function createRequest(options: {
    readonly correlationId: number;
    readonly clientId: string;
    readonly request: { readonly apiKey: number; readonly apiVersion: number; encode(): Promise<Encoder> };
  }): Promise<Encoder>;
}

declare module 'kafkajs/src/protocol/error.js' {
  /** An error whose `type` is the protocol's name of it. */
  export function createErrorFromCode(code: number): Error;
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder.js' {
  import type Decoder from 'kafkajs/src/protocol/decoder.js';

  export interface RawMessage {
    readonly offset: string;
    readonly timestamp: string;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: Record<string, Buffer | Buffer[] | null>;
  }

  export default function decodeBatch(decoder: Decoder): Promise<{
    readonly firstTimestamp: string;
    readonly maxTimestamp: string;
    readonly producerId: string;
    readonly producerEpoch: number;
    readonly firstSequence: number;
    readonly lastOffsetDelta: number;
    readonly inTransaction: boolean;
    readonly records: readonly RawMessage[];
  }>;
}

declare module 'kafkajs/src/protocol/requests/produce/index.js' {
  import type { Message } from 'kafkajs';
  import type { ProducerId } from 'kafkajs/src/broker/index.js';
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  export interface ProtocolVersions<Request, Protocol> {
    readonly versions: readonly string[];
    protocol(options: { readonly version: number }): (request: Request) => Protocol;
  }

  interface ProduceProtocol {
    readonly request: {
      readonly apiKey: number;
      readonly apiName: string;
      readonly apiVersion: number;
      encode(): Promise<Encoder>;
    };
    readonly response: {
      decode(payload: Buffer): Promise<{
        readonly topics: readonly {
          readonly topicName: string;
          readonly partitions: readonly {
            readonly partition: number;
            readonly errorCode: number;
            readonly baseOffset: string;
          }[];
        }[];
        readonly clientSideThrottleTime?: number;
      }>;
    };
  }

  interface ProduceOptions extends Partial<ProducerId> {
    readonly acks: number;
    readonly timeout: number;
    readonly transactionalId?: string | null;
    readonly topicData: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly firstSequence: number;
        readonly messages: readonly Message[];
      }[];
    }[];
  }

  const produce: ProtocolVersions<ProduceOptions, ProduceProtocol>;
  export default produce;
}

declare module 'kafkajs/src/protocol/requests/fetch/index.js' {
  import type { Exchange } from 'kafkajs/src/broker/index.js';
  import type { ProtocolVersions } from 'kafkajs/src/protocol/requests/produce/index.js';

  interface FetchOptions {
    readonly isolationLevel: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly fetchOffset: string;
        readonly maxBytes: number;
      }[];
    }[];
  }

  const fetch: ProtocolVersions<FetchOptions, Exchange<unknown>>;
  export default fetch;
}

declare module 'kafkajs/src/protocol/requests/metadata/index.js' {
  import type { Exchange } from 'kafkajs/src/broker/index.js';
  import type { ProtocolVersions } from 'kafkajs/src/protocol/requests/produce/index.js';

  export interface Metadata {
    readonly clusterId: string;
    readonly topicMetadata: readonly {
      readonly topicErrorCode: number;
      readonly topic: string;
      readonly partitionMetadata: readonly {
        readonly partitionId: number;
        /** -1: nobody. */
        readonly leader: number;
      }[];
    }[];
  }

  const metadata: ProtocolVersions<
    { readonly topics: readonly string[]; readonly allowAutoTopicCreation: boolean },
    Exchange<Metadata>
  >;
  export default metadata;
}
