// What a simulation decided, kept small enough to compare two of them.
import { join } from 'node:path';
import { decisions, sends, type Topic } from '../../schemas/topics.ts';
import type { Decision, SendCommand } from '../../schemas/types.ts';
import { readNdjson } from '../files/ndjson.ts';

/** A request and what became of it. */
export interface Request {
  /** `tenantId/userId`. */
  readonly user: string;
  readonly campaignId: string;
  /** Messages sent for it. */
  sent: number;
  /** Why none was; null: one was, or is still to be. */
  reason: string | null;
}

export interface Digest {
  /** By the request's id among all, in the order of the first word about it. */
  readonly requests: ReadonlyMap<string, Request>;
  /** Micro-units, by campaign. */
  readonly spend: ReadonlyMap<string, number>;
  /** Messages sent, by campaign. */
  readonly sent: ReadonlyMap<string, number>;
  /** Messages sent, by their day (UTC). */
  readonly days: ReadonlyMap<string, number>;
  /** Requests that sent nothing, by reason. */
  readonly reasons: ReadonlyMap<string, number>;
  /** Blocks by a frequency cap, by its rule. */
  readonly caps: ReadonlyMap<string, number>;
}

/** Reads the decisions and sends of a simulation's folder. */
export async function digestOf(folder: string): Promise<Digest> {
  const requests = new Map<string, Request>();
  const [spend, sent, days, reasons, caps] = [counts(), counts(), counts(), counts(), counts()];
  const requestOf = (id: string, { tenantId, userId, campaignId }: Decision | SendCommand): Request => {
    let request = requests.get(id);
    if (request === undefined) {
      request = { user: `${tenantId}/${userId}`, campaignId, sent: 0, reason: null };
      requests.set(id, request);
    }
    return request;
  };
  for await (const decision of recordsOf(folder, decisions)) {
    const { decisionId, outcome, reason, steps } = decision;
    const request = requestOf(withoutSuffix(decisionId), decision);
    if (outcome === 'scheduled' || reason === null) continue;
    request.reason = reason;
    add(reasons, reason);
    if (reason === 'frequency-cap') add(caps, String(steps.at(-1)?.facts.rule ?? 'unknown'));
  }
  for await (const send of recordsOf(folder, sends)) {
    const { sendId, campaignId, costMicros, dueAt } = send;
    requestOf(withoutSuffix(sendId), send).sent++;
    add(sent, campaignId);
    add(spend, campaignId, costMicros);
    add(days, new Date(dueAt).toISOString().slice(0, 10));
  }
  return { requests, spend, sent, days, reasons, caps };
}

/** The ids of a request's decisions and sends are its own, and what they are of it. */
function withoutSuffix(id: string): string {
  return id.replace(/(?:#(?:\d+|final|scheduled))+$/, '');
}

async function* recordsOf<T>(folder: string, topic: Topic<T>): AsyncGenerator<T> {
  for await (const { lines } of readNdjson(join(folder, `${topic.name}.ndjson`), topic)) {
    for (const { value } of lines) yield value as T;
  }
}

function counts(): Map<string, number> {
  return new Map();
}

function add(to: Map<string, number>, name: string, n = 1): void {
  to.set(name, (to.get(name) ?? 0) + n);
}
