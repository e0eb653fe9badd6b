// What the policy says of each channel.
import { z } from 'zod';
import { type BestHours, channelDefaults } from '../channels.ts';
import { hoursOfDay, keysOr, share, strict } from '../file-values.ts';
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
}

const byType: z.ZodType<BestHours> = strict({ existing: hoursOfDay, new: hoursOfDay });
const everybody = hoursOfDay.transform((set: Hours): BestHours => ({ existing: set, new: set }));

export const channelSettings = strict({
  enabled: z.boolean().default(true),
  bestHours: keysOr(byType, everybody).optional(),
  prior: share.optional(),
  immediacy: share.optional(),
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
  };
}

export function channelToFile({ enabled, bestHours, prior, immediacy }: PolicyChannel): object {
  const each = { existing: hoursToFile(bestHours.existing), new: hoursToFile(bestHours.new) };
  return { enabled, bestHours: each, prior, immediacy };
}
