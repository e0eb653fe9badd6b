// A YAML file from disk as plain values, with the line of every value; whatever is wrong with it becomes a problem.
import { readFileSync, statSync } from 'node:fs';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { type Problem, problem } from '../../schemas/problems.ts';

/** A problem of a file. `line` counts from 1; null where it concerns no line. */
export interface FileProblem extends Problem {
  readonly file: string;
  readonly line: number | null;
}

export type YamlFile =
  | {
      readonly ok: true;
      readonly value: unknown;
      readonly lineOf: (keys: readonly (string | number)[]) => number | null;
    }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/** Files that people write are small: anything above is another kind of file. */
const MAX_BYTES = 1_000_000;

/** One line: `campaigns/a.yaml:12: budget.daily: what is wrong (how to mend it)`. */
export function describeProblem({ file, line, path, reason, mend, severity }: FileProblem): string {
  const where = line === null ? file : `${file}:${line}`;
  const what = path === '(file)' ? reason : `${path}: ${reason}`;
  return `${severity === 'warning' ? 'warning: ' : ''}${where}: ${what} (${mend})`;
}

/** Reads one file. Never throws: a missing, empty, unreadable or invalid file is a problem. */
export function readYaml(file: string): YamlFile {
  const refuse = (reason: string, mend: string, line: number | null = null): YamlFile => ({
    ok: false,
    problems: [{ ...problem([], reason, mend), file, line }],
  });
  let bytes: Buffer;
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return refuse('is a folder, not a file', 'name the YAML file in it');
    if (!stat.isFile()) return refuse('is not a regular file', 'name a YAML file');
    if (stat.size > MAX_BYTES)
      return refuse(`has ${stat.size} bytes, too many for such a file`, 'name a YAML file under 1 MB');
    bytes = readFileSync(file);
  } catch (error) {
    return refuse(...unreadable(error));
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('is not UTF-8 text', 'save it in the encoding UTF-8');
  }
  if (text.trim() === '') return refuse('is empty', 'write its keys, or delete the file');
  return parse(text, refuse);
}

/** What a failed file operation means: reason and mend. */
export function unreadable(error: unknown): [reason: string, mend: string] {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return ['does not exist', 'check the path'];
  if (code === 'EACCES' || code === 'EPERM') return ['may not be read', 'check its permissions'];
  return [`cannot be read${code === undefined ? '' : ` (${code})`}`, 'check the path and the disk'];
}

function parse(text: string, refuse: (reason: string, mend: string, line?: number) => YamlFile): YamlFile {
  const lines = new LineCounter();
  // Nesting beyond all reason overflows the parser's stack, and an alias may point nowhere: both end here.
  try {
    // In the core schema dates stay text: what instant they mean depends on the campaign's zone.
    const document = parseDocument(text, {
      schema: 'core',
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
    });
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) return refuse(...yamlFault(fault), lines.linePos(fault.pos[0]).line);
    const value: unknown = document.toJS();
    if (value === null) return refuse('has nothing but comments', 'write its keys, or delete the file');
    return { ok: true, value, lineOf: (keys) => lineOf(document, lines, keys) };
  } catch (error) {
    return refuse(`is not valid YAML: ${firstLine((error as Error).message)}`, 'write it flatter and without tricks');
  }
}

function yamlFault({ code, message }: { readonly code: string; readonly message: string }): [string, string] {
  if (code === 'MULTIPLE_DOCS') return ['holds several YAML documents', 'write one file each'];
  if (code === 'DUPLICATE_KEY') return ['is not valid YAML: a key is there twice', 'keep one of the two'];
  if (code === 'TAB_AS_INDENT') return ['is not valid YAML: a tab indents a line', 'indent with spaces'];
  return [`is not valid YAML: ${firstLine(message)}`, 'mend the syntax in or above this line'];
}

// Some of the parser's messages end with a piece of the file, which may be a message's text.
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/:? ".*$/, '').slice(0, 120);
}

// Walks as far along the keys as the document goes: a missing key is reported at what it belongs to.
function lineOf(document: Document, lines: LineCounter, keys: readonly (string | number)[]): number | null {
  let node = resolve(document.contents, document);
  let offset = node?.range?.[0];
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = resolve(pair.value as Node | null, document);
    } else if (isSeq(node) && typeof key === 'number') {
      const item = node.items[key] as Node | undefined;
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = resolve(item, document);
    } else break;
  }
  return offset === undefined ? null : lines.linePos(offset).line;
}

function resolve(node: Node | null, document: Document): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? null) : node;
}
