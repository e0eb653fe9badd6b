// What a template may use: tags and filters that depend on nothing but their input, so that a replay gives the same text.
import { DateTime } from 'luxon';

/** No loops: what a template gets are single values. No includes: a template is all in one place. */
export const TAGS = ['if', 'unless', 'case', 'assign', 'capture', 'comment', 'raw', '#'] as const;

/** Those of the library that have neither clock nor chance and count what they allocate; `date` is ours. */
export const FILTERS = [
  'abs',
  'append',
  'at_least',
  'at_most',
  'capitalize',
  'ceil',
  'date',
  'default',
  'divided_by',
  'downcase',
  'escape',
  'first',
  'floor',
  'last',
  'lstrip',
  'minus',
  'modulo',
  'newline_to_br',
  'plus',
  'prepend',
  'raw',
  'remove',
  'remove_first',
  'replace',
  'replace_first',
  'round',
  'rstrip',
  'size',
  'slice',
  'split',
  'squish',
  'strip',
  'strip_html',
  'strip_newlines',
  'times',
  'truncate',
  'truncatewords',
  'upcase',
  'url_encode',
] as const;

/** The date's parts, as strftime names them, in the words of luxon. */
const DIRECTIVES: Readonly<Record<string, string>> = {
  '%Y': 'yyyy',
  '%y': 'yy',
  '%m': 'MM',
  '%-m': 'M',
  '%d': 'dd',
  '%-d': 'd',
  '%e': 'd',
  '%B': 'MMMM',
  '%b': 'MMM',
  '%A': 'EEEE',
  '%a': 'EEE',
  '%H': 'HH',
  '%-H': 'H',
  '%I': 'hh',
  '%-I': 'h',
  '%l': 'h',
  '%M': 'mm',
  '%S': 'ss',
  '%p': 'a',
  '%j': 'ooo',
  '%Z': 'ZZZZ',
};

const DIRECTIVE = /%(-?.)?/gsu;

/** The first directive of a format that is none of ours; undefined when all are. */
export function unknownDirective(format: string): string | undefined {
  return format.match(DIRECTIVE)?.find((one) => one !== '%%' && !Object.hasOwn(DIRECTIVES, one));
}

export const dateDirectives: readonly string[] = [...Object.keys(DIRECTIVES), '%%'];

/** Why a text could not be made. Its message names what the template says, never a user's value. */
export class TemplateFault extends Error {
  override readonly name = 'TemplateFault';
}

/** Numbers are epoch ms; text is ISO-8601, at local time where it names no zone. Throws `TemplateFault`. */
export function formatDate(value: unknown, format: unknown, zone: string, locale: string): string {
  if (typeof format !== 'string') throw new TemplateFault('date has no format');
  const unknown = unknownDirective(format);
  if (unknown !== undefined) throw new TemplateFault(`date does not know ${unknown}`);
  const at =
    typeof value === 'number'
      ? DateTime.fromMillis(value, { zone, locale })
      : DateTime.fromISO(typeof value === 'string' ? value : '', { zone, locale });
  if (!at.isValid) throw new TemplateFault('the value of a date is none');
  return format.replaceAll(DIRECTIVE, (one) => (one === '%%' ? '%' : at.toFormat(DIRECTIVES[one] as string)));
}
