// Why a message was not sent: the closed list that decisions, explanations, dashboards and the documentation share.

/** In the order in which the gates can give them. */
export const reasons = [
  'audience',
  'holdout',
  'no-consent',
  'duplicate',
  'frequency-cap',
  'no-channel',
  'quiet-hours',
  'budget-window',
  'budget-total',
  'budget-channel',
  'budget-daily',
  'budget-pace',
  'expired',
  'campaign-inactive',
  'bad-request',
] as const;

export type Reason = (typeof reasons)[number];

/** One line for people, in the past tense of a decision made. */
export const reasonText: Readonly<Record<Reason, string>> = {
  audience: "the user is not in the campaign's audience",
  holdout: 'the user is in the holdout group, which gets no message so that lift can be measured',
  'no-consent':
    "the user has not consented to the campaign's purpose on any of its channels, or has opted out or unsubscribed",
  duplicate: 'a message of the same campaign or dedupe key is pending, or was sent within the dedupe window',
  'frequency-cap': 'the user has already had as many messages as a frequency cap allows in its window',
  'no-channel': 'no channel of the campaign has an address, consent and an open cap for the user and is enabled',
  'quiet-hours': "the budget's slot was moved past the message's expiry by the user's quiet hours",
  'budget-window': 'the moment of sending falls on or after the end of the budget',
  'budget-total': "the campaign's total budget has no room for the cheapest viable channel",
  'budget-channel': 'the total budget has room, but the limit of every viable channel is used up',
  'budget-daily': 'no day with room under the daily limit was left before the message expired',
  'budget-pace': 'the pacing curve had no room for the message before it expired',
  expired:
    'the earliest allowed moment (quiet hours, best hours) came after the message had expired, or the request did',
  'campaign-inactive': 'the campaign was not active when the message was asked for, or at the moment of sending',
  'bad-request':
    "the request names a campaign that nobody knows, misses what the message needs, or has an id of Beckon's own kind",
};

/** Whether a text is one of the closed list. */
export function isReason(text: string): text is Reason {
  return Object.hasOwn(reasonText, text);
}
