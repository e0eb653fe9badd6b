// What a cluster says of its topics, each by itself: kafkajs takes nothing of an answer in which one topic has an error, so
// that one whose leader is gone, or that was deleted, would keep everybody from learning where all the others are.
import type { Broker } from 'kafkajs/src/broker/index.js';
import type Cluster from 'kafkajs/src/cluster/index.js';
import { createErrorFromCode } from 'kafkajs/src/protocol/error.js';
import metadataVersions, { type Metadata } from 'kafkajs/src/protocol/requests/metadata/index.js';

const METADATA = 3;
const NO_ERROR = 0;
/** The leader of a partition that has none. */
const NOBODY = -1;

/** From now on the cluster's metadata has what is known, whatever is not. */
export function keepWhatIsKnown({ brokerPool }: Cluster): void {
  const { createBroker } = brokerPool;
  brokerPool.createBroker = (options) => {
    const broker = createBroker(options);
    broker.metadata = (topics) => metadataOf(broker, topics);
    return broker;
  };
}

/** What the cluster said of the topic: an error, or nothing when there is none. */
export function topicError({ brokerPool }: Cluster, topic: string): Error | undefined {
  const code = brokerPool.metadata?.topicMetadata.find((t) => t.topic === topic)?.topicErrorCode ?? NO_ERROR;
  return code === NO_ERROR ? undefined : createErrorFromCode(code);
}

function metadataOf(broker: Broker, topics: readonly string[]): Promise<Metadata> {
  const protocol = broker.lookupRequest(METADATA, metadataVersions)({ topics, allowAutoTopicCreation: false });
  const parse = async (decoded: Metadata): Promise<Metadata> => ({
    ...decoded,
    topicMetadata: decoded.topicMetadata.map((topic) => ({
      ...topic,
      partitionMetadata: topic.partitionMetadata.filter(({ leader }) => leader !== NOBODY),
    })),
  });
  return broker.connectionPool.send({ ...protocol, response: { decode: protocol.response.decode, parse } });
}
