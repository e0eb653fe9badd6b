// Reads Prometheus's text format as strictly as Prometheus does, and a little more so.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`);
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL})(?:,${LABEL})*)?\\})? (\\S+)$`);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

/** The families by name. Throws for anything that is not as the format, or Prometheus's conventions, want it. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line must end with a line feed');
  const families = new Map<string, Family & { samples: Sample[] }>();
  const seen = new Set<string>();
  let family: (Family & { samples: Sample[] }) | undefined;
  let help: RegExpExecArray | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('# HELP')) {
      help = HELP.exec(line) ?? fail(line);
      continue;
    }
    if (line.startsWith('# TYPE')) {
      const [, name = '', type = ''] = TYPE.exec(line) ?? fail(line);
      if (families.has(name)) throw new Error(`${name} is told of twice`);
      if (help?.[1] !== name) throw new Error(`${name} has no help before its type`);
      if (type === 'counter' && name.startsWith('beckon_') && !name.endsWith('_total'))
        throw new Error(`the counter ${name} does not end in _total`);
      family = { name, type, help: help[2] ?? '', samples: [] };
      families.set(name, family);
      continue;
    }
    const [, name = '', labels = '', number = ''] = SAMPLE.exec(line) ?? fail(line);
    const within = (SUFFIXES[family?.type ?? ''] ?? ['']).some((suffix) => name === `${family?.name}${suffix}`);
    if (family === undefined || !within) throw new Error(`${name} is not of the family before it`);
    const sample = { name, labels: labelsOf(labels), value: numberOf(number) };
    const series = `${name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(series)) throw new Error(`there are two of ${series}`);
    seen.add(series);
    family.samples.push(sample);
  }
  for (const each of families.values()) if (each.type === 'histogram') checkHistogram(each);
  return families;
}

/** The sum of a family's samples that have all these labels. */
export function total(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name);
  if (family === undefined) throw new Error(`there is no ${name}`);
  return family.samples
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

function checkHistogram({ name, samples }: Family): void {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = JSON.stringify(Object.entries(sample.labels).filter(([label]) => label !== 'le'));
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const group of groups.values()) {
    const buckets = group.filter((s) => s.name === `${name}_bucket`);
    const rising = buckets.every((bucket, i) => i === 0 || bucket.value >= (buckets[i - 1] as Sample).value);
    const last = buckets[buckets.length - 1];
    const count = group.find((s) => s.name === `${name}_count`)?.value;
    if (!rising || last?.labels.le !== '+Inf' || last.value !== count) throw new Error(`${name} has bad buckets`);
  }
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const [, label = '', value = ''] of text.matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g)) {
    if (label in labels) throw new Error(`the label ${label} is there twice`);
    labels[label] = value.replaceAll('\\n', '\n').replaceAll('\\"', '"').replaceAll('\\\\', '\\');
  }
  return labels;
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (text === 'Nan' || text === 'NaN') return Number.NaN;
  const value = Number(text);
  return Number.isNaN(value) ? fail(text) : value;
}

function fail(what: string): never {
  throw new Error(`not as Prometheus wants it: ${what}`);
}
