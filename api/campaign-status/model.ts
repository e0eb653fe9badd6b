// The status of a campaign as the API answers it.
import { z } from 'zod';

const micros = z.int().describe('Micro-units of the budget’s currency.');
const instant = z.iso.datetime();
const count = z.int().nonnegative();

export const recommendation = z.enum(['increase', 'reduce', 'maintain']);

const day = z.object({
  day: z.iso.date().describe('The local day, in the campaign’s zone.'),
  reservedMicros: micros,
  spentMicros: micros,
  remainingMicros: micros.nullable().describe('Under the daily limit; null: there is none.'),
  messagesReserved: count,
  messagesSent: count,
});

const channel = z.object({
  reservedMicros: micros,
  spentMicros: micros,
  limitMicros: micros.nullable(),
  remainingMicros: micros.nullable(),
});

export const spend = z.object({
  idealMicros: micros.nullable().describe('What the pacing curve has come to by now; null: asap has no curve.'),
  reservedMicros: micros.describe('Reserved or spent, and not given back.'),
  spentMicros: micros.describe('Of messages sent, at their actual cost where it was told.'),
  remainingMicros: micros.nullable().describe('The total less what is reserved; null: there is no total.'),
  overrunMicros: micros.describe('Actual cost beyond what was reserved.'),
  messagesReserved: count.describe('Reserved or sent, and not given back.'),
  messagesSent: count,
  today: day,
  channels: z.record(z.string(), channel),
  paceRatio: z.number().nullable().describe('Spent over ideal; null while the curve is at 0, or where there is none.'),
  recommendation: recommendation
    .nullable()
    .describe('increase or reduce: spent is more than 10 %, and more than the burst, below or above the ideal.'),
  suggestedDailyMicros: micros.nullable().describe('What is not spent yet, over the days left until the budget’s end.'),
  exhaustedAt: instant.nullable().describe('When the total is spent if it goes on as in the last seven days.'),
});

export const results = z.object({
  costPerMessageMicros: micros.nullable(),
  conversions: count.nullable().describe('Null: nobody counts them, or the campaign names no conversion.'),
  costPerConversionMicros: micros.nullable(),
  value: z.number().nullable().describe('Sum of the conversions’ values, in units of the currency.'),
  roi: z.number().nullable().describe('(value − spent) / spent.'),
  conversionRate: z.number().nullable().describe('Share of the users with a message whom a conversion followed.'),
  holdoutUsers: count.nullable(),
  holdoutConversions: count.nullable(),
  holdoutRate: z.number().nullable().describe('The same share of the users who were held out.'),
  lift: z.number().nullable().describe('conversionRate less holdoutRate.'),
});

export const campaignStatus = z.object({
  tenantId: z.string(),
  campaignId: z.string(),
  name: z.string(),
  status: z.enum(['active', 'draft', 'paused', 'ended']),
  version: z.int(),
  at: instant.describe('The moment that the figures are of.'),
  budget: z
    .object({
      currency: z.string(),
      pacing: z.enum(['even', 'curve', 'asap']),
      totalMicros: micros.nullable(),
      dailyMicros: micros.nullable(),
      from: instant.nullable(),
      to: instant.nullable(),
      timezone: z.string(),
    })
    .nullable(),
  spend: spend.nullable().describe('Null: the campaign has no budget.'),
  results,
});

export type CampaignStatus = z.output<typeof campaignStatus>;
export type Spend = z.output<typeof spend>;
export type Results = z.output<typeof results>;
export type Recommendation = z.output<typeof recommendation>;
