// What the Dockerfile puts into the image, found out without Docker.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';

/** The instructions, in order; continuation lines joined, comments left out. */
export function instructionsOf(dockerfile: string): readonly { readonly name: string; readonly args: string }[] {
  return dockerfile
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', args = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      return { name, args: args.trim() };
    });
}

/** The sources of every COPY from the build context. */
export function copiedFrom(dockerfile: string): readonly string[] {
  return instructionsOf(dockerfile)
    .filter(({ name, args }) => name === 'COPY' && !args.includes('--from='))
    .flatMap(({ args }) => args.split(/\s+/).slice(0, -1));
}

/** Whether .dockerignore keeps a file from the build. The last pattern that fits it, or a folder that holds it, decides. */
export function isIgnored(dockerignore: string, file: string): boolean {
  const parts = file.split('/');
  const paths = parts.map((_, at) => parts.slice(0, at + 1).join('/'));
  let ignored = false;
  for (const line of dockerignore.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const pattern = globOf(line.replace(/^!/, ''));
    if (paths.some((path) => pattern.test(path))) ignored = !line.startsWith('!');
  }
  return ignored;
}

/** Docker's `*` takes names that begin with a dot too. */
function globOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*\/|\*)/).map((part) => {
    if (part === '**/') return '(?:.*/)?';
    return part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}

/** The files of the image that come from the build context, from the root. */
export function imageFiles(root: string): readonly string[] {
  const dockerignore = readFileSync(join(root, '.dockerignore'), 'utf8');
  return copiedFrom(readFileSync(join(root, 'Dockerfile'), 'utf8'))
    .filter((source) => existsSync(join(root, source)))
    .flatMap((source) => {
      if (statSync(join(root, source)).isFile()) return [source];
      return readdirSync(join(root, source), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
    })
    .filter((file) => !isIgnored(dockerignore, file));
}

/** `file -> import` for each import of ours that is not among the files. */
export function missingImports(files: readonly string[], textOf: (file: string) => string): readonly string[] {
  const there = new Set(files);
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      [...textOf(file).matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)'(\.[^']+)'/g)]
        .map((match) => match[1] ?? '')
        .filter((specifier) => !there.has(posix.normalize(posix.join(dirname(file), specifier))))
        .map((specifier) => `${file} -> ${specifier}`),
    );
}
