// Tables for people, in columns as wide as what they hold.
import { oneLine } from './printable.ts';

/** Lines of cells under a header; columns named in `right` are set to the right. */
export function columns(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const all = [header, ...rows].map((row) => row.map(oneLine));
  const widths = header.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
  const lines = all.map((row) =>
    header
      .map((name, i) => {
        const cell = row[i] ?? '';
        const width = widths[i] ?? 0;
        return right.includes(name) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
