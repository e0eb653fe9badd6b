// What a campaign's message says.
import { z } from 'zod';
import { share, strict } from '../file-values.ts';
import { quoted, said } from '../problems.ts';
import { parseTemplate, render } from '../template/template.ts';
import type { Use } from '../template/uses.ts';
import { type Bodies, bodies, DEFAULT_BODY, escapes, LOCALE, LOCALE_MEND } from './bodies.ts';
import type { Trigger } from './trigger.ts';
import { distinct, words } from './values.ts';
import { impossible, textFaults } from './variables.ts';

/** The same text for everybody, but for its variables: a Liquid template. */
export interface TextMessage {
  readonly text: string;
}

/** A template that the provider knows by its name. */
export interface ProviderMessage {
  readonly template: string;
  /** At least one; the first serves users of every other locale. */
  readonly locales: readonly string[];
}

/** A template of the campaign's own. Every locale has a body, or a default, for every channel of the campaign. */
export interface BodiesMessage {
  readonly template?: string;
  /** Those of `bodies`; the first serves users of every other locale. */
  readonly locales: readonly string[];
  readonly bodies: Bodies;
}

export type Message = TextMessage | ProviderMessage | BodiesMessage;

/** `share`: of users, from 0 to 1; the shares of a campaign's variants add up to 1. */
export type Variant = Message & { readonly name: string; readonly share: number };

export type Content = Message | { readonly variants: readonly Variant[] };

const locale = z.string().regex(LOCALE, {
  error: (issue) => said(`${quoted(issue.input)} is not a locale`, LOCALE_MEND),
});

const text = words.superRefine((written, ctx) => {
  for (const [reason, mend] of textFaults(written, false))
    ctx.addIssue({ code: 'custom', message: said(reason, mend) });
});

const message = {
  text: text.optional(),
  template: words.optional(),
  locales: distinct(z.array(locale).min(1)).optional(),
  bodies: bodies.optional(),
};

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/, {
  error: (issue) =>
    said(`${quoted(issue.input)} is not a variant's name`, 'write letters, digits, "_" or "-", such as a'),
});

type Written = z.output<z.ZodObject<typeof message>>;
type Refuse = (path: readonly (string | number)[], reason: string, mend: string) => void;

const variant = strict({ name, share, ...message }).transform(({ name, share, ...written }, ctx): Variant => {
  const read = messageOf(written, refusal(ctx));
  return read === undefined ? z.NEVER : { name, share, ...read };
});

export const content = strict({ ...message, variants: z.array(variant).min(1).optional() }).transform(
  ({ variants, ...written }, ctx): Content => {
    const refuse = refusal(ctx);
    if (variants === undefined) return messageOf(written, refuse) ?? z.NEVER;
    const others = Object.entries(written).flatMap(([key, value]) => (value === undefined ? [] : [key]));
    if (others.length > 0) refuse([], `mixes variants with ${others.join(' and ')}`, 'put each into a variant');
    checkVariants(variants, refuse);
    return { variants };
  },
);

function refusal(ctx: { readonly issues: z.core.$ZodRawIssue[] }): Refuse {
  return (path, reason, mend) => {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path: [...path], input: undefined });
  };
}

function messageOf({ text, template, locales, bodies }: Written, refuse: Refuse): Message | undefined {
  if (text !== undefined) {
    if (template === undefined && locales === undefined && bodies === undefined) return { text };
    refuse([], 'mixes text with template or locales', 'give text, or template and its locales');
    return undefined;
  }
  if (bodies !== undefined) return withBodies(bodies, template, locales, refuse);
  if (template !== undefined) return { template, locales: locales ?? ['en'] };
  refuse([], 'has neither text nor template', 'give text, or template and its locales');
  return undefined;
}

function withBodies(
  bodies: Bodies,
  template: string | undefined,
  wanted: readonly string[] | undefined,
  refuse: Refuse,
): BodiesMessage | undefined {
  const there = Object.keys(bodies);
  const locales = wanted ?? there;
  const absent = locales.filter((one) => !Object.hasOwn(bodies, one));
  for (const one of absent) {
    const mend = `it has ${there.join(', ')}: add ${one} there, or leave it out here`;
    refuse(['locales', locales.indexOf(one)], `${quoted(one)} is not in the template`, mend);
  }
  if (absent.length > 0) return undefined;
  const used = Object.fromEntries(locales.map((one) => [one, bodies[one] as Bodies[string]]));
  return { ...(template === undefined ? {} : { template }), locales, bodies: used };
}

/** What binary fractions lose of shares that add up to one. */
const ROUNDING = 1e-9;

function checkVariants(variants: readonly Variant[], refuse: Refuse): void {
  const names = variants.map(({ name }) => name);
  names.forEach((name, i) => {
    if (names.indexOf(name) !== i) refuse(['variants', i, 'name'], `${quoted(name)} is there twice`, 'rename one');
  });
  const sum = variants.reduce((total, { share }) => total + share, 0);
  if (Math.abs(sum - 1) > ROUNDING) {
    const percent = Number((sum * 100).toFixed(6));
    refuse(['variants'], `shares add up to ${percent} %`, 'let them add up to 100 %; a holdout is a key of its own');
  }
}

/** One text of a content, with the channels of the campaign that it is for. */
export interface PlacedText {
  /** Within the content. */
  readonly path: readonly (string | number)[];
  readonly text: string;
  readonly field: string;
  readonly channels: readonly string[];
}

/** Every text that a content may send on the channels, each once; none of a provider's template. */
export function textsOf(content: Content, channels: readonly string[]): readonly PlacedText[] {
  return messagesOf(content).flatMap(([at, message]): PlacedText[] => {
    if ('text' in message) return [{ path: [...at, 'text'], text: message.text, field: 'text', channels }];
    if (!('bodies' in message)) return [];
    return Object.entries(message.bodies).flatMap(([locale, byChannel]) =>
      Object.entries(byChannel).flatMap(([channel, body]) => {
        const served =
          channel === DEFAULT_BODY
            ? channels.filter((one) => !Object.hasOwn(byChannel, one))
            : channels.filter((one) => one === channel);
        return Object.entries(body).map(([field, text]) => ({
          path: [...at, 'bodies', locale, channel, field],
          text,
          field,
          channels: served,
        }));
      }),
    );
  });
}

/** The messages of a content and where they are in it: one, or that of each variant. */
export function messagesOf(content: Content): readonly (readonly [path: readonly (string | number)[], Message])[] {
  if (!('variants' in content)) return [[[], content]];
  return content.variants.map((variant, i) => [['variants', i], variant]);
}

/** What a content and the rest of its campaign contradict each other in: paths within the content, reason and mend. */
export function contentFaults(
  content: Content,
  trigger: Trigger,
  channels: readonly string[],
): readonly (readonly [path: readonly (string | number)[], reason: string, mend: string])[] {
  const silent = messagesOf(content).flatMap(([at, message]) =>
    'bodies' in message
      ? Object.entries(message.bodies).flatMap(([locale, byChannel]) =>
          channels
            .filter((one) => !Object.hasOwn(byChannel, one) && !Object.hasOwn(byChannel, DEFAULT_BODY))
            .map((one) => {
              const path = [...at, 'bodies', locale];
              return [path, `has no text for ${one}`, `add ${one}: or ${DEFAULT_BODY}:`] as const;
            }),
        )
      : [],
  );
  const lacking = textsOf(content, channels).flatMap(({ path, text, field, channels: served }) =>
    served.length === 0
      ? []
      : impossible(usesIn(text, field), trigger).map(([reason, mend]) => [path, reason, mend] as const),
  );
  return [...silent, ...lacking];
}

/** The channels that a content has bodies for, with their places in it. */
export function channelsOfTexts(content: Content): readonly (readonly [path: readonly (string | number)[], string])[] {
  return messagesOf(content).flatMap(([at, message]) =>
    'bodies' in message
      ? Object.entries(message.bodies).flatMap(([locale, byChannel]) =>
          Object.keys(byChannel)
            .filter((channel) => channel !== DEFAULT_BODY)
            .map((channel) => [[...at, 'bodies', locale, channel], channel] as const),
        )
      : [],
  );
}

/** What a text reads for everybody; undefined where it has variables. */
export function fixedText({ text, field }: PlacedText): string | undefined {
  const parsed = parseTemplate(text, escapes(field));
  if (!parsed.ok || parsed.template.variables.length > 0) return undefined;
  const rendered = render(parsed.template, () => undefined, { zone: 'UTC', locale: 'en' });
  return rendered.ok ? rendered.text : undefined;
}

function usesIn(text: string, field: string): readonly Use[] {
  const parsed = parseTemplate(text, escapes(field));
  return parsed.ok ? parsed.template.variables : [];
}
