import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/faults/*.test.ts'],
    // A round of forty kills takes a minute or two.
    testTimeout: 1_800_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Starts are what takes time, on one core and a half each.
    fileParallelism: false,
    maxConcurrency: 2,
    disableConsoleIntercept: true,
  },
});
