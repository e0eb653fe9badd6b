import { defineConfig } from 'vitest/config';

/** Files that share a broker and a registry, which the first of them starts. */
const ON_SERVERS = [
  'runtime/kafka/**/*.test.ts',
  'schemas/confluent-registry.test.ts',
  '**/*.kafka.test.ts',
  'test/integration/kafka/**/*.test.ts',
];
/** What kills, pauses and replaces instances and brokers, or goes through whole data sets, takes minutes: `npm run test:slow`. */
const SLOW = [
  'runtime/kafka/{outage,timeouts}.test.ts',
  'test/integration/kafka/{moves,pace-away,refused,rolling,sinks,stops}.test.ts',
  'test/integration/{hillstrom,one-engine}.test.ts',
];
const NOT_OURS = ['**/node_modules/**', 'test/faults/**'];

const common = { hookTimeout: 60_000, pool: 'forks' } as const;

const onServers = {
  ...common,
  // A broker that starts anew beside them takes what time it takes.
  testTimeout: 60_000,
  globalSetup: 'test/servers/setup.ts',
  // After all others and one after the other: two of them with a broker each are more than two cores hold.
  fileParallelism: false,
  sequence: { groupOrder: 1 },
} as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'alone',
          include: ['**/*.test.ts'],
          exclude: [...NOT_OURS, ...ON_SERVERS, ...SLOW],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...onServers, name: 'kafka', include: ON_SERVERS, exclude: [...NOT_OURS, ...SLOW] } },
      { test: { ...onServers, name: 'slow', include: SLOW, exclude: NOT_OURS } },
    ],
  },
});
