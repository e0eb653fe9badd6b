// Counts by name, where the names come from outside: "constructor" and "__proto__" are names like any other.

/** A copy of the counts with one more of a name. */
export function withOneMore(counts: Readonly<Record<string, number>>, name: string): Record<string, number> {
  // An object literal with a computed key beside the spread would cost three times as much.
  const copy: Record<string, number> = { ...counts };
  const count = counts[name];
  const next = typeof count === 'number' ? count + 1 : 1;
  // Assigned, this one name would set the copy's prototype.
  if (name === '__proto__')
    Object.defineProperty(copy, name, { value: next, enumerable: true, configurable: true, writable: true });
  else copy[name] = next;
  return copy;
}

/** The counts of both, name by name. */
export function summed(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const counts = new Map(Object.entries(a));
  for (const [name, count] of Object.entries(b)) counts.set(name, (counts.get(name) ?? 0) + count);
  return Object.fromEntries(counts);
}
