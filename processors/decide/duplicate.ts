// Gate 4: the same message, whatever the channel, is not sent twice within the dedupe window.
import { block, type Gate, iso, pass } from './gate.ts';
import { cameTooLate } from './send-time.ts';

export const duplicate: Gate = {
  name: 'duplicate',
  applies: (c) => !cameTooLate(c),
  judge({ campaign, messages, now }) {
    const { windowMs, key } = campaign.dedupe;
    for (const { campaignId, dedupeKey, requestId } of messages.requests) {
      if (campaignId === campaign.id || dedupeKey === key) return block('duplicate', { pending: requestId });
    }
    for (const { campaignId, dedupeKey, sendId, sentAt, failed } of messages.sent) {
      // The time first: most of a busy user's messages are long past, and numbers compare faster than texts.
      if (now - sentAt < windowMs && !failed && (campaignId === campaign.id || dedupeKey === key))
        return block('duplicate', { sentBefore: sendId, sentAt: iso(sentAt), windowMs });
    }
    return pass({ windowMs });
  },
};
