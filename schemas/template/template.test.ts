import { describe, expect, it } from 'vitest';
import { MAX_LENGTH, parseTemplate, type Rendered, render } from './template.ts';

const VALUES: Readonly<Record<string, unknown>> = {
  'profile.name': 'Amina <Wanjiru>',
  'data.amount': 1200,
  'data.absent': null,
  'data.dueAt': Date.parse('2026-03-02T22:30:00Z'),
  'data.day': '2026-03-02',
  'data.text': 'some words',
};

function rendered(text: string, escapes = false, locale = 'en'): Rendered {
  const parsed = parseTemplate(text, escapes);
  if (!parsed.ok) throw new Error(parsed.faults.join());
  return render(parsed.template, (path) => VALUES[path.join('.')], { zone: 'Africa/Nairobi', locale });
}

function textOf(text: string, escapes = false, locale = 'en'): string {
  const made = rendered(text, escapes, locale);
  if (!made.ok) throw new Error(JSON.stringify(made));
  return made.text;
}

function fault(text: string): string {
  const parsed = parseTemplate(text);
  return parsed.ok ? '' : parsed.faults.map(([reason, mend]) => `${reason} (${mend})`).join('; ');
}

describe('a template', () => {
  it('is filled in with values, computed and cut', () => {
    expect(textOf('Hi {{ profile.name | split: " " | first }}, you owe {{ data.amount | plus: 50 }}.')).toBe(
      'Hi Amina, you owe 1250.',
    );
    expect(textOf('{% if data.amount > 1000 %}a lot{% else %}a bit{% endif %}')).toBe('a lot');
    expect(textOf('{% assign half = data.amount | divided_by: 2 %}{{ half }}')).toBe('600');
    expect(textOf('{% raw %}{{ data.amount }}{% endraw %}')).toBe('{{ data.amount }}');
  });

  it('names what is missing, wherever it is asked for, and never a value', () => {
    for (const text of [
      '{{ data.absent }}',
      '{{ data.amount | plus: data.absent }}',
      '{{ data["absent"] | upcase }}',
    ]) {
      expect(rendered(text)).toEqual({ ok: false, missing: 'data.absent' });
    }
    expect(rendered('{{ data.text.more }}')).toEqual({ ok: false, missing: 'data.text.more' });
  });

  it('can do without what a default or a condition asks for', () => {
    expect(textOf('{{ data.absent | default: "friend" }}')).toBe('friend');
    expect(textOf('{% if data.absent %}x{% endif %}{% unless data.absent %}y{% endunless %}')).toBe('y');
    expect(textOf('{% if data.absent > 5 %}x{% else %}y{% endif %}')).toBe('y');
  });

  it("writes dates in the user's zone and the message's language", () => {
    expect(textOf('{{ data.dueAt | date: "%A %-d %B %Y, %H:%M" }}')).toBe('Tuesday 3 March 2026, 01:30');
    expect(textOf('{{ data.dueAt | date: "%-d %B" }}', false, 'sw')).toBe('3 Machi');
    expect(textOf('{{ data.day | date: "%d/%m/%y 100%%" }}')).toBe('02/03/26 100%');
    expect(rendered('{{ data.text | date: "%Y" }}')).toEqual({ ok: false, failed: 'the value of a date is none' });
    expect(rendered('{{ "now" | date: "%Y" }}')).toEqual({ ok: false, failed: 'the value of a date is none' });
  });

  it('escapes values for HTML where that is asked for', () => {
    expect(textOf('<b>{{ profile.name }}</b>', true)).toBe('<b>Amina &lt;Wanjiru&gt;</b>');
    expect(textOf('{{ profile.name | raw }}', true)).toBe('Amina <Wanjiru>');
    expect(textOf('{{ profile.name }}')).toBe('Amina <Wanjiru>');
  });

  it('has neither loops, includes, chance nor a clock', () => {
    for (const tag of [
      'for i in data.text',
      'include "x"',
      'render "x"',
      'layout "x"',
      'cycle "a", "b"',
      'increment a',
    ]) {
      expect(fault(`{% ${tag} %}`)).toMatch(/^has no tag ".+", in line 1, column 1 \(/);
    }
    for (const filter of [
      'sample',
      'shuffle',
      'date_to_xmlschema',
      'date_to_string',
      'json',
      'map',
      'where',
      'concat',
    ]) {
      expect(fault(`{{ data.text | ${filter} }}`)).toMatch(/^has no filter ".+", in line 1, column 1 \(/);
    }
  });

  it('is refused with the place and the mend', () => {
    expect(fault('one\n{{ data.text | upcaze }}')).toBe(
      'has no filter "upcaze", in line 2, column 1 (did you mean "upcase"?)',
    );
    expect(fault('{% if data.text %}')).toMatch(/^is no valid template: tag .* not closed, in line 1, column 1/);
    expect(fault('{{ data.text')).toMatch(/^is no valid template: output .* not closed/);
    expect(fault('{{ data[profile.name] }}')).toMatch(/^takes a name from a variable/);
    expect(fault('{{ (1..9) }}')).toMatch(/^uses a range/);
    expect(fault('{{ data.dueAt | date: "%Q" }}')).toMatch(/^date does not know %Q \(write one of %Y/);
    expect(fault('{{ data.dueAt | date: data.text }}')).toMatch(/^uses date without a format/);
    expect(fault('x'.repeat(MAX_LENGTH + 1))).toMatch(/^has 100001 characters/);
  });

  it('ends within its limits, whatever it computes', () => {
    const doubling = '{% assign a = a | append: a %}'.repeat(60);
    expect(rendered(`{% assign a = data.text %}${doubling}{{ a }}`)).toEqual({
      ok: false,
      failed: 'the template could not be filled in',
    });
    const long = '{% assign a = a | append: a %}'.repeat(15);
    expect(rendered(`{% assign a = data.text %}${long}{{ a }}`)).toEqual({ ok: false, failed: 'the text is too long' });
  });

  it('knows what it uses, and what of that it can do without', () => {
    const parsed = parseTemplate(
      '{% assign own = data.a %}{{ own }}{% if data.b %}{{ profile.c | append: data.d }}{% endif %}{{ data.e | default: user.f }}',
    );
    const used = parsed.ok ? parsed.template.variables : [];
    expect(used.map(({ path, optional }) => `${path.join('.')}${optional ? '?' : ''}`)).toEqual([
      'data.a',
      'data.b?',
      'profile.c',
      'data.d',
      'data.e?',
      'user.f',
    ]);
  });

  it('never reads beyond the values, whatever its names', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'size', 'first']) {
      expect(rendered(`{{ data.${name} }}`)).toEqual({ ok: false, missing: `data.${name}` });
      expect(rendered(`{{ data.amount.${name} }}`)).toEqual({ ok: false, missing: `data.amount.${name}` });
    }
  });
});
