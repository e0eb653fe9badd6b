import { describe, expect, it } from 'vitest';
import { BadConfig, readConfig } from './config.ts';

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({ debug: false, logLevel: 'info', kafka: undefined });
  });

  it('counts an empty variable as absent', () => {
    expect(readConfig({ KAFKA_BROKERS: '', BECKON_DEBUG: '' })).toMatchObject({
      debug: false,
      kafka: undefined,
    });
  });

  it('reads a list of brokers', () => {
    expect(readConfig({ KAFKA_BROKERS: 'a:9092, b:9092' }).kafka?.brokers).toEqual(['a:9092', 'b:9092']);
  });

  it('names the variable it does not understand', () => {
    expect(() => readConfig({ BECKON_LOG_LEVEL: 'loud' })).toThrow(BadConfig);
    expect(() => readConfig({ BECKON_LOG_LEVEL: 'loud' })).toThrow(/BECKON_LOG_LEVEL/);
  });

  it('reads keys of the API, and says which it does not understand without telling it', () => {
    const secret = 'a-secret-of-some-length';
    const { api } = readConfig({ BECKON_API_KEYS: `shop:send:${secret}`, BECKON_API_RATE_LIMIT: '10' });
    expect(api).toMatchObject({ keys: [{ name: 'shop', roles: ['send'] }], rateLimit: 10 });
    expect(JSON.stringify(api)).not.toContain(secret);
    expect(() => readConfig({ BECKON_API_KEYS: secret })).toThrow(/BECKON_API_KEYS: key 1 can't be understood/);
    expect(() => readConfig({ BECKON_API_KEYS: secret })).not.toThrow(secret);
    expect(() => readConfig({ BECKON_API_KEYS_FILE: '/none' })).toThrow(/BECKON_API_KEYS_FILE: \/none can't be read/);
  });

  it('reads how to reach a cluster', () => {
    const { kafka } = readConfig({
      KAFKA_BROKERS: 'a:9092,[::1]:9093',
      BECKON_APP: 'shop',
      BECKON_STATE_DIR: '/state',
      KAFKA_REPLICATION: '3',
      KAFKA_TLS_CA: 'ca.pem',
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'beckon',
      KAFKA_SASL_PASSWORD: 'secret',
      KAFKA_SESSION_TIMEOUT: '6000',
      SCHEMA_REGISTRY_URL: 'https://registry:8081/path',
      SCHEMA_REGISTRY_USERNAME: 'reader',
      SCHEMA_REGISTRY_PASSWORD: 'hidden',
    });
    expect(kafka).toEqual({
      brokers: ['a:9092', '[::1]:9093'],
      app: 'shop',
      stateDir: '/state',
      replication: 3,
      tls: { ca: 'ca.pem' },
      sasl: { mechanism: 'scram-sha-512', username: 'beckon', password: 'secret' },
      sessionTimeout: 6000,
      registry: { url: 'https://registry:8081/path', username: 'reader', password: 'hidden' },
    });
  });

  it('takes the webhook that messages are posted to, with or without a secret', () => {
    expect(readConfig({}).webhook).toBeUndefined();
    const url = 'https://example.org/messages';
    expect(readConfig({ BECKON_WEBHOOK_URL: url }).webhook).toEqual({ url, secret: undefined });
    expect(readConfig({ BECKON_WEBHOOK_URL: url, BECKON_WEBHOOK_SECRET: 's' }).webhook).toEqual({ url, secret: 's' });
    expect(() => readConfig({ BECKON_WEBHOOK_URL: 'ftp://x' })).toThrow('BECKON_WEBHOOK_URL: write an address');
  });

  it('takes a cluster without anything else', () => {
    expect(readConfig({ KAFKA_BROKERS: 'a:9092' }).kafka).toEqual({
      brokers: ['a:9092'],
      app: 'beckon',
      stateDir: undefined,
      replication: undefined,
      tls: undefined,
      sasl: undefined,
      sessionTimeout: undefined,
      registry: undefined,
    });
    expect(readConfig({ KAFKA_BROKERS: 'a:9092', KAFKA_TLS: 'yes' }).kafka?.tls).toEqual({});
  });

  it.each([
    [{ KAFKA_BROKERS: 'a:9092,b' }, /KAFKA_BROKERS: names no broker in "b": write host:port/],
    [{ KAFKA_BROKERS: 'http://a:9092' }, /KAFKA_BROKERS: names no broker/],
    [{ KAFKA_REPLICATION: 'three' }, /KAFKA_REPLICATION: write a whole number from 1 to 100/],
    [{ KAFKA_SASL_MECHANISM: 'gssapi' }, /KAFKA_SASL_MECHANISM: .*scram-sha-256/],
    [{ KAFKA_SASL_USERNAME: 'beckon', KAFKA_SASL_PASSWORD: 'secret' }, /KAFKA_SASL_MECHANISM: set it together/],
    [{ KAFKA_TLS_KEY: 'key.pem' }, /KAFKA_TLS_CERT: set it together with KAFKA_TLS_KEY/],
    [{ SCHEMA_REGISTRY_URL: 'registry:8081' }, /SCHEMA_REGISTRY_URL: write an address such as/],
    [{ BECKON_APP: 'our shop' }, /BECKON_APP: write letters, digits/],
  ])('refuses %j', (env, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });

  it('never tells a secret', () => {
    const env = { KAFKA_SASL_PASSWORD: 'hush', SCHEMA_REGISTRY_PASSWORD: 'hush' };
    expect(() => readConfig(env)).toThrow(BadConfig);
    expect(() => readConfig(env)).not.toThrow(/hush/);
  });
});
