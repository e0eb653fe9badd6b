// How channels are scored: what each part weighs, and how well channels fit kinds of users and devices.
import { z } from 'zod';
import { customerTypeFits, deviceFits, type FitTable } from '../channels.ts';
import { channelId, share, strict } from '../file-values.ts';
import { quoted, said } from '../problems.ts';

export const scoreParts = ['customerType', 'engagement', 'device', 'urgency', 'timeOfDay'] as const;
export type ScorePart = (typeof scoreParts)[number];
export type Weights = Readonly<Record<ScorePart, number>>;

export interface Fits {
  /** By customerType. */
  readonly customerTypes: FitTable;
  /** By device, in small letters. */
  readonly devices: FitTable;
}

const weight = z.union([z.number().min(0).max(100), share], {
  error: (issue) => said(`is ${quoted(issue.input)}`, 'write a percentage such as 30%, or a fraction such as 0.3'),
});

export const weights = strict({
  customerType: weight.default(0),
  engagement: weight.default(0),
  device: weight.default(0),
  urgency: weight.default(0),
  timeOfDay: weight.default(0),
}).optional();

const defaultWeights: Weights = { customerType: 0.3, engagement: 0.3, device: 0.2, urgency: 0.1, timeOfDay: 0.1 };

/** The weights as shares of 1; undefined where they add up to neither 1 nor 100. */
export function normalWeights(given: Weights = defaultWeights): Weights | undefined {
  const sum = sumOf(given);
  if (Math.abs(sum - 1) < 1e-9) return given;
  if (Math.abs(sum - 100) >= 1e-7) return undefined;
  return Object.fromEntries(scoreParts.map((part) => [part, given[part] / 100])) as Record<ScorePart, number>;
}

export function sumOf(given: Weights): number {
  return scoreParts.reduce((total, part) => total + given[part], 0);
}

const kind = z.string().trim().min(1).max(60);
const table = z.record(kind, z.record(channelId, share));

export const fits = strict({ customerTypes: table.default({}), devices: table.default({}) })
  .prefault({})
  .transform(
    ({ customerTypes, devices }): Fits => ({
      customerTypes: over(customerTypeFits, customerTypes),
      devices: over(
        deviceFits,
        Object.fromEntries(Object.entries(devices).map(([device, row]) => [device.toLowerCase(), row])),
      ),
    }),
  );

/** The table with what is said otherwise of some of its places. */
function over(known: FitTable, said: FitTable): FitTable {
  const names = [...new Set([...Object.keys(known), ...Object.keys(said)])];
  return Object.fromEntries(names.map((name) => [name, { ...rowOf(known, name), ...rowOf(said, name) }]));
}

/** A row of a table: kinds are named by people and "constructor" is a name like any other. */
export function rowOf(table: FitTable, name: string): Readonly<Record<string, number>> | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
