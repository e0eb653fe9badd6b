// Gate 2: a fixed share of users gets no message, so that lift can be measured.
import { hash } from 'node:crypto';
import { block, type Case, type Gate, pass } from './gate.ts';

/** Where a user falls in [0, 1): the first 32 bits of SHA-256 of `tenantId/scope/userId` over 2^32. */
export function position(tenantId: string, scope: string, userId: string): number {
  // As text: a Buffer for each hash takes as long as the hash itself.
  return Number.parseInt(hash('sha256', `${tenantId}/${scope}/${userId}`, 'hex').slice(0, 8), 16) / 2 ** 32;
}

export const holdout: Gate = {
  name: 'holdout',
  judge(c) {
    const scopes = [
      { scope: 'global', share: c.policy.holdout },
      { scope: c.campaign.id, share: c.campaign.holdout },
    ];
    for (const { scope, share } of scopes) {
      if (share > 0 && isHeldOut(c, scope, share)) return block('holdout', { scope, share });
    }
    return pass();
  },
};

function isHeldOut({ request }: Case, scope: string, share: number): boolean {
  return position(request.tenantId, scope, request.userId) < share;
}
