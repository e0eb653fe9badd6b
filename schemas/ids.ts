// What ids and names must be, wherever a record comes from.
import { sendRequests, type Topic } from './topics.ts';

/**
 * Characters that an id may have, and a name that is kept for a user. State keeps many of them in a row, and a row must fit into a
 * record of the log; the API takes a quarter.
 */
export const LONGEST_ID = 1024;

export interface IdProblem {
  readonly field: string;
  /** What it must be. */
  readonly problem: string;
}

/** Those fields of records that are ids or such names. */
export interface Named {
  readonly tenantId?: string | null;
  readonly userId?: string | null;
  readonly campaignId?: string | null;
  readonly eventId?: string | null;
  readonly requestId?: string | null;
  readonly type?: string | null;
  readonly purpose?: string | null;
  readonly channel?: string | null;
}

/** The first id of the record that is none: empty, with the zero byte, which keeps rows of state apart, or too long. */
export function idProblem(topic: Topic<unknown>, value: Named): IdProblem | undefined {
  const { tenantId, userId, campaignId, eventId, requestId, type, purpose, channel } = value;
  // Beckon makes ids of requests of a campaign's and another: only those of askers are held to the length of one.
  const longestRequest = topic === (sendRequests as Topic<unknown>) ? LONGEST_ID : Number.POSITIVE_INFINITY;
  return (
    wrongId('tenantId', tenantId) ??
    wrongId('userId', userId) ??
    wrongId('campaignId', campaignId) ??
    wrongId('eventId', eventId) ??
    wrongId('requestId', requestId, longestRequest) ??
    tooLong('type', type) ??
    tooLong('purpose', purpose) ??
    tooLong('channel', channel)
  );
}

function wrongId(field: string, id: string | null | undefined, longest = LONGEST_ID): IdProblem | undefined {
  if (id === undefined || id === null) return undefined;
  if (id === '') return { field, problem: 'must not be empty' };
  if (id.includes('\0')) return { field, problem: 'must not contain the character U+0000' };
  return tooLong(field, id, longest);
}

function tooLong(field: string, name: string | null | undefined, longest = LONGEST_ID): IdProblem | undefined {
  if (name === undefined || name === null || name.length <= longest) return undefined;
  return { field, problem: `must have at most ${longest} characters` };
}
