// A user's or a campaign's state in words.
import type { ReadableCells, ReadableState } from '../../api/state.ts';

/** Cells indented as an outline, then what is pending. */
export function stateText({ key, topology, partition, streamTime, cells, rows, timers }: ReadableState): string {
  const lines = [`${key} in ${topology}.${partition}, whose time is ${streamTime ?? 'not known yet'}`];
  lines.push(...cellLines(cells, '  '));
  for (const [id, own] of Object.entries(rows)) lines.push(`  row ${id}`, ...cellLines(own, '    '));
  lines.push(timers.length === 0 ? '  no timer is pending' : '  timers');
  for (const { kind, at, campaignId, id } of timers) {
    const about = [campaignId, id].filter((part) => part !== undefined).join(' ');
    lines.push(`    ${at}  ${kind}${about === '' ? '' : `  ${about}`}`);
  }
  return `${lines.join('\n')}\n`;
}

function cellLines(cells: ReadableCells, indent: string): string[] {
  return Object.entries(cells).flatMap(([name, value]) => [`${indent}${name}`, ...outline(value, `${indent}  `)]);
}

function outline(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, i) => {
      if (!isNested(item)) return [`${indent}- ${textOf(item)}`];
      return [`${indent}- ${i + 1}`, ...outline(item, `${indent}  `)];
    });
  }
  return Object.entries(value as Readonly<Record<string, unknown>>).flatMap(([name, item]) =>
    isNested(item) ? [`${indent}${name}`, ...outline(item, `${indent}  `)] : [`${indent}${name}: ${textOf(item)}`],
  );
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function textOf(value: unknown): string {
  if (value === null) return '-';
  if (typeof value === 'object') return Array.isArray(value) ? 'none' : 'empty';
  return String(value);
}
