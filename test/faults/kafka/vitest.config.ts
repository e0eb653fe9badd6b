import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/faults/kafka/**/*.test.ts'],
    // Ends the broker and the registry.
    globalSetup: ['test/servers/setup.ts'],
    // A round of forty kills takes some six minutes.
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    pool: 'forks',
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
