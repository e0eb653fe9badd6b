import { describe, expect, it } from 'vitest';
import { campaignFromJson, campaignToJson, parseCampaign } from '../campaign.ts';

const least = { id: 'a', trigger: { event: 'x' }, channels: ['sms', 'email'] };
const bodies = {
  en: { default: 'Hi {{ profile.name }}', email: { subject: 'Hello', body: 'Dear {{ profile.name }}' } },
  sw: 'Habari',
};

function refusals(over: object): string[] {
  const parsed = parseCampaign({ ...least, ...over });
  return parsed.ok ? [] : parsed.problems.map(({ path, reason, mend }) => `${path}: ${reason} (${mend})`);
}

const refused = (content: unknown, over: object = {}): string => refusals({ content, ...over }).join('\n');

describe('content', () => {
  it('is a text, a template of the provider, bodies by locale and channel, or variants of these', () => {
    const contents = [
      [{ text: 'hi' }, { text: 'hi' }],
      [{ template: 'hi' }, { template: 'hi', locales: ['en'] }],
      [
        { template: 'hi', bodies },
        {
          template: 'hi',
          locales: ['en', 'sw'],
          bodies: {
            en: { default: { text: bodies.en.default }, email: bodies.en.email },
            sw: { default: { text: 'Habari' } },
          },
        },
      ],
      [
        {
          variants: [
            { name: 'a', share: '25%', text: 'hi' },
            { name: 'b', share: 0.75, bodies: { sw: 'Habari' } },
          ],
        },
        {
          variants: [
            { name: 'a', share: 0.25, text: 'hi' },
            { name: 'b', share: 0.75, locales: ['sw'], bodies: { sw: { default: { text: 'Habari' } } } },
          ],
        },
      ],
    ];
    for (const [written, normal] of contents) {
      const parsed = parseCampaign({ ...least, content: written });
      expect(parsed.ok ? parsed.value.content : parsed.problems).toEqual(normal);
      if (parsed.ok) expect(campaignFromJson(campaignToJson(parsed.value))).toEqual(parsed);
    }
  });

  it('takes the locales it lists, in that order, and names those that are not there', () => {
    const parsed = parseCampaign({
      ...least,
      content: { locales: ['sw', 'en'], bodies: { ...bodies, fr: 'Bonjour' } },
    });
    expect(parsed.ok && Object.keys((parsed.value.content as { bodies: object }).bodies)).toEqual(['sw', 'en']);
    expect(refused({ locales: ['en', 'fr'], bodies })).toBe(
      'content.locales[1]: "fr" is not in the template (it has en, sw: add fr there, or leave it out here)',
    );
  });

  it('has a body or a default for every channel in every locale', () => {
    expect(refused({ bodies: { en: bodies.en, sw: { email: 'Habari' } } })).toBe(
      'content.bodies.sw: has no text for sms (add sms: or default:)',
    );
    expect(refused({ bodies: { en: { default: 'a', smss: 'b' } } })).toMatch(
      /^content\.bodies\.en\.smss: "smss" is not a known channel \(did you mean "sms"\?\)$/,
    );
  });

  it.each([
    [{ text: '{{ nme }}' }, /^content\.text: nothing is called nme \(write one of: profile, data, user, campaign\)$/],
    [{ text: '{{ dat.x }}' }, /^content\.text: nothing is called dat \(did you mean "data"\?\)$/],
    [{ text: '{{ user.name }}' }, /^content\.text: user has no name \(/],
    [{ text: '{{ campaign }}' }, /^content\.text: campaign has no value by itself/],
    [{ text: '{{ profile }}' }, /^content\.text: profile is no value by itself \(name what you want of it/],
    [{ text: '{{ data.x | upcas }}' }, /^content\.text: has no filter "upcas"/],
    [{ text: '{{ "now" | date: "%Y" }}' }, /^content\.text: can't be filled in: the value of a date is none/],
    [{ bodies: { en: { default: { body: '{{ x }}' } } } }, /^content\.bodies\.en\.default\.body: nothing is called x/],
    [{ bodies: { english: 'a' } }, /^content\.bodies\.english: "english" is not a locale/],
    [{ bodies: { en: {} } }, /^content\.bodies\.en: is empty/],
    [{ bodies: { en: { default: { Subject: 'a' } } } }, /"Subject" is no name of a field/],
    [{ bodies: { en: { default: { locale: 'a' } } } }, /\.locale: is added by itself/],
    [{ bodies: { en: { default: { body: 5 } } } }, /\.body: is 5, not text/],
    [{ bodies: { en: { default: ' ' } } }, /^content\.bodies\.en\.default: is empty/],
    [{ bodies: [] }, /^content\.bodies: is a list/],
    [{ text: 'a', bodies }, /^content: mixes text/],
    [{ variants: [] }, /^content\.variants: is empty/],
    [{ variants: [{ name: 'a', share: '50%', text: 'a' }] }, /^content\.variants: shares add up to 50 %/],
    [{ variants: [{ name: 'a', share: 1, text: 'a' }], text: 'b' }, /^content: mixes variants with text/],
    [
      { variants: [{ name: 'a b', share: 1, text: 'a' }] },
      /^content\.variants\[0\]\.name: "a b" is not a variant's name/,
    ],
    [{ variants: [{ name: 'a', share: 1 }] }, /^content\.variants\[0\]: has neither text nor template/],
    [
      { variants: ['a', 'a'].map((name) => ({ name, share: '50%', text: 'x' })) },
      /^content\.variants\[1\]\.name: "a" is there twice/,
    ],
  ])('%j is refused with its place and mend', (content, expected) => {
    expect(refused(content)).toMatch(expected);
  });
});

describe('variables that a trigger never gives', () => {
  const session = { trigger: { session: 'closed' } };
  const inactive = { trigger: { signal: 'inactive', after: '7d' } };

  it('are an error where the text needs them', () => {
    expect(refused({ text: '{{ data.amount }}' }, session)).toMatch(
      /^content\.text: data\.amount is not among the facts of a closed session \(write one of data\.startedAt, /,
    );
    expect(refused({ text: '{{ data.silentMs }}' }, inactive)).toMatch(/the signal inactive/);
    expect(refused({ bodies: { en: 'a', sw: '{{ data.q }}' } }, { trigger: { signal: 'returned' } })).toMatch(
      /^content\.bodies\.sw\.default\.text: data\.q is not among the facts of the signal returned/,
    );
    expect(refused({ text: '{{ data.q }}' }, { trigger: { segment: 'vip' } })).toMatch(
      /^content\.text: data\.q is not among the facts of segment vip \(write one of data\.segment; or add/,
    );
    expect(refused({ text: '{{ data.q }}' }, { trigger: { schedule: { every: 'day', at: '09:00' } } })).toMatch(
      /^content\.text: data\.q is not among the facts of a schedule, which has none \(take it of the profile; or add/,
    );
  });

  it('are none where it can do without them, where they are facts, or where anything may come', () => {
    for (const text of [
      '{{ data.eventCount }} {{ data.eventTypes.view }} {{ data["eventTypes.add to cart"] }}',
      '{{ data.amount | default: 0 }}',
      '{% if data.amount %}{{ data.amount }}{% endif %}',
    ]) {
      expect(refused({ text }, session)).toBe('');
    }
    expect(refused({ text: '{{ data.threshold }} {{ data.lastSeenAt | date: "%d" }}' }, inactive)).toBe('');
    for (const trigger of [{ event: 'x' }, { api: true }])
      expect(refused({ text: '{{ data.q }}' }, { trigger })).toBe('');
  });
});
