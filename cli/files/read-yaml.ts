// A YAML file from disk as plain values, with the place of every value; whatever is wrong with it becomes a problem.
import { readFileSync, statSync } from 'node:fs';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { type Problem, problem } from '../../schemas/problems.ts';

/** Where in a file, counted from 1; null where it is no line's affair. */
export interface Place {
  readonly line: number | null;
  readonly column: number | null;
}

export const NOWHERE: Place = { line: null, column: null };

/** A problem of a file. */
export interface FileProblem extends Problem, Place {
  readonly file: string;
}

type Keys = readonly (string | number)[];

export type YamlFile =
  | {
      readonly ok: true;
      readonly value: unknown;
      /** The place of a value: of itself where it stands beside its key, else of the key; of one that is missing, what it belongs to. */
      readonly placeOf: (keys: Keys) => Place;
    }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/** Files that people write are small: anything above is another kind of file. */
const MAX_BYTES = 1_000_000;
/** Of a file that is no YAML so many faults are told. */
const MOST_FAULTS = 10;

/** One line: `campaigns/a.yaml:12:10: budget.daily: what is wrong (how to mend it)`. */
export function describeProblem({ file, line, column, path, reason, mend, severity }: FileProblem): string {
  const where = line === null ? file : `${file}:${line}${column === null ? '' : `:${column}`}`;
  const what = path === '(file)' ? reason : `${path}: ${reason}`;
  return `${severity === 'warning' ? 'warning: ' : ''}${where}: ${what} (${mend})`;
}

type Refuse = (reason: string, mend: string) => YamlFile;
type RefuseAll = (faults: readonly (Place & { readonly reason: string; readonly mend: string })[]) => YamlFile;

/** Reads one file. Never throws: a missing, empty, unreadable or invalid file is a problem. */
export function readYaml(file: string): YamlFile {
  const refuse: Refuse = (reason, mend) => refuseAll([{ reason, mend, ...NOWHERE }]);
  const refuseAll: RefuseAll = (faults) => ({
    ok: false,
    problems: faults.map(({ reason, mend, ...place }) => ({ ...problem([], reason, mend), file, ...place })),
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
  return parse(text, refuse, refuseAll);
}

/** What a failed file operation means: reason and mend. */
export function unreadable(error: unknown): [reason: string, mend: string] {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return ['does not exist', 'check the path'];
  if (code === 'EACCES' || code === 'EPERM') return ['may not be read', 'check its permissions'];
  return [`cannot be read${code === undefined ? '' : ` (${code})`}`, 'check the path and the disk'];
}

function parse(text: string, refuse: Refuse, refuseAll: RefuseAll): YamlFile {
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
    const faults = [...document.errors, ...document.warnings].map((fault) => {
      const { line, col: column } = lines.linePos(fault.pos[0]);
      const [reason, mend] = yamlFault(fault);
      return { reason, mend, line, column };
    });
    // One fault often brings others with it in the same line.
    const told = faults.filter(({ line }, i) => faults.findIndex((other) => other.line === line) === i);
    if (told.length > 0) return refuseAll(told.slice(0, MOST_FAULTS));
    const value: unknown = document.toJS();
    if (value === null) return refuse('has nothing but comments', 'write its keys, or delete the file');
    return { ok: true, value, placeOf: (keys) => placeOf(document, lines, keys) };
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
function placeOf(document: Document, lines: LineCounter, keys: Keys): Place {
  let node = resolve(document.contents, document);
  let offset = node?.range?.[0];
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      const written = pair.value as Node | null;
      offset = placed(pair.key as Node, written, lines) ?? offset;
      node = resolve(written, document);
    } else if (isSeq(node) && typeof key === 'number') {
      const item = node.items[key] as Node | undefined;
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = resolve(item, document);
    } else break;
  }
  if (offset === undefined) return NOWHERE;
  const { line, col: column } = lines.linePos(offset);
  return { line, column };
}

/** The offset of a value that begins in the line of its key, else that of the key. */
function placed(key: Node, value: Node | null, lines: LineCounter): number | undefined {
  const [own, its] = [key.range?.[0], value?.range?.[0]];
  if (own === undefined || its === undefined || its < own) return own;
  return lines.linePos(own).line === lines.linePos(its).line ? its : own;
}

function resolve(node: Node | null, document: Document): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? null) : node;
}
