// Order of strings by their UTF-8 bytes, without encoding them.

const SURROGATES = 0xd800;

/**
 * Compares two strings as their UTF-8 bytes compare: negative, zero or positive. JavaScript's own `<` compares UTF-16 code
 * units, which differs for characters beyond the basic plane only.
 */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // A surrogate stands for a character above U+FFFF, so it sorts after U+E000..U+FFFF.
      if (x >= SURROGATES && y >= SURROGATES) {
        // One without its other half is written as U+FFFD.
        if (!a.isWellFormed() || !b.isWellFormed()) return Buffer.compare(Buffer.from(a), Buffer.from(b));
        return rank(x) - rank(y);
      }
      return x - y;
    }
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit < 0xe000 ? unit + 0x10000 : unit;
}
