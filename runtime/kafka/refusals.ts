// What a cluster refuses for good, in words that say what to do about it.
import { Unrecoverable } from '../errors.ts';
import type { NewRecord } from '../log.ts';
import { errorType, mayPass } from './client.ts';

/** What a request was about, as far as that can be what was refused. */
export interface Asked {
  /** What the request does to topics, as rights are named. */
  readonly right?: 'Write' | 'Read' | 'Create' | 'Describe';
  readonly topics?: readonly string[];
  readonly consumerGroup?: string;
  readonly transactionalId?: string;
  readonly records?: readonly NewRecord[];
}

/** The error that ends the instance, where the cluster's will not pass; undefined where it may. */
export function refusal(
  error: unknown,
  what: string,
  asked: Asked,
  place: ConstructorParameters<typeof Unrecoverable>[1] = {},
): Unrecoverable | undefined {
  if (error instanceof Unrecoverable) return error;
  if (mayPass(error)) return undefined;
  const mend = mendOf(errorType(error) ?? '', asked);
  const said = reasonOf(error);
  return new Unrecoverable(`${what}: ${said}${mend === undefined ? '' : `: ${mend}`}`, place, { cause: error });
}

/** Of a request about several topics kafkajs says no more than that it failed: the first of them says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const first = 'errors' in error && Array.isArray(error.errors) ? error.errors[0] : undefined;
  return first instanceof Error ? first.message : error.message;
}

function mendOf(type: string, asked: Asked): string | undefined {
  const { right = 'Write', topics = [], consumerGroup, transactionalId, records = [] } = asked;
  switch (type) {
    case 'TOPIC_AUTHORIZATION_FAILED':
      return `give the user the right ${right} on the topic ${topics.join(', ')}`;
    case 'GROUP_AUTHORIZATION_FAILED':
      return `give the user the right Read on the group ${consumerGroup}`;
    case 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED':
      return `give the user the rights Describe and Write on the transactional id ${transactionalId}`;
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return right === 'Create'
        ? `give the user the right Create on the cluster or on the topic ${topics.join(', ')}, or create it yourself`
        : 'give the user the right IdempotentWrite on the cluster, or Write on its topics';
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE': {
      const largest = records.reduce<NewRecord | undefined>(
        (a, b) => (a !== undefined && sizeOf(a) >= sizeOf(b) ? a : b),
        undefined,
      );
      if (largest === undefined) return undefined;
      return `the largest of its records is one of ${sizeOf(largest)} bytes for the topic ${largest.topic}: raise \`max.message.bytes\` of the topic above that`;
    }
    case 'INVALID_REPLICATION_FACTOR':
      return 'set KAFKA_REPLICATION (or --replication) to no more than the number of brokers that run';
    case 'INVALID_SESSION_TIMEOUT':
      return 'set KAFKA_SESSION_TIMEOUT to what the brokers take, from `group.min.session.timeout.ms` to `group.max.session.timeout.ms`';
    default:
      return undefined;
  }
}

function sizeOf({ key, value }: NewRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}
