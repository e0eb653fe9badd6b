import { expect, it } from 'vitest';
import { channelDefaults, channelIds, channels, isKnownChannel } from './channels.ts';

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
  expect(channels.whatsapp.bestHours).toEqual({ existing: { start: 10, end: 11 }, new: { start: 18, end: 19 } });
  expect(channels.email.bestHours?.new).toEqual({ start: 9, end: 10 });
});

it('lets a channel that only a policy knows cost nothing, at any hour', () => {
  expect(channelDefaults('rcs')).toEqual({ costMicros: 0, bestHours: null });
  expect(channelDefaults('constructor')).toEqual({ costMicros: 0, bestHours: null });
  expect(isKnownChannel('constructor')).toBe(false);
});
