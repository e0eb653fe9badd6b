import { expect, it } from 'vitest';
import { engagement } from './cells.ts';
import { activeHours, bestOf, channelEngagement, engagementScore, round4, sendsOn, weightOf } from './engagement.ts';
import { hours } from './hours.ts';
import { asKnownAfter, hashOfSend, withActivity, withSend } from './learned.ts';
import type { UserEngagement } from './state-types.ts';

const TODAY = 20_514;
const OPENED = 1;
const CLICKED = 2;
const REPLIED = 4;
const FAILED = 8;

const answer = (send: number, bit: number, day = TODAY, hour = 9) => ({ day, hour, send, answer: bit });
const session = (hour: number, day = TODAY) => ({ day, hour, send: null, answer: 0 });
/** Messages 1, 2, … on whatsapp today, with their answers. */
function messages(...answers: readonly (readonly number[])[]): UserEngagement {
  let known: UserEngagement | undefined;
  answers.forEach((bits, i) => {
    known = withSend(known, i + 1, 'whatsapp', TODAY);
    for (const bit of bits) known = withActivity(known, answer(i + 1, bit));
  });
  return known as UserEngagement;
}
const scoreOf = (known: UserEngagement, day = TODAY): number =>
  engagementScore(channelEngagement(known, 'whatsapp'), 0.4, day);

it('weighs twice as much 90 days later, exactly', () => {
  expect(weightOf(18_262)).toBe(1);
  for (const day of [0, 18_261, 20_514, 40_000]) expect(weightOf(day + 90)).toBe(2 * weightOf(day));
  expect(weightOf(18_262 + 45)).toBeCloseTo(Math.SQRT2, 12);
});

it('is the prior without history, and (answers + 5 · prior) / (sends + 5) with it', () => {
  expect(engagementScore(undefined, 0.4, TODAY)).toBe(0.4);
  expect(scoreOf(messages([]))).toBe(round4(2 / 6));
  expect(scoreOf(messages([OPENED], [REPLIED], [CLICKED], []))).toBe(round4((2 + 0.5 + 1 + 0.8) / 9));
});

it('halves what a message counts in 90 days', () => {
  expect(scoreOf(messages([REPLIED], [REPLIED]), TODAY + 90)).toBe(0.5);
  expect(sendsOn(channelEngagement(messages([], []), 'whatsapp'), TODAY + 180)).toBe(0.5);
});

it('counts the best answer of a message, once', () => {
  const once = scoreOf(messages([CLICKED]));
  expect(scoreOf(messages([CLICKED, OPENED, CLICKED, OPENED]))).toBe(once);
  const known = messages([OPENED, CLICKED, REPLIED], [OPENED], []);
  expect(channelEngagement(known, 'whatsapp')).toMatchObject({ sends: 3, opened: 2, clicked: 1, replied: 1 });
});

it('does not count a message that failed', () => {
  expect(scoreOf(messages([FAILED]))).toBe(0.4);
  expect(scoreOf(messages([REPLIED, FAILED], []))).toBe(scoreOf(messages([])));
  expect(channelEngagement(messages([OPENED, FAILED, REPLIED]), 'whatsapp')).toMatchObject({ sends: 0, replied: 0 });
});

it('hears answers to the 32 latest messages alone', () => {
  const known = messages(...Array.from({ length: 33 }, () => []));
  expect(known.recent).toHaveLength(32);
  expect(withActivity(known, answer(1, REPLIED))).toBe(known);
  expect(withActivity(known, answer(2, REPLIED)).channels[0]?.replied).toBe(1);
});

it('knows active hours of a channel with enough answers, else of everything, else none', () => {
  const few = messages([OPENED, CLICKED], [OPENED, CLICKED]);
  expect(activeHours(few, 'whatsapp', TODAY)).toBeUndefined();
  const enough = [19, 19, 19, 19].reduce((known, hour) => withActivity(known, session(hour)), few);
  expect(activeHours(enough, 'whatsapp', TODAY)?.[19]).toBe(1);
  const more = withActivity(withSend(enough, 3, 'whatsapp', TODAY), answer(3, OPENED));
  expect(activeHours(more, 'whatsapp', TODAY)?.[9]).toBe(1);
  expect(activeHours(more, 'email', TODAY)?.[9]).toBe(1);
  expect(activeHours(more, 'whatsapp', TODAY + 1)?.[19]).toBe(0.8);
});

it('takes half of the neighbouring hours for active, and the most active hours for the best', () => {
  const known = [0, 0, 0, 0, 23].reduce(
    (k: UserEngagement | undefined, hour) => withActivity(k, session(hour)),
    undefined,
  );
  const active = activeHours(known, 'sms', TODAY) ?? [];
  // 4 + ½, 1 + 2, 2, ½ of 4 + ½.
  expect([active[0], active[23], active[1], active[22], active[12]]).toEqual([1, 0.6667, 0.4444, 0.1111, 0]);
  expect(bestOf(active)).toBe(hours(0, 1));
});

it('knows no more than had been learned when the request came', () => {
  const known: UserEngagement = { ...messages([]), pending: [answer(1, OPENED), answer(1, REPLIED)] };
  expect([0, 1, 2, undefined].map((n) => asKnownAfter(known, n)?.channels[0]?.response)).toEqual(
    [0, 0.5, 1, 1].map((value) => value * weightOf(TODAY)),
  );
  expect(asKnownAfter(undefined, 0)).toBeUndefined();
});

it('rounds to four decimals, the middle up, wherever the last bit falls', () => {
  expect(round4(0.00005)).toBe(0.0001);
  expect(round4(1.00005 - 1)).toBe(0.0001);
  expect(round4(0.000049)).toBe(0);
});

it('is kept as it is', () => {
  const known: UserEngagement = {
    ...messages([OPENED], [FAILED]),
    pending: [session(3), answer(hashOfSend('s#0'), REPLIED)],
  };
  expect(engagement.codec.decode(engagement.codec.encode(known))).toEqual(known);
});

it('tells messages apart by their ids', () => {
  const ids = Array.from({ length: 5000 }, (_, i) => `welcome|event:default/u${i}:e@1772841600000#0`);
  expect(new Set(ids.map(hashOfSend)).size).toBe(ids.length);
  expect(ids.map(hashOfSend).every((hash) => Number.isSafeInteger(hash) && hash >= 0)).toBe(true);
});
