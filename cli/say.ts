// What commands tell people while they work, on stderr: data alone goes to stdout.

/** A line under the program's name. */
export function say(line: string): void {
  process.stderr.write(`beckon: ${line}\n`);
}
