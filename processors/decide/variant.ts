// Which variant of a campaign's content a user gets: always the same while the shares stay.
import type { Campaign } from '../../schemas/campaign.ts';
import type { Request } from '../../schemas/streams.ts';
import { position } from './holdout.ts';

/**
 * The variant's name; null where the content has none. Users are spread as for the holdout, by SHA-256 of
 * `tenantId/campaignId/variant/userId`, and the variants take their shares of [0, 1) in the file's order.
 */
export function variantOf(campaign: Campaign, request: Pick<Request, 'tenantId' | 'userId'>): string | null {
  const { content, id } = campaign;
  if (!('variants' in content)) return null;
  const at = position(request.tenantId, `${id}/variant`, request.userId);
  let end = 0;
  let last: string | null = null;
  for (const { name, share } of content.variants) {
    if (share === 0) continue;
    end += share;
    last = name;
    if (at < end) break;
  }
  // Binary fractions may add up to a little less than one: the rest is the last one's.
  return last;
}
