import { describe, expect, it } from 'vitest';
import { readOptions } from './options.ts';

describe('what the Kafka bench is asked for', () => {
  it('is everything but the soak, unless parts are named', () => {
    expect(readOptions([])?.parts).toEqual(['throughput', 'latency', 'restart']);
    expect(readOptions(['--soak'])?.parts).toEqual(['throughput', 'latency', 'restart', 'soak']);
    expect(readOptions(['--only', 'restart'])?.parts).toEqual(['restart']);
    expect(readOptions(['--only', 'latency', '--soak'])?.parts).toEqual(['latency', 'soak']);
  });

  it('has a tenth as many users as events', () => {
    expect(readOptions(['--events', '2000000'])?.sizes).toEqual([{ events: 2_000_000, users: 200_000 }]);
  });

  it('is refused where it makes no sense', () => {
    expect(() => readOptions(['--only', 'everything'])).toThrow('--only everything is none of');
    expect(() => readOptions(['--rate', '0'])).toThrow('--rate 0 is no whole number above 0');
    expect(() => readOptions(['--case', 'none'])).toThrow('--case none is none of at-once, with-budget');
  });
});
