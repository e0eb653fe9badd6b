// Liquid templates: parsed and checked once, rendered without clock, chance or I/O, and within limits.
import { Context, Liquid, type Template as Node, RenderError, UndefinedVariableError } from 'liquidjs';
import { hint } from '../problems.ts';
import { dateDirectives, FILTERS, formatDate, TAGS, TemplateFault, unknownDirective } from './filters.ts';
import { type Use, usesOf } from './uses.ts';

/** Characters of a template, and of what it gives. */
export const MAX_LENGTH = 100_000;
/** What the filters of one rendering may allocate, as the library counts it: characters and entries. */
const MAX_ALLOCATED = 1_000_000;

/** A template that was parsed; made by `parseTemplate`. */
export interface Template {
  readonly nodes: readonly Node[];
  readonly escapes: boolean;
  readonly variables: readonly Use[];
}

export type ParsedTemplate =
  | { readonly ok: true; readonly template: Template }
  | { readonly ok: false; readonly faults: readonly (readonly [reason: string, mend: string])[] };

/** A variable's value; undefined and null where there is none. */
export type Values = (path: readonly string[]) => unknown;

export interface Reader {
  /** IANA name. */
  readonly zone: string;
  /** BCP 47 tag, for the names of months and days. */
  readonly locale: string;
}

export type Rendered =
  | { readonly ok: true; readonly text: string }
  /** `missing`: the variable's name; else `failed`: why, in words without a user's values. */
  | { readonly ok: false; readonly missing: string }
  | { readonly ok: false; readonly failed: string };

const READER = 'reader';

/** With `escapes`, values are written for HTML unless the filter raw ends them. */
function engine(escapes: boolean): Liquid {
  const liquid = new Liquid({
    strictFilters: true,
    strictVariables: true,
    // A variable that a condition or the filter default asks for may be missing.
    lenientIf: true,
    ownPropertyOnly: true,
    memoryLimit: MAX_ALLOCATED,
    ...(escapes ? { outputEscape: 'escape' as const } : {}),
  });
  for (const name of Object.keys(liquid.tags)) {
    if (!(TAGS as readonly string[]).includes(name)) Reflect.deleteProperty(liquid.tags, name);
  }
  for (const name of Object.keys(liquid.filters)) {
    if (!(FILTERS as readonly string[]).includes(name)) liquid.unregisterFilter(name);
  }
  liquid.registerFilter('date', function (value: unknown, format: unknown) {
    const { zone, locale } = this.context.getRegister<Reader>(READER);
    return formatDate(value, format, zone, locale);
  });
  return liquid;
}

const plain = engine(false);
const html = engine(true);

/** Whether a text has anything to fill in. */
export function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%');
}

/** Never throws: what is wrong comes with how to mend it. */
export function parseTemplate(text: string, escapes = false): ParsedTemplate {
  if (text.length > MAX_LENGTH) {
    const reason = `has ${text.length} characters, more than ${MAX_LENGTH}`;
    return { ok: false, faults: [[reason, 'write a shorter text']] };
  }
  let nodes: readonly Node[];
  try {
    nodes = (escapes ? html : plain).parse(text);
  } catch (error) {
    return { ok: false, faults: [syntaxFault(error as Error)] };
  }
  const { variables, faults, dateFormats } = usesOf(nodes);
  const all = [...faults, ...dateFormats.flatMap(dateFault)];
  return all.length > 0 ? { ok: false, faults: all } : { ok: true, template: { nodes, escapes, variables } };
}

function dateFault(format: string | undefined): [string, string][] {
  const known = `write one of ${dateDirectives.join(' ')}`;
  if (format === undefined) return [['uses date without a format', 'write it in quotes, as in date: "%d %B %Y"']];
  const unknown = unknownDirective(format);
  return unknown === undefined ? [] : [[`date does not know ${unknown}`, known]];
}

function syntaxFault({ message }: Error): [reason: string, mend: string] {
  const [, kind, name] = /^(?:undefined (filter): |tag "?)([^",]{1,40})/.exec(message) ?? [];
  const at = /, line:(\d+), col:(\d+)/.exec(message);
  const where = at === null ? '' : `, in line ${at[1]}, column ${at[2]}`;
  if (kind === 'filter') return [`has no filter "${oneLine(name)}"${where}`, hint(name, FILTERS)];
  if (/^tag "[^"]*" not found/.test(message)) return [`has no tag "${oneLine(name)}"${where}`, hint(name, TAGS)];
  const what = oneLine(message.replace(/, line:\d+.*$/s, '')).slice(0, 80);
  return [`is no valid template: ${what}${where}`, 'mend its syntax; text in {% raw %}…{% endraw %} stays as it is'];
}

function oneLine(text: string | undefined): string {
  return (text ?? '').replaceAll(/\s+/g, ' ').trim();
}

/** Fills in the template. Never throws. */
export function render({ nodes, escapes, variables }: Template, values: Values, reader: Reader): Rendered {
  const liquid = escapes ? html : plain;
  try {
    const context = new Context(scopeOf(variables, values), liquid.options, { sync: true }, { liquid });
    context.setRegister(READER, reader);
    const text = String(liquid.renderSync([...nodes], context));
    return text.length > MAX_LENGTH ? { ok: false, failed: 'the text is too long' } : { ok: true, text };
  } catch (error) {
    return failureOf(error);
  }
}

/**
 * Only what the template names. What is missing is undefined, as the library takes null for a value, and for "size" of nothing
 * would count the names.
 */
function scopeOf(variables: readonly Use[], values: Values): object {
  const scope: Scope = Object.create(null);
  for (const { path } of variables) put(scope, path, values(path) ?? undefined);
  return scope;
}

type Scope = { [name: string]: unknown };

function put(scope: Scope, [name = '', ...rest]: readonly string[], value: unknown): void {
  const there = scope[name];
  if (rest.length === 0) scope[name] = value ?? there;
  // A value that is text or a number has no names below it.
  else if (there === undefined || typeof there === 'object') {
    const inner: Scope = (there as Scope | undefined) ?? Object.create(null);
    scope[name] = inner;
    put(inner, rest, value);
  }
}

function failureOf(error: unknown): Rendered {
  if (error instanceof UndefinedVariableError) {
    const name = /^undefined variable: ([^,]{1,200})/.exec(error.message)?.[1] ?? 'a variable';
    return { ok: false, missing: oneLine(name) };
  }
  const cause = error instanceof RenderError ? error.originalError : error;
  if (cause instanceof UndefinedVariableError) return failureOf(cause);
  if (cause instanceof TemplateFault) return { ok: false, failed: cause.message };
  return { ok: false, failed: 'the template could not be filled in' };
}
