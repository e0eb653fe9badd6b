// What the policy says of each channel.
import { z } from 'zod';
import { type BestHours, channelDefaults } from '../channels.ts';
import { formatDuration } from '../durations.ts';
import { duration, hoursOfDay, keysOr, share, strict } from '../file-values.ts';
import { type Hours, hoursToFile } from '../hours.ts';

export interface PolicyChannel {
  readonly enabled: boolean;
  /** The most one message costs, in micro-units of the policy's currency. */
  readonly costMicros: number;
  readonly bestHours: BestHours;
  /** From 0 to 1: the engagement that a user without history is taken to have. */
  readonly prior: number;
  /** From 0 to 1: how soon a message is noticed. */
  readonly immediacy: number;
  /** How long after sending, in ms, the next channel is tried when no receipt of delivery has come; null: never. */
  readonly receiptWithinMs: number | null;
}

const byType: z.ZodType<BestHours> = strict({ existing: hoursOfDay, new: hoursOfDay });
const everybody = hoursOfDay.transform((set: Hours): BestHours => ({ existing: set, new: set }));

export const channelSettings = strict({
  enabled: z.boolean().default(true),
  bestHours: keysOr(byType, everybody).optional(),
  prior: share.optional(),
  immediacy: share.optional(),
  receiptWithin: duration.optional(),
});

export type ChannelSettings = z.infer<typeof channelSettings>;

/** `costMicros` undefined: the channel's default. */
export function policyChannel(
  id: string,
  settings: ChannelSettings | undefined,
  costMicros: number | undefined,
): PolicyChannel {
  const known = channelDefaults(id);
  return {
    enabled: settings?.enabled ?? true,
    costMicros: costMicros ?? known.costMicros,
    bestHours: settings?.bestHours ?? known.bestHours,
    prior: settings?.prior ?? known.prior,
    immediacy: settings?.immediacy ?? known.immediacy,
    receiptWithinMs: settings?.receiptWithin ?? null,
  };
}

export function channelToFile({ enabled, bestHours, prior, immediacy, receiptWithinMs }: PolicyChannel): object {
  const each = { existing: hoursToFile(bestHours.existing), new: hoursToFile(bestHours.new) };
  const waits = receiptWithinMs === null ? {} : { receiptWithin: formatDuration(receiptWithinMs) };
  return { enabled, bestHours: each, prior, immediacy, ...waits };
}
