// The templates beside campaign files: templates/NAME.yaml, put into the content of every campaign that names it.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseBodies } from '../../schemas/campaign/bodies.ts';
import { hint, type Problem, problem } from '../../schemas/problems.ts';
import { type FileProblem, NOWHERE, readYaml, type YamlFile } from './read-yaml.ts';

export const TEMPLATES_FOLDER = 'templates';

interface TemplateFile {
  readonly file: string;
  readonly yaml: Extract<YamlFile, { ok: true }> | undefined;
  readonly problems: readonly FileProblem[];
  isUsed: boolean;
}

/** A campaign's file with its templates put in. */
export interface Inlined {
  readonly value: unknown;
  /** False: a template is refused, whose own problems say why. */
  readonly ok: boolean;
  readonly warnings: readonly Problem[];
  /** Says where in which file a problem of the campaign is; `own` places what lies in the campaign's own. */
  place(found: Problem, own: (found: Problem) => FileProblem): FileProblem;
}

type Tree = Readonly<Record<string, unknown>>;
type Keys = readonly (string | number)[];

/** The templates of a folder of campaigns. Reads all of them at once; never throws for what is wrong with them. */
export class Templates {
  readonly #files = new Map<string, TemplateFile>();

  constructor(folder: string) {
    for (const name of namesIn(join(folder, TEMPLATES_FOLDER))) {
      const file = join(folder, TEMPLATES_FOLDER, name);
      this.#files.set(basename(name).replace(/\.ya?ml$/, ''), { ...readTemplate(file), file, isUsed: false });
    }
  }

  /** Errors of the templates themselves, and a warning for each that no campaign named in `inline`. */
  problems(): readonly FileProblem[] {
    return [...this.#files.values()].flatMap(({ file, problems, isUsed }) => {
      const unused = problem([], 'is used by no campaign', 'name it as content.template, or delete the file');
      return isUsed ? problems : [...problems, { ...unused, severity: 'warning' as const, file, ...NOWHERE }];
    });
  }

  /** Puts the bodies of named templates into a campaign's file, which need not be valid. */
  inline(campaign: unknown): Inlined {
    const placed: { readonly at: Keys; readonly template: TemplateFile }[] = [];
    const warnings: Problem[] = [];
    const into = (message: unknown, at: Keys): unknown => {
      if (!isTree(message) || typeof message.template !== 'string' || message.bodies !== undefined) return message;
      const template = this.#files.get(message.template);
      if (template === undefined) {
        warnings.push(...this.#misspelt(message.template, at));
        return message;
      }
      template.isUsed = true;
      placed.push({ at: [...at, 'bodies'], template });
      return { ...message, bodies: template.yaml?.value };
    };
    const value = isTree(campaign) ? { ...campaign } : campaign;
    if (isTree(value) && isTree(value.content)) {
      const variants = value.content.variants;
      const content = Array.isArray(variants)
        ? { ...value.content, variants: variants.map((one, i) => into(one, ['content', 'variants', i])) }
        : into(value.content, ['content']);
      Object.assign(value, { content });
    }
    const id = isTree(campaign) && typeof campaign.id === 'string' ? campaign.id : 'a campaign';
    return {
      value,
      ok: placed.every(({ template }) => template.problems.length === 0),
      warnings,
      place(found, own) {
        const source = placed.find(({ at }) => at.every((key, i) => found.keys[i] === key));
        if (source === undefined) return own(found);
        const { file, yaml } = source.template;
        const keys = found.keys.slice(source.at.length);
        const { path } = problem(keys, '', '');
        return {
          ...{ ...found, keys, path, reason: `${found.reason}; ${id} needs it` },
          ...{ file, ...(yaml?.placeOf(keys) ?? NOWHERE) },
        };
      },
    };
  }

  #misspelt(name: string, at: Keys): readonly Problem[] {
    const mend = hint(name, [...this.#files.keys()]);
    if (this.#files.size === 0 || !mend.startsWith('did you mean')) return [];
    const found = problem(
      [...at, 'template'],
      `has no file in ${TEMPLATES_FOLDER}/, so it is the provider's own`,
      mend,
    );
    return [{ ...found, severity: 'warning' }];
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[^.].*\.ya?ml$/.test(name))
      .sort();
  } catch {
    // Most folders have no templates.
    return [];
  }
}

function readTemplate(file: string): Pick<TemplateFile, 'yaml' | 'problems'> {
  const yaml = readYaml(file);
  if (!yaml.ok) return { yaml: undefined, problems: yaml.problems };
  const parsed = parseBodies(yaml.value);
  const problems = parsed.ok ? [] : parsed.problems.map((one) => ({ ...one, file, ...yaml.placeOf(one.keys) }));
  return { yaml, problems };
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
