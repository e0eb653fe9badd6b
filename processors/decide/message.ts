// What a message says on a channel, filled in for its user at one moment.
import { type Bodies, DEFAULT_BODY, escapes } from '../../schemas/campaign/bodies.ts';
import { type Content, type Message, messagesOf } from '../../schemas/campaign/content.ts';
import { localeFor } from '../../schemas/locales.ts';
import { smsSize } from '../../schemas/sms.ts';
import { parseTemplate, render, type Template, type Values } from '../../schemas/template/template.ts';
import type { SendCommand } from '../../schemas/types.ts';
import { attributeOf } from '../../schemas/user-facts.ts';
import type { Case } from './gate.ts';
import { variantOf } from './variant.ts';

export type Fields = SendCommand['content'];

/** `missing`: the variable that has no value; else `failed`: why. Both are safe to tell: they hold no user's values. */
export type Filled =
  | { readonly ok: true; readonly fields: Fields }
  | { readonly ok: false; readonly facts: { readonly missing: string } | { readonly failed: string } };

/** One channel's texts in one locale, parsed. */
interface Body {
  readonly locale: string | null;
  readonly templates: readonly (readonly [field: string, template: Template])[];
  /** What it reads for everybody, by whether it goes by SMS; undefined where it has variables. */
  readonly fixed: { readonly sms: Fields; readonly other: Fields } | undefined;
}

/** The body for a channel and a user's locale. */
type Compiled = (channel: string, locale: string | null) => Body;

interface CompiledContent {
  readonly hasVariables: boolean;
  readonly messageOf: (variant: string | null) => Compiled;
}

/** Parsed once for each definition in force. */
const compiled = new WeakMap<Content, CompiledContent>();

/** Whether what the content says depends on user or request, so that it may fail. */
export function hasVariables(content: Content): boolean {
  return compile(content).hasVariables;
}

/** The message on a channel for the case's user, profile and request. */
export function fill(c: Case, channel: string): Filled {
  const { campaign, profile, request, zone } = c;
  const body = compile(campaign.content).messageOf(variantOf(campaign, request))(channel, profile?.locale ?? null);
  const { fixed, locale, templates } = body;
  if (fixed !== undefined) return { ok: true, fields: channel === SMS ? fixed.sms : fixed.other };
  const values = valuesOf(c);
  const reader = { zone: zone.name, locale: locale ?? 'en' };
  const fields: Record<string, string> = {};
  for (const [field, template] of templates) {
    const rendered = render(template, values, reader);
    if (!rendered.ok) {
      return { ok: false, facts: 'missing' in rendered ? { missing: rendered.missing } : { failed: rendered.failed } };
    }
    fields[field] = rendered.text;
  }
  return { ok: true, fields: completed(fields, locale, channel === SMS) };
}

function valuesOf({ profile, request, campaign }: Case): Values {
  return ([root, ...rest]) => {
    const name = rest.join('.');
    switch (root) {
      case 'profile':
        return attributeOf(profile, name);
      case 'data':
        return Object.hasOwn(request.data, name) ? request.data[name] : null;
      case 'user':
        return request.userId;
      case 'campaign':
        return name === 'id' ? campaign.id : campaign.name;
      default:
        return null;
    }
  };
}

const SMS = 'sms';

function completed(texts: Fields, locale: string | null, isSms: boolean): Fields {
  const text = texts.text ?? texts.body;
  const size = isSms && text !== undefined ? smsSize(text) : undefined;
  return {
    ...texts,
    ...(locale === null ? {} : { locale }),
    ...(size === undefined ? {} : { encoding: size.encoding, segments: String(size.segments) }),
  };
}

function compile(content: Content): CompiledContent {
  let known = compiled.get(content);
  if (known === undefined) {
    const bodies: Body[] = [];
    const messages = messagesOf(content).map(([, message]) => {
      const all = compileMessage(message);
      bodies.push(...all.bodies);
      return all.find;
    });
    const names = 'variants' in content ? content.variants.map(({ name }) => name) : [];
    known = {
      hasVariables: bodies.some(({ fixed }) => fixed === undefined),
      messageOf: (variant) => messages[variant === null ? 0 : names.indexOf(variant)] as Compiled,
    };
    compiled.set(content, known);
  }
  return known;
}

function compileMessage(message: Message): { readonly bodies: readonly Body[]; readonly find: Compiled } {
  if ('text' in message) {
    const body = bodyOf({ text: message.text }, null);
    return { bodies: [body], find: () => body };
  }
  if (!('bodies' in message)) {
    const { template, locales } = message;
    const named = new Map(
      locales.map((locale): [string, Body] => {
        const fields = { template, locale };
        return [locale, { locale, templates: [], fixed: { sms: fields, other: fields } }];
      }),
    );
    return { bodies: [], find: (_, locale) => named.get(localeFor(locales, locale)) as Body };
  }
  const { locales } = message;
  const byLocale = new Map(locales.map((locale) => [locale, channelsOf(message.bodies, locale)]));
  const find: Compiled = (channel, locale) => {
    const byChannel = byLocale.get(localeFor(locales, locale)) as ReadonlyMap<string, Body>;
    return (byChannel.get(channel) ?? byChannel.get(DEFAULT_BODY)) as Body;
  };
  return { bodies: [...byLocale.values()].flatMap((byChannel) => [...byChannel.values()]), find };
}

function channelsOf(bodies: Bodies, locale: string): ReadonlyMap<string, Body> {
  const byChannel = Object.entries(bodies[locale] ?? {});
  return new Map(byChannel.map(([channel, fields]) => [channel, bodyOf(fields, locale)]));
}

function bodyOf(fields: Fields, locale: string | null): Body {
  const templates = Object.entries(fields).map(([field, text]): [string, Template] => {
    const parsed = parseTemplate(text, escapes(field));
    // The campaign's model has checked it.
    if (!parsed.ok) throw new Error(parsed.faults[0]?.[0]);
    return [field, parsed.template];
  });
  const isFixed = templates.every(([, { variables }]) => variables.length === 0);
  return { locale, templates, fixed: isFixed ? fixedOf(templates, locale) : undefined };
}

function fixedOf(templates: Body['templates'], locale: string | null): Body['fixed'] {
  const texts = templates.map(([field, template]): [string, string] => {
    const rendered = render(template, () => undefined, { zone: 'UTC', locale: locale ?? 'en' });
    if (!rendered.ok) throw new Error('the content can never be filled in');
    return [field, rendered.text];
  });
  const fields = Object.fromEntries(texts);
  return { sms: completed(fields, locale, true), other: completed(fields, locale, false) };
}
