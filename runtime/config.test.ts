import { describe, expect, it } from 'vitest';
import { BadConfig, readConfig } from './config.ts';

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({ debug: false, logLevel: 'info', kafkaBrokers: undefined });
  });

  it('counts an empty variable as absent', () => {
    expect(readConfig({ KAFKA_BROKERS: '', BECKON_DEBUG: '' })).toMatchObject({
      debug: false,
      kafkaBrokers: undefined,
    });
  });

  it('reads a list of brokers', () => {
    expect(readConfig({ KAFKA_BROKERS: 'a:9092, b:9092' }).kafkaBrokers).toEqual(['a:9092', 'b:9092']);
  });

  it('names the variable it does not understand', () => {
    expect(() => readConfig({ BECKON_LOG_LEVEL: 'loud' })).toThrow(BadConfig);
    expect(() => readConfig({ BECKON_LOG_LEVEL: 'loud' })).toThrow(/BECKON_LOG_LEVEL/);
  });
});
