// Batches on the log: their requests and decisions are found by the ids of the requests, which begin with the batch's, so any
// instance can tell of any batch.
import { createHash } from 'node:crypto';
import type { LogRecord } from '../runtime/log.ts';
import { partitionOf } from '../runtime/partition.ts';
import { isOnRepeat } from '../schemas/request-ids.ts';
import { decisions, keyOf, sendRequests } from '../schemas/topics.ts';
import type { Decision, SendRequest } from '../schemas/types.ts';
import { type Bounds, type Place, windowsBack } from './scan-back.ts';

const ID_BYTES = 15;

type Logged = Omit<Place<unknown>, 'topic'>;

/** The same for the same key of a tenant. */
export function batchIdOf(tenantId: string, idempotencyKey: string): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([tenantId, idempotencyKey]))
    .digest();
  return `b-${hash.subarray(0, ID_BYTES).toString('base64url')}`;
}

/** The same for the same user of a batch, so that the engine drops what is published twice. */
export function requestIdOf(batchId: string, userId: string): string {
  return `${batchId}.${userId}`;
}

/** Whether something of the batch is on the log, in the partition of one of its users. */
export async function isPublished(logged: Logged, batchId: string, userKey: string, since: number): Promise<boolean> {
  const partition = partitionOf(userKey, logged.log.partitions(sendRequests.topic));
  for await (const { found } of windowsBack({ ...logged, topic: sendRequests }, partition, holds(batchId), { since }))
    if (found.some(({ value }) => isOf(value, batchId))) return true;
  return false;
}

/** The requests of a batch, by user. Its records lie close together, so the search ends where no more of them are. */
export async function requestsOf(
  logged: Logged,
  tenantId: string,
  batchId: string,
  bounds: Bounds = {},
): Promise<ReadonlyMap<string, SendRequest>> {
  const requests = new Map<string, SendRequest>();
  for (let partition = 0; partition < logged.log.partitions(sendRequests.topic); partition++) {
    let any = false;
    for await (const { found } of windowsBack({ ...logged, topic: sendRequests }, partition, holds(batchId), bounds)) {
      const own = found.filter(({ value }) => value.tenantId === tenantId && isOf(value, batchId));
      if (any && own.length === 0) break;
      // One that was published twice: the engine took the first.
      for (const { value } of own) requests.set(value.userId, value);
      any ||= own.length > 0;
    }
  }
  return requests;
}

/** The newest decision on each request that there is one on, by user. */
export async function decisionsOn(
  logged: Logged,
  requests: ReadonlyMap<string, SendRequest>,
): Promise<ReadonlyMap<string, Decision>> {
  const partitions = logged.log.partitions(decisions.topic);
  const all = [...requests.values()];
  const wanted = Map.groupBy(all, ({ tenantId, userId }) => partitionOf(keyOf(tenantId, userId), partitions));
  const newest = new Map<string, Decision>();
  const since = Math.min(...all.map(({ requestedAt }) => requestedAt));
  for (const [partition, own] of wanted) {
    const left = new Map(own.map((request) => [keyOf(request.tenantId, request.userId), request]));
    const interesting = ({ key }: LogRecord): boolean => key !== null && left.has(key.toString('utf8'));
    for await (const { found } of windowsBack({ ...logged, topic: decisions }, partition, interesting, { since })) {
      for (const { value } of found) {
        const key = keyOf(value.tenantId, value.userId);
        if (left.get(key)?.requestId !== value.requestId || isOnRepeat(value)) continue;
        newest.set(value.userId, value);
        left.delete(key);
      }
      if (left.size === 0) break;
    }
  }
  return newest;
}

/** Most records are of nobody's batch: the bytes tell without decoding. */
function holds(batchId: string): (record: LogRecord) => boolean {
  const bytes = Buffer.from(batchId);
  return ({ value }) => value?.includes(bytes) === true;
}

function isOf({ requestId }: SendRequest, batchId: string): boolean {
  return requestId.startsWith(`${batchId}.`);
}
