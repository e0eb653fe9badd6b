// What a campaign's message says.
import { z } from 'zod';
import { strict } from '../file-values.ts';
import { quoted, said } from '../problems.ts';
import { distinct, words } from './values.ts';

export type Content =
  | { readonly text: string }
  | {
      readonly template: string;
      /** At least one; the first serves users of every other locale. */
      readonly locales: readonly string[];
    };

const locale = z.string().regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, {
  error: (issue) => said(`${quoted(issue.input)} is not a locale`, 'write a BCP 47 tag, such as en or sw-KE'),
});

export const content = strict({
  text: words.optional(),
  template: words.optional(),
  locales: distinct(z.array(locale).min(1)).optional(),
}).transform(({ text, template, locales }, ctx): Content => {
  if (template !== undefined && text === undefined) return { template, locales: locales ?? ['en'] };
  if (text !== undefined && template === undefined && locales === undefined) return { text };
  const reason = text === undefined ? 'has neither text nor template' : 'mixes text with template or locales';
  ctx.issues.push({ code: 'custom', message: said(reason, 'give text, or template and its locales'), input: text });
  return z.NEVER;
});
