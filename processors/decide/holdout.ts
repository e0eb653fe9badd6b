// Gate 2: a fixed share of users gets no message, so that lift can be measured.
import { hash } from 'node:crypto';
import { block, type Case, type Gate, pass } from './gate.ts';

/** Where a user falls in [0, 1): the first 32 bits of SHA-256 of `tenantId/scope/userId` over 2^32. */
export function position(tenantId: string, scope: string, userId: string): number {
  // As text: a Buffer for each hash takes as long as the hash itself.
  return Number.parseInt(hash('sha256', `${tenantId}/${scope}/${userId}`, 'hex').slice(0, 8), 16) / 2 ** 32;
}

/** Of the policy's holdout. */
export const GLOBAL_SCOPE = 'global';

/** Of a campaign's own holdout: its id. That of one that is called as the policy's scope is, no other can have. */
export function scopeOf(campaignId: string): string {
  return campaignId === GLOBAL_SCOPE ? `campaign:${campaignId}` : campaignId;
}

export const holdout: Gate = {
  name: 'holdout',
  judge(c) {
    const { policy, campaign } = c;
    if (isHeldOut(c, GLOBAL_SCOPE, policy.holdout))
      return block('holdout', { scope: GLOBAL_SCOPE, share: policy.holdout });
    const scope = scopeOf(campaign.id);
    if (isHeldOut(c, scope, campaign.holdout)) return block('holdout', { scope, share: campaign.holdout });
    return pass();
  },
};

function isHeldOut({ request }: Case, scope: string, share: number): boolean {
  return share > 0 && position(request.tenantId, scope, request.userId) < share;
}
