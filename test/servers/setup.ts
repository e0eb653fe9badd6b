// What vitest does around the files that need a broker or a registry. The first file that asks for a server starts it; here
// they end, all of them.
import { NO_KAFKA, whyNoKafka } from './kafka.ts';
import { NO_REGISTRY, whyNoRegistry } from './registry.ts';
import { endShared } from './shared.ts';

export async function setup(): Promise<void> {
  const kafka = await whyNoKafka();
  const registry = kafka === undefined ? await whyNoRegistry() : kafka;
  if (kafka !== undefined) process.stderr.write(`${NO_KAFKA}: ${kafka} is missing\n`);
  else if (registry !== undefined) process.stderr.write(`${NO_REGISTRY}: ${registry} is missing\n`);
}

export const teardown = endShared;
