import { describe, expect, test } from 'vitest';
import { budgetLedger } from '../../schemas/cells.ts';
import { sends } from '../../schemas/topics.ts';
import { caseOf } from '../testing/case.ts';
import { at, World } from '../testing/world.ts';
import { content } from './content.ts';

const bodies = {
  en: {
    default: 'Dear {{ profile.firstName }}, {{ data.amount }} is due.',
    email: { subject: 'Due', body: 'Something is due.' },
  },
  sw: {
    default: '{{ data.amount }} inadaiwa.',
    email: { subject: 'Deni', body: '{{ user.id }}, {{ campaign.name }}' },
  },
};
const campaign = { id: 'c', name: 'Loans', channels: ['sms', 'email'], content: { bodies } };
const night = { schedule: { quietHours: '21:00-08:00' } };

function sent(world: World): unknown {
  return world.driver.outputs(sends)[0]?.content;
}

describe('the content gate', () => {
  test('has no say where nothing is to be filled in', () => {
    for (const fixed of [{ text: 'hi' }, { template: 'x' }, { bodies: { en: 'hi' } }]) {
      expect(content.applies?.(caseOf({ campaign: { content: fixed } }))).toBe(false);
    }
    expect(content.applies?.(caseOf({ campaign }))).toBe(true);
    expect(content.applies?.(caseOf({ campaign, ranked: [] }))).toBe(false);
  });

  test('drops a channel whose text lacks a value, and keeps the order of the others', () => {
    const c = caseOf({ campaign, request: { data: { amount: 5 } } });
    expect(content.judge(c)).toEqual({ verdict: 'pass', facts: { sms: 'missing profile.firstName', chosen: 'email' } });
    expect(c.ranked).toEqual(['email']);
    const whole = caseOf({
      campaign,
      request: { data: { amount: 5 } },
      profile: { attributes: { firstName: 'Amina' } },
    });
    expect(content.judge(whole)).toEqual({ verdict: 'pass', facts: {} });
    expect(whole.ranked).toEqual(['sms', 'email']);
  });

  test('blocks where no channel is left, and names the variable', () => {
    const c = caseOf({ campaign: { ...campaign, channels: ['sms'] }, profile: { locale: 'sw-KE' } });
    expect(content.judge(c)).toEqual({ verdict: 'block', reason: 'bad-request', facts: { missing: 'data.amount' } });
  });

  test('says nothing of a value that does not fit', () => {
    const text = '{{ data.dueAt | date: "%d" }}';
    const c = caseOf({ campaign: { content: { text } }, request: { data: { dueAt: 'Amina' } } });
    expect(content.judge(c)).toEqual({
      verdict: 'block',
      reason: 'bad-request',
      facts: { failed: 'the value of a date is none' },
    });
  });
});

describe('a message', () => {
  test('is filled in from profile, request, user and campaign, in the user’s locale and for the channel', () => {
    const world = new World({ campaigns: [campaign] });
    world.profile({ attributes: { firstName: 'Amina' }, locale: 'en-GB' });
    world.ask('c', at('09:00'), { data: { amount: 1200 } });
    expect(sent(world)).toEqual({
      text: 'Dear Amina, 1200 is due.',
      locale: 'en',
      encoding: 'GSM-7',
      segments: '1',
    });
    const other = new World({ campaigns: [{ ...campaign, channels: ['email'] }] });
    other.profile({ locale: 'sw' });
    other.ask('c', at('09:00'));
    expect(sent(other)).toEqual({ subject: 'Deni', body: 'u, Loans', locale: 'sw' });
  });

  test('that lacks a value is a bad request, and its steps say which', () => {
    const world = new World({ campaigns: [{ ...campaign, channels: ['sms'] }] });
    world.ask('c', at('09:00'));
    expect(world.told()).toEqual(['c: bad-request']);
    expect(world.last.steps.at(-1)).toEqual({
      gate: 'content',
      verdict: 'block',
      facts: { missing: 'profile.firstName' },
    });
  });

  test('takes the facts of what triggered it', () => {
    const text = '{{ data.eventCount }} events, {{ data.eventTypes.view }} views';
    const world = new World({ campaigns: [{ id: 'c', trigger: { session: 'closed' }, content: { text } }] });
    world.event(at('09:00'));
    world.event(at('09:01'), { type: 'buy' });
    world.driver.advance('2h');
    expect(sent(world)).toMatchObject({ text: '2 events, 1 views' });
  });

  test('is filled in again at the moment of sending, with the profile of that moment', () => {
    const world = new World({ campaigns: [{ ...campaign, ...night, channels: ['sms'] }] });
    world.profile({ attributes: { firstName: 'Amina' } });
    world.ask('c', at('22:00'), { data: { amount: 5 } });
    world.profile({ attributes: { firstName: 'Wanjiru' }, locale: 'sw' });
    world.driver.advance(at('09:00', 1));
    expect(sent(world)).toMatchObject({ text: '5 inadaiwa.', locale: 'sw' });
  });

  test('that lacks a value by then is blocked, and gives its budget back', () => {
    const budget = { total: 1, pacing: 'asap' };
    const world = new World({ campaigns: [{ ...campaign, ...night, budget, channels: ['sms'] }] });
    world.profile({ attributes: { firstName: 'Amina' } });
    world.ask('c', at('22:00'), { data: { amount: 5 } });
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(7500);
    world.profile({ attributes: {} });
    world.driver.advance(at('09:00', 1));
    expect(world.told()).toEqual(['c: scheduled', 'c: bad-request']);
    expect(world.last.steps.at(-1)).toMatchObject({
      gate: 'send',
      verdict: 'block',
      facts: { missing: 'profile.firstName' },
    });
    expect(world.driver.state('default/c', budgetLedger)?.reserved).toBe(0);
    expect(sent(world)).toBeUndefined();
  });

  test('carries its variant from the first decision to the command', () => {
    const variants = [
      { name: 'short', share: '50%', text: 'Hi' },
      { name: 'long', share: '50%', text: 'Hi {{ user.id }}' },
    ];
    const world = new World({ campaigns: [{ id: 'c', ...night, content: { variants } }] });
    world.ask('c', at('22:00'));
    const { variant } = world.last;
    expect(['short', 'long']).toContain(variant);
    world.driver.advance(at('09:00', 1));
    expect(world.last).toMatchObject({ outcome: 'sent', variant });
    expect(world.driver.outputs(sends)[0]).toMatchObject({
      variant,
      content: { text: variant === 'short' ? 'Hi' : 'Hi u' },
    });
  });
});
