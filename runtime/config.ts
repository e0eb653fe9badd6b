// The process environment, read here and nowhere else. Empty variables count as absent.
import { z } from 'zod';

const flag = z
  .enum(['1', 'true', 'yes', 'on', '0', 'false', 'no', 'off'])
  .transform((text) => ['1', 'true', 'yes', 'on'].includes(text));

const model = z
  .object({
    BECKON_DEBUG: flag.default(false),
    BECKON_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    KAFKA_BROKERS: z.string().optional(),
    CLICKHOUSE_URL: z.url().optional(),
    CLICKHOUSE_USER: z.string().optional(),
    CLICKHOUSE_PASSWORD: z.string().optional(),
    CLICKHOUSE_DATABASE: z.string().optional(),
  })
  .transform((env) => ({
    /** Failures show where in the code they happened. */
    debug: env.BECKON_DEBUG,
    logLevel: env.BECKON_LOG_LEVEL,
    /** `host:port` of each; undefined: run embedded. */
    kafkaBrokers: env.KAFKA_BROKERS?.split(',').map((broker) => broker.trim()),
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

/** A variable can't be understood. The message names it and what it takes. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig';
}

/** The configuration of an environment. Throws `BadConfig`. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = model.safeParse(given);
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
