// The variables of a campaign's texts: what they can name, and what a campaign's trigger can never give them.
import { hint } from '../problems.ts';
import { parseTemplate, render } from '../template/template.ts';
import type { Use } from '../template/uses.ts';
import type { Trigger } from './trigger.ts';

export type Fault = readonly [reason: string, mend: string];

/** What a text may name. null: any name below it. */
const ROOTS: Readonly<Record<string, readonly string[] | null>> = {
  profile: null,
  data: null,
  user: ['id'],
  campaign: ['id', 'name'],
};

/** What is wrong with a text as a template, whatever the campaign. */
export function textFaults(text: string, escapes: boolean): readonly Fault[] {
  const parsed = parseTemplate(text, escapes);
  if (!parsed.ok) return parsed.faults;
  const { template } = parsed;
  const strangers = template.variables.flatMap(({ path }) => rootFault(path));
  if (strangers.length > 0 || template.variables.length > 0) return strangers;
  // What has no variables reads the same for everybody.
  const rendered = render(template, () => undefined, { zone: 'UTC', locale: 'en' });
  if (rendered.ok) return [];
  const why = 'failed' in rendered ? rendered.failed : `nothing is called ${rendered.missing}`;
  return [[`can't be filled in: ${why}`, 'compute with what the request brings, not with fixed values']];
}

function rootFault([root = '', ...rest]: readonly string[]): readonly Fault[] {
  if (!Object.hasOwn(ROOTS, root)) return [[`nothing is called ${root.slice(0, 40)}`, hint(root, Object.keys(ROOTS))]];
  const names = ROOTS[root];
  const name = rest.join('.');
  if (names === null || names === undefined) {
    return name === '' ? [[`${root} is no value by itself`, `name what you want of it, as in ${root}.firstName`]] : [];
  }
  if (names.includes(name)) return [];
  return [[`${root} has ${name === '' ? 'no value by itself' : `no ${name.slice(0, 40)}`}`, wholly(root, name, names)]];
}

function wholly(root: string, name: string, names: readonly string[]): string {
  return hint(
    `${root}.${name}`,
    names.map((one) => `${root}.${one}`),
  );
}

/** Variables that messages of this trigger always lack; one that the text can do without anywhere is none of them. */
export function impossible(uses: readonly Use[], trigger: Trigger): readonly Fault[] {
  const facts = factsOf(trigger);
  if (facts === null) return [];
  const nameOf = ({ path }: Use): string => path.slice(1).join('.');
  const needed = uses.filter(({ path, optional }) => path[0] === 'data' && !optional).map(nameOf);
  const spared = new Set(uses.filter(({ path, optional }) => path[0] === 'data' && optional).map(nameOf));
  return [...new Set(needed)].flatMap((name): Fault[] => {
    if (spared.has(name) || facts.names.includes(name)) return [];
    if (facts.prefix !== undefined && name.startsWith(facts.prefix) && name.length > facts.prefix.length) return [];
    const known = [...facts.names, ...(facts.prefix === undefined ? [] : [`${facts.prefix}TYPE`])];
    const instead = known.length === 0 ? `take it of the profile` : `write one of data.${known.join(', data.')}`;
    const mend = `${instead}; or add | default: "…" to what only some requests bring`;
    return [[`data.${name.slice(0, 60)} is not among the facts of ${facts.of}`, mend]];
  });
}

interface Facts {
  readonly of: string;
  readonly names: readonly string[];
  readonly prefix?: string;
}

/** null: what triggers brings what it likes. */
function factsOf(trigger: Trigger): Facts | null {
  if (trigger.kind === 'session') {
    const names = ['startedAt', 'endedAt', 'durationMs', 'eventCount'];
    return { of: 'a closed session', names, prefix: 'eventTypes.' };
  }
  if (trigger.kind === 'signal' && trigger.signal === 'inactive') {
    return { of: 'the signal inactive', names: ['threshold', 'lastSeenAt'] };
  }
  if (trigger.kind === 'signal' && trigger.signal === 'returned') {
    return { of: 'the signal returned', names: ['silentMs'] };
  }
  if (trigger.kind === 'segment') return { of: `segment ${trigger.segment}`, names: ['segment'] };
  if (trigger.kind === 'schedule') return { of: 'a schedule, which has none', names: [] };
  return null;
}
