// What the alerts and dashboards ask of Prometheus.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { instruments } from '../../../runtime/instruments.ts';

const text = z.string().min(1);

const rules = z.strictObject({
  groups: z
    .array(
      z.strictObject({
        name: text,
        rules: z
          .array(
            z.strictObject({
              alert: z.string().regex(/^Beckon[A-Za-z]+$/),
              expr: text,
              for: z
                .string()
                .regex(/^\d+m$/)
                .optional(),
              labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
              annotations: z.strictObject({ summary: text, action: text }),
            }),
          )
          .min(1),
      }),
    )
    .min(1),
});

const datasource = z.object({ type: text, uid: text });
const grid = z.strictObject({ x: z.int(), y: z.int(), w: z.int().positive(), h: z.int().positive() });
const dashboard = z.object({
  uid: text,
  title: text,
  schemaVersion: z.int(),
  annotations: z.object({ list: z.array(z.object({ datasource, expr: text })) }),
  templating: z.object({ list: z.array(z.object({ name: text, definition: text.optional() })) }),
  panels: z.array(
    z.object({
      id: z.int(),
      type: z.enum(['row', 'timeseries', 'stat', 'table']),
      title: text,
      gridPos: grid,
      datasource: datasource.optional(),
      targets: z
        .array(z.object({ refId: text, datasource, expr: text.optional(), rawSql: text.optional() }))
        .default([]),
    }),
  ),
});

export type Dashboard = z.output<typeof dashboard>;

export function readDashboard(file: string): Dashboard {
  return dashboard.parse(JSON.parse(readFileSync(file, 'utf8')));
}

export function readAlerts(root: string): z.output<typeof rules>['groups'][number]['rules'] {
  const file = join(root, 'deploy/prometheus/alerts.yml');
  return rules.parse(parse(readFileSync(file, 'utf8'), { strict: true })).groups.flatMap((group) => group.rules);
}

/** Every PromQL expression of a dashboard. */
export function expressionsOf({ panels, annotations, templating }: Dashboard): readonly string[] {
  return [
    ...panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr ?? [])),
    ...annotations.list.map(({ expr }) => expr),
    ...templating.list.flatMap(({ definition }) => /^label_values\((\w+),/.exec(definition ?? '')?.[1] ?? []),
  ];
}

const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'on', 'ignoring']);

/** The metrics that an expression names: its words that are no function, keyword, label or duration. */
export function metricsIn(expr: string): readonly string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|without)\s*\([^)]*\)/g, '');
  return [...bare.matchAll(/(?<![\w.])([a-zA-Z_:][\w:]*)\b(?!\s*\()/g)]
    .map((match) => match[1] ?? '')
    .filter((word) => !WORDS.has(word) && !/^(sum|count|min|max|avg)$/.test(word));
}

/** The labels that an expression groups and selects by. */
export function labelsIn(expr: string): readonly string[] {
  const groups = [...expr.matchAll(/\b(?:by|without)\s*\(([^)]*)\)/g)].flatMap((match) => (match[1] ?? '').split(','));
  const selectors = [...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map((match) => match[1] ?? '');
  return [...groups.map((label) => label.trim()), ...selectors];
}

/** The labels of every metric that an instance has. */
export function metricsOfBeckon(): ReadonlyMap<string, readonly string[]> {
  const metrics: readonly { readonly name: string; readonly labelNames?: readonly string[] }[] =
    instruments('0').registry.getMetricsAsArray();
  return new Map(metrics.map(({ name, labelNames = [] }) => [name, labelNames]));
}
