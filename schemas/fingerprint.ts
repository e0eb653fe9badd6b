// A number that stands for a value, the same in every process.
import { createHash } from 'node:crypto';

/** The first 48 bits of the SHA-256 of the value's JSON. */
export function fingerprint(value: unknown): number {
  return createHash('sha256').update(JSON.stringify(value)).digest().readUIntBE(0, 6);
}
