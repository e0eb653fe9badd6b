// How a request, and each message sent for it, is named among one user's, whoever decided it.
import type { OracleDecision } from './model.ts';

export type Request = Pick<OracleDecision, 'requestId' | 'campaignId' | 'source' | 'cause' | 'requestedAt'> & {
  /** Absent: no such wish. */
  readonly notBefore?: number;
};

/** The message of one hop of a request. */
export function sendName({ requestId, campaignId, source, cause, requestedAt }: Request, hop: number): string {
  return JSON.stringify([campaignId, source, requestId, cause?.replace(/:$/, '') ?? null, requestedAt, hop]);
}
