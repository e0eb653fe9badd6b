// Gate 4: the same message, whatever the channel, is not sent twice within the dedupe window.
import { block, type Gate, iso, pass } from './gate.ts';
import { cameTooLate } from './send-time.ts';

export const duplicate: Gate = {
  name: 'duplicate',
  applies: (c) => !cameTooLate(c),
  judge({ campaign, messages, now }) {
    const { windowMs, key } = campaign.dedupe;
    const isSame = (m: { readonly campaignId: string; readonly dedupeKey: string }): boolean =>
      m.campaignId === campaign.id || (key !== null && m.dedupeKey === key);
    const pending = messages.requests.find(isSame);
    if (pending !== undefined) return block('duplicate', { pending: pending.requestId });
    const sent = messages.sent.find((m) => isSame(m) && now - m.sentAt < windowMs);
    if (sent !== undefined) {
      return block('duplicate', { sentBefore: sent.sendId, sentAt: iso(sent.sentAt), windowMs });
    }
    return pass({ windowMs });
  },
};
