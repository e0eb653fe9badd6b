import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localeFor, parentsOf } from './locales.ts';

describe('the locale of a message', () => {
  it('is the user’s, else the nearest parent, else the first', () => {
    const locales = ['en', 'sw', 'pt-BR', 'zh-Hant', 'zh'];
    const served = (wanted: string | null): string => localeFor(locales, wanted);
    expect(['sw', 'sw-KE', 'pt-BR', 'pt-PT', 'pt', 'zh-Hant-TW', 'zh-Hans', 'fr', null].map(served)).toEqual([
      'sw',
      'sw',
      'pt-BR',
      'en',
      'en',
      'zh-Hant',
      'zh',
      'en',
      'en',
    ]);
    expect(['SW-ke', 'sw_KE', 'PT_br'].map(served)).toEqual(['sw', 'sw', 'pt-BR']);
    expect(parentsOf('zh-Hant-TW')).toEqual(['zh-hant-tw', 'zh-hant', 'zh']);
  });

  it('is the longest of the message’s that the user’s begins with', () => {
    const tag = fc
      .array(fc.constantFrom('aa', 'bb', 'cc'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('-'));
    fc.assert(
      fc.property(fc.uniqueArray(tag, { minLength: 1, maxLength: 6 }), tag, (locales, wanted) => {
        const fitting = locales.filter((one) => `${wanted}-`.startsWith(`${one}-`));
        const [longest] = [...fitting].sort((a, b) => b.length - a.length);
        expect(localeFor(locales, wanted)).toBe(longest ?? locales[0]);
      }),
    );
  });
});
