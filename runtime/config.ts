// The process environment, read here and nowhere else. Empty variables count as absent.
import { z } from 'zod';
import { type ApiKey, parseApiKeys, readApiKeys } from './api-keys.ts';
import { DEFAULT_STATE_MEMORY, MIB } from './state-memory.ts';

const flag = z
  .enum(['1', 'true', 'yes', 'on', '0', 'false', 'no', 'off'])
  .transform((text) => ['1', 'true', 'yes', 'on'].includes(text));

const SASL = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const brokers = z.string().transform((text, ctx) => {
  const all = text
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '');
  const wrong = all.find((broker) => !/^[^\s:/]+:\d{1,5}$|^\[[\da-f:]+\]:\d{1,5}$/i.test(broker));
  if (all.length === 0 || wrong !== undefined) {
    ctx.addIssue(`names no broker in "${wrong ?? text}": write host:port of each, with commas between`);
  }
  return all;
});

/** What throws RangeError, as a step of a model. */
const taken =
  <T>(read: (text: string) => T) =>
  (text: string, ctx: z.RefinementCtx): T => {
    try {
      return read(text);
    } catch (error) {
      ctx.addIssue((error as Error).message);
      return z.NEVER;
    }
  };

const wholeNumber = (least: number, most: number) =>
  z.coerce
    .number(`write a whole number from ${least} to ${most}`)
    .int(`write a whole number from ${least} to ${most}`)
    .min(least, `write a whole number from ${least} to ${most}`)
    .max(most, `write a whole number from ${least} to ${most}`);

const model = z
  .object({
    BECKON_DEBUG: flag.default(false),
    BECKON_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    BECKON_APP: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,100}$/, 'write letters, digits, dots, dashes and underscores')
      .default('beckon'),
    BECKON_STATE_DIR: z.string().optional(),
    BECKON_STATE_MEMORY: wholeNumber(64, 1_000_000).default(DEFAULT_STATE_MEMORY),
    BECKON_API_KEYS: z.string().transform(taken(parseApiKeys)).optional(),
    BECKON_API_KEYS_FILE: z.string().transform(taken(readApiKeys)).optional(),
    BECKON_API_KEY: z.string().optional(),
    BECKON_API_RATE_LIMIT: wholeNumber(0, 1_000_000).default(2000),
    KAFKA_BROKERS: brokers.optional(),
    KAFKA_REPLICATION: wholeNumber(1, 100).optional(),
    KAFKA_TLS: flag.default(false),
    KAFKA_TLS_CA: z.string().optional(),
    KAFKA_TLS_CERT: z.string().optional(),
    KAFKA_TLS_KEY: z.string().optional(),
    KAFKA_SASL_MECHANISM: z.enum(SASL).optional(),
    KAFKA_SASL_USERNAME: z.string().optional(),
    KAFKA_SASL_PASSWORD: z.string().optional(),
    KAFKA_SESSION_TIMEOUT: wholeNumber(1000, 3_600_000).optional(),
    SCHEMA_REGISTRY_URL: z
      .url({ protocol: /^https?$/, error: 'write an address such as http://registry:8081' })
      .optional(),
    SCHEMA_REGISTRY_USERNAME: z.string().optional(),
    SCHEMA_REGISTRY_PASSWORD: z.string().optional(),
    BECKON_WEBHOOK_URL: z
      .url({ protocol: /^https?$/, error: 'write an address such as https://example.org/messages' })
      .optional(),
    BECKON_WEBHOOK_SECRET: z.string().optional(),
    CLICKHOUSE_URL: z.url().optional(),
    CLICKHOUSE_USER: z.string().optional(),
    CLICKHOUSE_PASSWORD: z.string().optional(),
    CLICKHOUSE_DATABASE: z.string().optional(),
  })
  .superRefine((env, ctx) => {
    const refuse = (name: string, message: string): void => ctx.addIssue({ code: 'custom', path: [name], message });
    const sasl = [env.KAFKA_SASL_MECHANISM, env.KAFKA_SASL_USERNAME, env.KAFKA_SASL_PASSWORD];
    if (sasl.includes(undefined) && sasl.some((value) => value !== undefined))
      refuse(
        'KAFKA_SASL_MECHANISM',
        'set it together with KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or none of them',
      );
    if ((env.KAFKA_TLS_CERT === undefined) !== (env.KAFKA_TLS_KEY === undefined))
      refuse('KAFKA_TLS_CERT', 'set it together with KAFKA_TLS_KEY, or neither of them');
    if (env.SCHEMA_REGISTRY_PASSWORD !== undefined && env.SCHEMA_REGISTRY_USERNAME === undefined)
      refuse('SCHEMA_REGISTRY_USERNAME', 'set it together with SCHEMA_REGISTRY_PASSWORD');
    const names = [...(env.BECKON_API_KEYS ?? []), ...(env.BECKON_API_KEYS_FILE ?? [])].map(({ name }) => name);
    if (new Set(names).size < names.length)
      refuse('BECKON_API_KEYS', 'names a key that BECKON_API_KEYS_FILE has too: give each a name of its own');
  })
  .transform((env) => ({
    /** Failures show where in the code they happened. */
    debug: env.BECKON_DEBUG,
    logLevel: env.BECKON_LOG_LEVEL,
    /** Bytes that the state of all tasks may take. */
    stateMemory: env.BECKON_STATE_MEMORY * MIB,
    api: {
      /** Empty: whoever reaches the API may use it. */
      keys: [...(env.BECKON_API_KEYS ?? []), ...(env.BECKON_API_KEYS_FILE ?? [])],
      /** Requests a second that a key may make; 0: any number. */
      rateLimit: env.BECKON_API_RATE_LIMIT,
    } satisfies ApiSettings,
    /** With which commands ask an instance that has keys; undefined: without. */
    apiKey: env.BECKON_API_KEY,
    /** Undefined: run embedded. */
    kafka: env.KAFKA_BROKERS === undefined ? undefined : kafkaOf(env, env.KAFKA_BROKERS),
    /** Where `--delivery webhook` posts messages; undefined: it can't be used. */
    webhook:
      env.BECKON_WEBHOOK_URL === undefined
        ? undefined
        : { url: env.BECKON_WEBHOOK_URL, secret: env.BECKON_WEBHOOK_SECRET },
    /** Undefined: the embedded engine. */
    clickhouse:
      env.CLICKHOUSE_URL === undefined
        ? undefined
        : {
            url: env.CLICKHOUSE_URL,
            ...(env.CLICKHOUSE_USER === undefined ? {} : { username: env.CLICKHOUSE_USER }),
            ...(env.CLICKHOUSE_PASSWORD === undefined ? {} : { password: env.CLICKHOUSE_PASSWORD }),
            ...(env.CLICKHOUSE_DATABASE === undefined ? {} : { database: env.CLICKHOUSE_DATABASE }),
          },
  }));

export type Config = z.output<typeof model>;

export interface ApiSettings {
  readonly keys: readonly ApiKey[];
  readonly rateLimit: number;
}

/** How to reach a cluster and its schema registry, and how this installation is named on them. */
export interface KafkaSettings {
  /** `host:port` of each. */
  readonly brokers: readonly string[];
  /** Begins the names of consumer groups, changelogs and transactional ids. */
  readonly app: string;
  /** Undefined: within the instance's folder. */
  readonly stateDir: string | undefined;
  /** Copies of topics that are created; undefined: as the cluster has it. */
  readonly replication: number | undefined;
  /** Files; undefined: no TLS. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly sasl:
    | { readonly mechanism: (typeof SASL)[number]; readonly username: string; readonly password: string }
    | undefined;
  /** ms; undefined: the default. */
  readonly sessionTimeout: number | undefined;
  readonly registry: { readonly url: string; readonly username?: string; readonly password?: string } | undefined;
}

interface KafkaVariables {
  readonly BECKON_APP: string;
  readonly BECKON_STATE_DIR?: string | undefined;
  readonly KAFKA_REPLICATION?: number | undefined;
  readonly KAFKA_TLS: boolean;
  readonly KAFKA_TLS_CA?: string | undefined;
  readonly KAFKA_TLS_CERT?: string | undefined;
  readonly KAFKA_TLS_KEY?: string | undefined;
  readonly KAFKA_SASL_MECHANISM?: (typeof SASL)[number] | undefined;
  readonly KAFKA_SASL_USERNAME?: string | undefined;
  readonly KAFKA_SASL_PASSWORD?: string | undefined;
  readonly KAFKA_SESSION_TIMEOUT?: number | undefined;
  readonly SCHEMA_REGISTRY_URL?: string | undefined;
  readonly SCHEMA_REGISTRY_USERNAME?: string | undefined;
  readonly SCHEMA_REGISTRY_PASSWORD?: string | undefined;
}

function kafkaOf(env: KafkaVariables, brokers: readonly string[]): KafkaSettings {
  const { KAFKA_TLS_CA: ca, KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: key } = env;
  const files = given({ ca, cert, key });
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = env;
  const { SCHEMA_REGISTRY_URL: url } = env;
  return {
    brokers,
    app: env.BECKON_APP,
    stateDir: env.BECKON_STATE_DIR,
    replication: env.KAFKA_REPLICATION,
    tls: env.KAFKA_TLS || Object.keys(files).length > 0 ? files : undefined,
    sasl:
      mechanism === undefined || username === undefined || password === undefined
        ? undefined
        : { mechanism, username, password },
    sessionTimeout: env.KAFKA_SESSION_TIMEOUT,
    registry:
      url === undefined
        ? undefined
        : { url, ...given({ username: env.SCHEMA_REGISTRY_USERNAME, password: env.SCHEMA_REGISTRY_PASSWORD }) },
  };
}

/** What of it is not undefined. */
function given<K extends string>(values: Readonly<Record<K, string | undefined>>): { readonly [P in K]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    readonly [P in K]?: string;
  };
}

/** A variable can't be understood. The message names it and what it takes. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig';
}

/** The configuration of an environment. Throws `BadConfig`. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = model.safeParse(set);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new BadConfig(`environment variable ${problems.join('; ')}`);
}

let known: Config | undefined;

/** The configuration of this process, read on first use. Throws `BadConfig`. */
export function config(): Config {
  known ??= readConfig(process.env);
  return known;
}
