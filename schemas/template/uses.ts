// Which variables a parsed template uses, and which of them it can do without.
import { type Filter, type Template, TypeGuards, Value } from 'liquidjs';

export interface Use {
  /** `data`, `amount`. */
  readonly path: readonly string[];
  /** A default filter or a condition asks for it, so that it may be missing. */
  readonly optional: boolean;
}

export interface Uses {
  readonly variables: readonly Use[];
  /** What is not allowed, in words: reason and mend. */
  readonly faults: readonly (readonly [reason: string, mend: string])[];
  /** Literal arguments of the filter date. */
  readonly dateFormats: readonly (string | undefined)[];
}

/** Walks the template once. Names that it assigns itself are no variables. */
export function usesOf(templates: readonly Template[]): Uses {
  const walk = new Walk();
  walk.all(templates);
  return walk.uses();
}

class Walk {
  readonly #variables: Use[] = [];
  readonly #faults: [string, string][] = [];
  readonly #dateFormats: (string | undefined)[] = [];
  readonly #assigned = new Set<string>();

  uses(): Uses {
    return {
      variables: this.#variables.filter(({ path }) => !this.#assigned.has(path[0] as string)),
      faults: this.#faults,
      dateFormats: this.#dateFormats,
    };
  }

  all(templates: readonly Template[]): void {
    for (const template of templates) {
      for (const name of template.localScope?.() ?? []) this.#assigned.add(name.content);
      const asks = TypeGuards.isTagToken(template.token) && ['if', 'unless'].includes(template.token.name);
      for (const argument of template.arguments?.() ?? []) {
        if (argument instanceof Value) this.#value(argument, asks);
        else this.#token(argument, false);
      }
      // Not a partial, so the generator has nothing to wait for.
      this.all((template.children?.(false, true).next().value as Template[] | undefined) ?? []);
    }
  }

  #value({ initial, filters }: Value, asks: boolean): void {
    const optional = asks || filters[0]?.name === 'default';
    for (const token of initial.postfix) this.#token(token, optional);
    for (const filter of filters) this.#filter(filter);
  }

  #filter({ name, args }: Filter): void {
    const values = args.map((arg) => (Array.isArray(arg) ? arg[1] : arg));
    for (const value of values) this.#token(value, false);
    if (name === 'date') {
      const [format] = values;
      this.#dateFormats.push(TypeGuards.isQuotedToken(format) ? format.content : undefined);
    }
  }

  #token(token: unknown, optional: boolean): void {
    if (TypeGuards.isRangeToken(token)) this.#faults.push(['uses a range', 'write the values themselves']);
    if (!TypeGuards.isPropertyAccessToken(token)) return;
    const path = token.props.map((prop) =>
      TypeGuards.isQuotedToken(prop) || TypeGuards.isWordToken(prop) || TypeGuards.isNumberToken(prop)
        ? String(prop.content)
        : undefined,
    );
    if (token.variable !== undefined || path.some((part) => part === undefined)) {
      this.#faults.push(['takes a name from a variable', 'write the name itself, as in data.amount']);
      return;
    }
    this.#variables.push({ path: path as string[], optional });
  }
}
