// Counts by name as two aligned lists, the names in the order in which they came first: copied for every event, which costs a
// third of copying an object of counts. Names come from outside: "constructor" and "__proto__" are names like any other.

/** The names with one that may be new; the same list when it is not. */
export function withName(names: readonly string[], name: string): readonly string[] {
  return names.includes(name) ? names : [...names, name];
}

/** A copy of the counts with one more at a place, which may be the one after the last. */
export function withOneMore(counts: readonly number[], at: number): readonly number[] {
  const copy = counts.slice();
  copy[at] = at < counts.length ? (counts[at] as number) + 1 : 1;
  return copy;
}

/** The counts by name as an object, in the order of its names. */
export function countsByName(names: readonly string[], counts: readonly number[]): Record<string, number> {
  const byName: Record<string, number> = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const value = counts[i] as number;
    // Assigned, this one name would set the object's prototype.
    if (name === '__proto__')
      Object.defineProperty(byName, name, { value, enumerable: true, configurable: true, writable: true });
    else byName[name] = value;
  }
  return byName;
}
