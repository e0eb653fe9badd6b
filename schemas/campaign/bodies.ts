// A template of the campaign's own: its texts by locale and channel, as templates/NAME.yaml holds them.
import { z } from 'zod';
import { type Parsed, quoted, readModel, said } from '../problems.ts';
import { textFaults } from './variables.ts';

/** Texts by field, each a Liquid template: `text` alone, or `subject` and `body`, `title` and `body`. */
export type Body = Readonly<Record<string, string>>;
/** By locale, then by channel or `default`. */
export type Bodies = Readonly<Record<string, Readonly<Record<string, Body>>>>;

export const DEFAULT_BODY = 'default';
/** Its values are written for HTML. */
const ESCAPED_FIELD = 'html';

export const LOCALE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;
export const LOCALE_MEND = 'write a BCP 47 tag, such as en or sw-KE';
const CHANNEL = /^[a-z0-9][a-z0-9-]{0,39}$/;
const FIELD = /^[a-z][A-Za-z0-9]{0,39}$/;
/** What the pipeline adds to a message. */
const TAKEN = ['locale', 'template', 'segments', 'encoding'];

type Refuse = (path: readonly string[], reason: string, mend: string) => void;
type Tree = Readonly<Record<string, unknown>>;

export function escapes(field: string): boolean {
  return field === ESCAPED_FIELD;
}

/** `locale: channel: text or fields`. Text in the place of channels is the default for all. */
export const bodies: z.ZodType<Bodies> = z.unknown().transform((value, ctx): Bodies => {
  const refuse: Refuse = (path, reason, mend) => {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path: [...path], input: value });
  };
  const locales = keysOf(value, [], 'texts by locale, as in en: { default: "…" }', refuse);
  return Object.fromEntries(
    Object.entries(locales).map(([locale, written]) => {
      if (!LOCALE.test(locale)) refuse([locale], `${quoted(locale)} is not a locale`, LOCALE_MEND);
      const channels = typeof written === 'string' ? { [DEFAULT_BODY]: written } : written;
      const found = keysOf(channels, [locale], 'texts by channel, or default: "…"', refuse);
      return [locale, Object.fromEntries(Object.entries(found).map((one) => bodyOf(one, locale, refuse)))];
    }),
  );
});

/** The bodies of a template's file by themselves; never throws. */
export function parseBodies(input: unknown): Parsed<Bodies> {
  return readModel(bodies, input);
}

function bodyOf([channel, written]: [string, unknown], locale: string, refuse: Refuse): [string, Body] {
  const at = [locale, channel];
  if (!CHANNEL.test(channel)) refuse(at, `${quoted(channel)} is not a channel's id`, 'write a channel, or default');
  if (typeof written === 'string') return [channel, { text: textOf(written, at, false, refuse) }];
  const fields = keysOf(written, at, 'a text, or texts by field, as in { subject: "…", body: "…" }', refuse);
  return [
    channel,
    Object.fromEntries(
      Object.entries(fields).map(([field, text]) => {
        const place = [...at, field];
        if (TAKEN.includes(field)) refuse(place, 'is added by itself', 'give the field another name');
        else if (!FIELD.test(field)) refuse(place, `${quoted(field)} is no name of a field`, 'write it as in subject');
        return [field, textOf(text, place, escapes(field), refuse)];
      }),
    ),
  ];
}

function textOf(text: unknown, path: readonly string[], escaped: boolean, refuse: Refuse): string {
  if (typeof text !== 'string') {
    refuse(path, `is ${quoted(text)}, not text`, 'write text (in quotes)');
    return '';
  }
  if (text.trim() === '') refuse(path, 'is empty', 'write a text');
  for (const [reason, mend] of textFaults(text, escaped)) refuse(path, reason, mend);
  return text;
}

/** The keys and values of an object that has any; refused and empty otherwise. */
function keysOf(value: unknown, path: readonly string[], mend: string, refuse: Refuse): Tree {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (Object.keys(value).length === 0) refuse(path, 'is empty', `write ${mend}`);
    // A key that objects have anyway is refused below as any other that is no locale, channel or field.
    return value as Tree;
  }
  // A text in the place of structure may be a message's: it is not repeated.
  const found = typeof value === 'string' ? 'text' : value === undefined ? 'missing' : quoted(value);
  refuse(path, value === null ? 'has no value' : `is ${found}`, `write ${mend}`);
  return {};
}
