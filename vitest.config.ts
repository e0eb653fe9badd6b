import { defineConfig } from 'vitest/config';

/** They start a broker and a registry: `npm run test:kafka`. */
const KAFKA = ['runtime/kafka/{kafka-log,outage,security}.test.ts', 'schemas/confluent-registry.test.ts'];

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/faults/**', ...(process.env.BECKON_KAFKA_TESTS === '1' ? [] : KAFKA)],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
