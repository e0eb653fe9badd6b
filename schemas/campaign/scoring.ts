// What a campaign says about the choice among its channels.
import { z } from 'zod';
import { channelId, share } from '../file-values.ts';
import { said } from '../problems.ts';

export const urgencies = ['low', 'normal', 'high'] as const;
export type Urgency = (typeof urgencies)[number];

export interface Scoring {
  /** How soon the message should be noticed. */
  readonly urgency: Urgency;
  /** From 0 to 1, by channel: the engagement that a user without history is taken to have; a channel left out has the policy's. */
  readonly priors: Readonly<Record<string, number>>;
}

export const urgency = z.enum(urgencies);

export const priors = z.record(channelId, share).default({});

/** Priors for channels that the campaign does not have, each with its path, what is wrong and how to mend it. */
export function strangers({ priors }: Scoring, channels: readonly string[]): [path: string[], message: string][] {
  return Object.keys(priors).flatMap((id) =>
    channels.includes(id)
      ? []
      : [[['priors', id], said(`"${id}" is none of the campaign's channels`, `write one of: ${channels.join(', ')}`)]],
  );
}
