import { expect, it } from 'vitest';
import { channelDefaults, channelIds, channels, customerTypeFits, deviceFits, isKnownChannel } from './channels.ts';
import { ANY_HOUR, hours } from './hours.ts';

it('has defaults for every known channel', () => {
  expect(Object.keys(channels)).toEqual([...channelIds]);
});

it('costs what a message costs at most, in micro-USD', () => {
  const costs = channelIds.map((id) => [id, channels[id].costMicros] as const).filter(([, cost]) => cost > 0);
  expect(costs).toEqual([
    ['sms', 7500],
    ['whatsapp', 5000],
    ['email', 100],
  ]);
});

it('knows new from existing customers on WhatsApp', () => {
  expect(channels.whatsapp.bestHours).toEqual({ existing: hours(10, 11), new: hours(18, 19) });
  expect(channels.email.bestHours.new).toBe(hours(9, 10));
});

it('lets a channel that only a policy knows cost nothing, at any hour', () => {
  const middling = { costMicros: 0, bestHours: { existing: ANY_HOUR, new: ANY_HOUR }, prior: 0.2, immediacy: 0.5 };
  expect(channelDefaults('rcs')).toEqual({ name: 'rcs', ...middling });
  expect(channelDefaults('constructor')).toEqual({ name: 'constructor', ...middling });
  expect(isKnownChannel('constructor')).toBe(false);
});

it('keeps every prior, immediacy and fit from 0 to 1, and fits to known channels', () => {
  const shares = Object.values(channels).flatMap(({ prior, immediacy }) => [prior, immediacy]);
  const rows = [...Object.values(customerTypeFits), ...Object.values(deviceFits)];
  shares.push(...rows.flatMap((row) => Object.values(row)));
  expect(shares.filter((share) => !(share >= 0 && share <= 1))).toEqual([]);
  expect(rows.flatMap((row) => Object.keys(row)).filter((id) => !isKnownChannel(id))).toEqual([]);
});
