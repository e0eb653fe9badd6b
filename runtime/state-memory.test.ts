import { expect, test } from 'vitest';
import { LEAST, MIB, MOST, taskMemory } from './state-memory.ts';

test('the tasks that an instance may own share its memory, rows counted twice', () => {
  for (const tasks of [8, 16, 32]) {
    const { rows, memtables, blocks } = taskMemory(1024 * MIB, tasks);
    expect(tasks * (2 * rows + memtables + blocks)).toBe(1024 * MIB);
  }
});

test('a task takes no more than what it gains by', () => {
  expect(taskMemory(1024 * MIB, 1)).toEqual(MOST);
});

test('a task has enough to work with, however many there are', () => {
  expect(taskMemory(64 * MIB, 1000)).toEqual(LEAST);
});
