// Which partition a key goes to: murmur2 as Kafka's own producers compute it, so that every producer agrees.

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** The partition of a key, 0 to partitions - 1. */
export function partitionOf(key: string, partitions: number): number {
  return partitions === 1 ? 0 : partitionOfBytes(Buffer.from(key, 'utf8'), partitions);
}

/** The partition of a key as it is on the log. */
export function partitionOfBytes(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** Murmur2 with Kafka's seed, as a signed 32-bit number. */
export function murmur2(bytes: Buffer): number {
  let h = SEED ^ bytes.length;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = Math.imul(bytes.readInt32LE(i), M);
    k = Math.imul(k ^ (k >>> 24), M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = bytes.length - whole;
  if (rest >= 3) h ^= (bytes[whole + 2] as number) << 16;
  if (rest >= 2) h ^= (bytes[whole + 1] as number) << 8;
  if (rest >= 1) h = Math.imul(h ^ (bytes[whole] as number), M);
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}
